#!/usr/bin/env bash
# How fast rows are summed on this CPU, against how fast one thread reads memory: 32 layers of width 4096 for a prompt of 512 tokens.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set_up
build() {
    cmake -S "$root/tests/kernels" -B "$root/artifacts/kernels" && cmake --build "$root/artifacts/kernels" --target rate
}
quietly bench-reduce.log "Building" build
exec "$root/artifacts/kernels/out/rate"
