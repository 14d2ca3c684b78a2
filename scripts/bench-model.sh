#!/usr/bin/env bash
# Writes the random model that the benchmarks run on, once, and prints its path.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=$root/artifacts/bench/random-108m-q8_0.gguf
if [[ ! -e $model ]]; then
    set_up
    mkdir -p "${model%/*}"
    quietly bench-build.log "Building the benchmarks" dotnet build "$root/tests/NativeSteer.Benchmarks" -c Release
    dotnet "$root/artifacts/bin/NativeSteer.Benchmarks/release/NativeSteer.Benchmarks.dll" model "$root/artifacts/llama/models/ggml-vocab-llama-spm.gguf" "$model"
fi
printf '%s\n' "$model"
