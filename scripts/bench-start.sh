#!/usr/bin/env bash
# Cold start: the median wall time of --help and of info on a model of 1 MB, each as a process of its own.
#   scripts/bench-start.sh [RUNS]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

runs=${1:-21}
model=$root/../shared/models/stories260K.gguf
"$root/scripts/nativesteer" --version >/dev/null # built before anything is timed

median() {
    for ((run = 0; run < runs; run++)); do
        { TIMEFORMAT=%R; time "$root/artifacts/cli/NativeSteer.Cli" "$@" >/dev/null; } 2>&1
    done | sort -n | sed -n "$(((runs + 1) / 2))p"
}
printf 'nativesteer --help          %s s (median of %d)\n' "$(median --help)" "$runs"
[[ ! -r $model ]] || printf 'nativesteer info, 1 MB      %s s\n' "$(median info "$model")"
