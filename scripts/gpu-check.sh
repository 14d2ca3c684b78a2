#!/usr/bin/env bash
# Everything that only a GPU can show, in one run of minutes, on a machine that may have no .NET, no network and no package manager:
# CUDA's toolkit and driver, cmake, make and g++ are enough. Two steps:
#   scripts/gpu-check.sh pack [FILE]        here: the program with its runtime, our native sources, and llama.cpp's (about 30 MB)
#   tar xf FILE && gpu-check/run [OUT.json] there: builds llama.cpp with CUDA for that GPU, runs all checks, writes one JSON
# A build that is there already is kept, so that 'gpu-check/run --build' and 'gpu-check/run' can be two commands.
# --cpu builds and runs the same without CUDA, to try the script itself.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

say() { printf '%s\n' "$*" >&2; }
die() {
    say "gpu-check: $*"
    exit 1
}

# ---- here

pack() {
    # shellcheck source=scripts/lib.sh
    source "$here/lib.sh"
    local file=${1:-$root/artifacts/gpu-check.tar.xz} stage=$root/artifacts/gpu-check
    # shellcheck disable=SC2119
    set_up
    quietly gpu-check-source.log "Bringing llama.cpp's source" cmake -DWITH_SOURCE=ON -P "$root/native/fetch.cmake"
    rm -rf "$stage"
    mkdir -p "$stage/llama.cpp"
    quietly gpu-check-publish.log "Publishing with its runtime" dotnet publish "$root/src/NativeSteer.Cli" -c Release -r linux-x64 --self-contained true \
        -p:ArtifactsPath="$root/artifacts/gpu-check-build" -o "$stage/cli"
    rm -rf "$stage/cli/runtimes" # built there
    cp -r "$root/native" "$root/CMakeLists.txt" "$stage"
    cp "$here/gpu-check.sh" "$stage/run"
    cp "$root/artifacts/llama/models/ggml-vocab-llama-spm.gguf" "$stage/vocabulary.gguf"
    (cd "$root/artifacts/llama-source" && tar cf - --exclude='ggml/src/ggml-[!c]*' --exclude=ggml/src/ggml-cann --exclude=.git CMakeLists.txt LICENSE cmake include src ggml vendor) |
        tar xf - -C "$stage/llama.cpp"
    cp "$root"/artifacts/llama-source/ggml/src/ggml-*.[ch]* "$stage/llama.cpp/ggml/src/"
    tar cJf "$file.new" -C "$root/artifacts" gpu-check
    mv "$file.new" "$file"
    say "$(du -h "$file" | cut -f 1) in $file"
}

# ---- there

work=$here/work
cuda=ON
with_gpu() { [[ $cuda == ON ]]; }

build() {
    [[ -e $work/lib/libnativesteer.so ]] && return
    command -v cmake >/dev/null || die "cmake is missing"
    local options=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DGGML_NATIVE=ON -DGGML_CCACHE=OFF -DGGML_CUDA="$cuda" -DLLAMA_BUILD_NUMBER=0
        -DLLAMA_BUILD_COMMIT=none -DLLAMA_OPENSSL=OFF)
    local part
    for part in COMMON TESTS TOOLS EXAMPLES SERVER APP; do options+=("-DLLAMA_BUILD_$part=OFF"); done
    if with_gpu; then
        local compiler
        compiler=$(command -v nvcc || compgen -G '/usr/local/cuda*/bin/nvcc' | tail -n 1 || true)
        [[ -n $compiler ]] || die "nvcc is missing: CUDA's toolkit is needed"
        options+=(-DCMAKE_CUDA_COMPILER="$compiler" -DCMAKE_CUDA_ARCHITECTURES="$(gpu compute_cap | tr -d .)")
    fi
    mkdir -p "$work"
    say "building llama.cpp (work/build.log)"
    {
        cmake -S "$here/llama.cpp" -B "$here/llama.cpp/build" "${options[@]}" &&
            cmake --build "$here/llama.cpp/build" --target llama --parallel "$(nproc)" &&
            cmake -S "$here" -B "$work/native" -DLLAMA_DIR="$here/llama.cpp" -DNATIVESTEER_OUTPUT="$work/lib" &&
            cmake --build "$work/native" --parallel "$(nproc)"
    } >"$work/build.log" 2>&1 || {
        rm -f "$work/lib/libnativesteer.so"
        grep -m 5 -E 'error|Error' "$work/build.log" >&2
        die "the build failed; all of it is in $work/build.log"
    }
}

gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader | head -n 1; }

