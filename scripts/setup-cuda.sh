#!/usr/bin/env bash
# Brings the CUDA build of llama.cpp that this machine's NVIDIA driver can run, and says what is missing for it.
#   scripts/setup-cuda.sh            checks, downloads (143 MB; 320 MB for CUDA 12), and says how to build with it
#   scripts/setup-cuda.sh --check    checks alone: exit code 0 when all is there
# Drivers of 580 and newer run the build for CUDA 13, those of 525 and newer the one for CUDA 12. Each needs that CUDA's libcudart and
# libcublas, which a driver does not bring.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

least_for_13=580 least_for_12=525

# The driver's version: 580.159.04. Empty where there is none.
driver_version() {
    local version=""
    if command -v nvidia-smi >/dev/null; then version=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1 || true); fi
    if [[ ! $version =~ ^[0-9]+\. && -r /proc/driver/nvidia/version ]]; then
        version=$(sed -nE '1s/.* ([0-9]+\.[0-9.]+) .*/\1/p' /proc/driver/nvidia/version)
    fi
    if [[ $version =~ ^[0-9]+\. ]]; then printf '%s\n' "$version"; fi
}

# Where the loader finds a library; empty where it does not.
find_library() {
    local folder
    IFS=: read -ra folders <<<"${LD_LIBRARY_PATH:-}"
    for folder in "${folders[@]}"; do
        if [[ -n $folder && -e $folder/$1 ]]; then
            printf '%s\n' "$folder/$1"
            return
        fi
    done
    { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true; } | awk -v name="$1" '$1 == name { print $NF; exit }'
}

# Folders that CUDA is installed to and the loader does not look into by itself.
suggest_folder() {
    local file
    for file in /usr/local/cuda*/lib64/"$1" /usr/local/cuda*/targets/*/lib/"$1" /usr/lib/wsl/lib/"$1" /usr/local/nvidia/lib64/"$1" \
        /usr/lib/python3*/site-packages/nvidia/*/lib/"$1" /opt/*/lib/python3*/site-packages/nvidia/*/lib/"$1"; do
        if [[ -e $file ]]; then
            printf '%s\n' "${file%/*}"
            return
        fi
    done
}

check() {
    [[ $(uname -sm) == "Linux x86_64" ]] || fail "the CUDA builds are for Linux on x86-64; this is $(uname -sm)"
    local version missing=() name hint
    version=$(driver_version)
    [[ -n $version ]] || fail "no NVIDIA driver runs here (nvidia-smi and /proc/driver/nvidia/version say nothing): install one of $least_for_12 or newer; without it everything runs on the CPU"
    if ((${version%%.*} >= least_for_13)); then cuda=13 minor=0
    elif ((${version%%.*} >= least_for_12)); then cuda=12 minor=8
    else fail "the NVIDIA driver is $version, $least_for_12 or newer is needed; without it everything runs on the CPU"; fi
    [[ -n $(find_library libcuda.so.1) ]] || fail "the NVIDIA driver $version runs, but its libcuda.so.1 is not found: add its folder to LD_LIBRARY_PATH$(folder=$(suggest_folder libcuda.so.1); [[ -z $folder ]] || printf ' (%s)' "$folder")"
    for name in "libcudart.so.$cuda" "libcublas.so.$cuda" "libcublasLt.so.$cuda"; do
        [[ -n $(find_library "$name") ]] && continue
        hint=$(suggest_folder "$name")
        missing+=("$name${hint:+ (there is one in $hint: add it to LD_LIBRARY_PATH)}")
    done
    if ((${#missing[@]})); then
        printf -v hint '%s, ' "${missing[@]}"
        fail "driver $version, CUDA $cuda: missing ${hint%, }. Get them from NVIDIA's repository (apt-get install cuda-cudart-$cuda-$minor libcublas-$cuda-$minor)"
    fi
    say "driver $version, CUDA $cuda: libcuda, libcudart and libcublas are there"
}

case ${1:-} in
    "" | --check) ;;
    *) fail "there is no option $1; --check is the only one" ;;
esac
check
if [[ ${1:-} == --check ]]; then exit 0; fi
# shellcheck disable=SC2119
set_up
quietly setup-cuda.log "Bringing llama.cpp for CUDA $cuda (once)" cmake -DCUDA="$cuda" -P "$root/native/cuda.cmake"
say "artifacts/llama-cuda has it. Everything built with LLAMA_DIR set uses it:"
printf 'export LLAMA_DIR=%q\n' "$root/artifacts/llama-cuda"
say "then: scripts/nativesteer doctor"
