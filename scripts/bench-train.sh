#!/usr/bin/env bash
# Training steps against ggml's own autodiff and the machine's sgemm, on random models of two shapes: the README's table.
#   scripts/bench-train.sh [OPTIONS]     of `nativesteer bench train`; give it a quiet machine
set -euo pipefail
[[ " $* " == *" -r "* ]] || set -- -r 5 "$@"
exec "$(dirname "${BASH_SOURCE[0]}")/nativesteer" bench train "$@"
