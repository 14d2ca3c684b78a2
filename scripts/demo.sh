#!/usr/bin/env bash
# Runs the main job on a model: demo.sh [MODEL.gguf]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=${1:-$root/../shared/models/stories260K.gguf}
[[ -r $model ]] || fail "no model at $model. Give one: scripts/demo.sh MODEL.gguf"
"$root/scripts/nativesteer" info "$model"
