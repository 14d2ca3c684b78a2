#!/usr/bin/env bash
# How fast the hook sums every row of every layer on this CPU, against how fast all of its threads together read memory: a prompt of
# 512 tokens through a random model of width 4096, which this script writes once (440 MB). The line 'sums of every row' is the result.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=$root/artifacts/bench/random-wide-q8_0.gguf
ns() { "$root/scripts/nativesteer" "$@"; }
if [[ ! -e $model ]]; then
    mkdir -p "${model%/*}"
    ns train init --vocab-from countdown --width 4096 --layers 8 --heads 32 --kv-heads 8 --ff 1024 --context 1024 --seed 1 -o "$model.f32"
    ns quantize Q8_0 -m "$model.f32" -o "$model"
    rm "$model.f32"
fi
ns bench -m "$model" -npp 512 -ntg 1 -npl 1 --modes capture -r 9
