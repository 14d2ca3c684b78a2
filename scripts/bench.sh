#!/usr/bin/env bash
# What the hook costs, on a random model of 108 million weights that this script writes: plain llama.cpp, hook idle, one
# layer steered with K = 1, 16 and 256 distinct vectors, and every layer summed, side by side in one run.
#   scripts/bench.sh            the tables of the README, about 7 minutes
#   scripts/bench.sh MODEL      on a model of yours
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=${1:-$("$root/scripts/bench-model.sh")}
run() { "$root/scripts/nativesteer" bench -m "$model" "$@"; }

run -npl 1,16 -npp 128 -ntg 32 -K 1,16 -r 11
run -npl 256 -npp 16 -ntg 8 -K 1,16,256 --modes idle,steer -r 5
run -npl 1 -npp 512 -ntg 16 --modes capture -r 31

# The same decoding by llama.cpp's own tool, as a check on the denominator.
tool=$root/artifacts/llama-tools/llama-batched-bench
if [[ -x $tool ]]; then
    "$tool" -m "$model" -c 4096 -b 512 -ub 512 -t "$(nproc)" -tb "$(nproc)" -kvu -fa on -npp 128 -ntg 32 -npl 1,16 2>/dev/null | grep '^|'
else
    say "scripts/build-llama-tools.sh builds llama-batched-bench, for the same table by llama.cpp itself"
fi
