#!/usr/bin/env bash
# A difference of means over 64 prompt pairs of about 100 tokens: nativesteer against llama.cpp's own
# llama-cvector-generator, on the same model and prompts, alternately in one run, whole commands timed; then our peak
# memory with 64 and with 512 pairs. Builds llama.cpp's tools first (about 4 minutes, once).
#   scripts/bench-extract.sh [ROUNDS]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rounds=${1:-5}
model=$("$root/scripts/bench-model.sh")
"$root/scripts/build-llama-tools.sh" >/dev/null
"$root/scripts/nativesteer" --version >/dev/null # built before anything is timed
folder=$root/artifacts/bench
pairs() { dotnet "$root/artifacts/bin/NativeSteer.Benchmarks/release/NativeSteer.Benchmarks.dll" pairs "$folder/pairs-$1" "$1"; }
pairs 64
pairs 512

ours() { # PAIRS: the command line in $command
    command=("$root/scripts/nativesteer" vector extract -m "$model" -t 2 -o "$folder/ours.gguf"
        --positive-file "$folder/pairs-$1/positive.txt" --negative-file "$folder/pairs-$1/negative.txt")
}
theirs() {
    command=("$root/artifacts/llama-tools/llama-cvector-generator" -m "$model" -t 2 --method mean -o "$folder/theirs.gguf"
        --positive-file "$folder/pairs-64/positive.txt" --negative-file "$folder/pairs-64/negative.txt")
}
# The wall time of $command in seconds.
seconds() {
    local log=$folder/run.log
    if ! { TIMEFORMAT=%R; time "${command[@]}" >"$log" 2>&1; } 2>"$folder/time"; then
        tail -n 3 "$log" >&2
        fail "a run failed; its output is in artifacts/bench/run.log"
    fi
    cat "$folder/time"
}
# The largest resident set of $command in MiB, read while it runs; scripts/nativesteer execs, so the process stays the same.
peak() {
    "${command[@]}" >/dev/null 2>&1 &
    local pid=$! largest=0 now
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [[ -n $now ]]; do
        largest=$now
        sleep 0.02
    done
    wait "$pid"
    printf '%d\n' $((largest / 1024))
}

printf 'round  nativesteer s  llama-cvector-generator s  ratio\n'
ratios=()
for ((round = 1; round <= rounds; round++)); do
    ours 64
    a=$(seconds)
    theirs
    b=$(seconds)
    ratios+=("$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b / a }')")
    printf '%5d  %13s  %25s  %5s\n' "$round" "$a" "$b" "${ratios[-1]}"
done
printf 'median ratio: %s\n' "$(printf '%s\n' "${ratios[@]}" | sort -n | sed -n "$(((rounds + 1) / 2))p")"

ours 64
small=$(peak)
ours 512
large=$(peak)
theirs
other=$(peak)
printf 'peak memory, MiB: nativesteer %s with 64 pairs, %s with 512; llama-cvector-generator %s with 64\n' "$small" "$large" "$other"
