#!/usr/bin/env bash
# Builds what the benchmarks need, writes the random model they run on, once, and prints its path.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=$root/artifacts/bench/random-108m-q8_0.gguf
stamp=$root/artifacts/bin/NativeSteer.Benchmarks/.stamp
if ! is_current "$stamp" "${sources[@]}" tests/NativeSteer.Benchmarks; then
    set_up
    start_stamp "$stamp.new"
    quietly bench-build.log "Building the benchmarks" dotnet build "$root/tests/NativeSteer.Benchmarks" -c Release
    mv "$stamp.new" "$stamp"
fi
if [[ ! -e $model ]]; then
    mkdir -p "${model%/*}"
    dotnet "$root/artifacts/bin/NativeSteer.Benchmarks/release/NativeSteer.Benchmarks.dll" model "$root/artifacts/llama/models/ggml-vocab-llama-spm.gguf" "$model"
fi
printf '%s\n' "$model"
