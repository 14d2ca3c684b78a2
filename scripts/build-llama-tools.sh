#!/usr/bin/env bash
# Builds llama.cpp's own programs for side-by-side runs, from the pinned source, into artifacts/llama-tools
# (about 4 minutes on 2 cores): llama-batched-bench, llama-cvector-generator, llama-quantize.
# artifacts/llama-source is then also a folder for -DLLAMA_DIR.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tools=(llama-batched-bench llama-cvector-generator llama-quantize)
source_folder=$root/artifacts/llama-source
tools_folder=$root/artifacts/llama-tools

set_up
quietly llama-tools.log "Fetching llama.cpp's source" cmake -DWITH_SOURCE=ON -P "$root/native/fetch.cmake"
if ! cmp -s "$source_folder/.stamp" "$tools_folder/.stamp"; then
    quietly llama-tools.log "Configuring llama.cpp" cmake -S "$source_folder" -B "$source_folder/build" \
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_CURL=OFF
    quietly llama-tools.log "Building ${tools[*]} (minutes)" \
        cmake --build "$source_folder/build" --parallel "$(nproc)" --target "${tools[@]}"
    rm -rf "$tools_folder.new"
    cp -a "$source_folder/build/bin" "$tools_folder.new"
    cp "$source_folder/.stamp" "$tools_folder.new/.stamp"
    rm -rf "$tools_folder"
    mv "$tools_folder.new" "$tools_folder"
fi
printf '%s\n' "${tools[@]/#/$tools_folder/}"