text() { printf '"%s"' "$(tr -d '\000-\037' <<<"$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

# step NAME SECONDS COMMAND...: runs it and keeps what it printed, which is JSON, or is left out.
steps=()
failed=0
step() {
    local name=$1 limit=$2 start=$SECONDS code=0 result=null
    shift 2
    say "$name ..."
    timeout "$limit" "$@" >"$work/$name.json" 2>"$work/$name.log" </dev/null || code=$?
    # What was finished before a limit is a result too.
    if [[ $(head -c 1 "$work/$name.json") == [\[\{] ]]; then result=$(<"$work/$name.json"); fi
    if ((code != 0)); then
        failed=$((failed + 1))
        say "  exit code $code: $(tail -n 1 "$work/$name.log")"
    fi
    steps+=("{\"step\": $(text "$name"), \"exit_code\": $code, \"seconds\": $((SECONDS - start)), \"said\": $(text "$(tail -n 3 "$work/$name.log" | tr '\n' ' ')"), \"result\": $result}")
}

# stayed_there NAME: a step of that name did not fall back to copies on the host, which it would have said.
stayed_there() {
    if with_gpu; then step "$1-on-the-device" 5 bash -c "! grep -m 1 'copied to the host' '$work/$1.log' >&2"; fi
}

machine() {
    local driver="" name="" memory="" capability="" toolkit=""
    if with_gpu; then
        driver=$(gpu driver_version) name=$(gpu name) memory=$(gpu memory.total) capability=$(gpu compute_cap)
        toolkit=$(grep -oE 'CMAKE_CUDA_COMPILER_VERSION "[0-9.]+' "$here"/llama.cpp/build/CMakeFiles/*/CMakeCUDACompiler.cmake 2>/dev/null | grep -oE '[0-9.]+$' || true)
    fi
    printf '{"gpu": %s, "memory": %s, "compute_capability": %s, "driver": %s, "toolkit": %s, "cores": %s, "processor": %s, "date": %s}' \
        "$(text "$name")" "$(text "$memory")" "$(text "$capability")" "$(text "$driver")" "$(text "$toolkit")" "$(nproc)" \
        "$(text "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)")" "$(text "$(date -u +%FT%TZ)")"
}

run() {
    local output=$1 cli=$here/cli/NativeSteer.Cli model=$work/model.gguf shape=(--width 2048 --layers 16 --heads 16 --kv-heads 4 --ff 5632) large=(-npl "1,64,256" -npp 128 -ntg 32)
    export NATIVESTEER_LIBRARY_DIR=$work/lib NATIVESTEER_MODEL_DIR=$work DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 LD_LIBRARY_PATH=$work/lib:${LD_LIBRARY_PATH:-}
    if ! with_gpu; then shape=(--width 256 --layers 2 --heads 4) large=(-npl "1,4" -npp 16 -ntg 4); fi
    printf 'the a\nthe o\nthe e\n' >"$work/positive.txt"
    printf 'so wait\nso hmm\nso so\n' >"$work/negative.txt"
    local extract=("$cli" vector extract --positive-file "$work/positive.txt" --negative-file "$work/negative.txt" --json)

    # Edits in place against llama.cpp's own control vector, zero, order of layers; the kernels against the CPU.
    step doctor 120 "$cli" doctor --json
    if with_gpu; then step kernels 60 "$cli" bench kernels --json; fi
    # The same sums by the kernels and by the host, which is what remains without a driver: the same bits.
    step sums-by-kernels 60 "${extract[@]}" -o "$work/kernels.gguf"
    step sums-by-host 60 env NATIVESTEER_CUDA_DRIVER=/nowhere/libcuda.so "${extract[@]}" -o "$work/host.gguf"
    step kernels-and-host 30 "$cli" vector compare "$work/kernels.gguf" "$work/host.gguf" --exact --json
    stayed_there sums-by-kernels
    # Speeds, on a random model of the shape of Llama 3.2 1B.
    if [[ ! -e $model ]]; then
        step model 120 "$cli" train init --vocab-from "$here/vocabulary.gguf" "${shape[@]}" --context 4096 --untied -o "$work/f32.gguf"
        step quantize 60 "$cli" quantize Q8_0 -m "$work/f32.gguf" -o "$model" --json
        rm -f "$work/f32.gguf"
    fi
    step doctor-large 120 "$cli" doctor -m "$model" --json
    step bench 200 "$cli" bench -m "$model" "${large[@]}" -K 1,16,256 -r 5 --json
    stayed_there bench
    {
        printf '{"machine": %s,\n"failed": %s,\n"steps": [\n' "$(machine)" "$failed"
        local i
        for ((i = 0; i < ${#steps[@]}; i++)); do printf '%s%s\n' "${steps[i]}" "$( ((i < ${#steps[@]} - 1)) && printf ',')"; done
        printf ']}\n'
    } >"$output.new"
    mv "$output.new" "$output"
    say "$output: ${#steps[@]} steps, $failed failed"
    ((failed == 0))
}

if [[ ${1:-} == pack ]]; then
    pack "${2:-}"
    exit
fi
[[ -d $here/cli ]] || die "give 'pack' here, and run the packed script there (see the top of this file)"
only_build=0
while [[ ${1:-} == --* ]]; do
    case $1 in
        --cpu) cuda=OFF ;;
        --build) only_build=1 ;;
        *) die "there is no option $1" ;;
    esac
    shift
done
if with_gpu && ! command -v nvidia-smi >/dev/null; then die "no NVIDIA driver runs here (nvidia-smi is missing)"; fi
start=$SECONDS
build
say "built in $((SECONDS - start)) s"
((only_build)) || run "$(realpath -m "${1:-gpu-check.json}")"
