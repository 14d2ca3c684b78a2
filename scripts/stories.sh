#!/usr/bin/env bash
# Steering on a model of yours: a vector from 32 happy and 32 sad story beginnings, then 112 stories steered by it at seven
# strengths, all in one batch. The files stay in artifacts/stories.
#   scripts/stories.sh [MODEL.gguf]      default: the 260K-weight story teller in ../shared
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=${1:-$root/../shared/models/stories260K.gguf}
[[ -r $model ]] || fail "no model at $model. Give one: scripts/stories.sh MODEL.gguf"
command -v node >/dev/null || fail "node is missing, which counts the words: apt-get install -y nodejs"
data=$root/scripts/stories out=$root/artifacts/stories
mkdir -p "$out"
nativesteer() { "$root/scripts/nativesteer" "$@"; }

nativesteer vector extract -m "$model" --positive-file "$data/happy.txt" --negative-file "$data/sad.txt" --position mean -o "$out/happy.gguf"

# Steer after the block at three fifths of the model, in shares of the residual stream's length there.
layers=$(nativesteer info --json "$model" | sed -n 's/^ *"layers": \([0-9]*\).*/\1/p' | head -n 1)
layer=$((layers * 3 / 5))
for scale in -0.4 -0.2 -0.1 0 0.1 0.2 0.4; do
    printf '{"id": "%s", "prompt": "Once upon a time, there was a little girl named Lily. One day,", "steer": [{"vector": "%s", "scale": %s, "layers": "%s", "unit": "rel"}]}\n' \
        "$scale" "$out/happy.gguf" "$scale" "$layer"
done >"$out/prompts.jsonl"
nativesteer generate -m "$model" -f "$out/prompts.jsonl" -n 120 --samples 16 -np 112 -o "$out/run.jsonl"

echo
echo "Steered after block $layer of $layers; words of happiness and of sadness in 16 stories each:"
node "$data/summary.mjs" "$out/run.jsonl"
say "the vector: artifacts/stories/happy.gguf, the stories: artifacts/stories/run.jsonl"
