#!/usr/bin/env bash
# Compiles kernels/*.cu to PTX, without a CUDA toolkit.
#   scripts/build-kernels.sh         into src/NativeSteer/Cuda/kernels.ptx, which the library carries
#   scripts/build-kernels.sh FILE    elsewhere; the tests compare that with the one in the repository
# sm_60 and PTX 6.0: what every NVIDIA driver since 384 compiles for its GPU. clang-14 is Debian 12's; another version writes other
# PTX, so the file is made with this one (apt-get install -y --no-install-recommends clang-14).
set -euo pipefail
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
to=$(realpath -m "${1:-$root/src/NativeSteer/Cuda/kernels.ptx}")
command -v clang-14 >/dev/null || {
    echo "build-kernels.sh: clang-14 is missing. Get it with: apt-get install -y --no-install-recommends clang-14" >&2
    exit 1
}
cd "$root/kernels" # paths that the compiler writes do not depend on where the repository lies
clang-14 -x cuda --cuda-device-only -nocudainc -nocudalib -nostdinc++ -std=c++17 -O3 -ffp-contract=off -Wall -Wextra -Werror \
    --cuda-gpu-arch=sm_60 -Xclang -target-feature -Xclang +ptx60 -S all.cu -o "$to.new"
# Arrays in a thread's own memory would be far slower than registers.
# Without .rn a driver's compiler may fuse a product and a sum, and the results would not be the CPU's.
if grep -nE '\.local|call(\.uni)? |[[:space:]](mul|add|sub|fma)\.f(32|64)' "$to.new" >&2; then
    echo "build-kernels.sh: the PTX uses local memory, calls a function, or leaves a rounding open" >&2
    rm "$to.new"
    exit 1
fi
mv "$to.new" "$to"
