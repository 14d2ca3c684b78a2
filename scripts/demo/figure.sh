#!/usr/bin/env bash
# Draws README's picture, scripts/demo/dose.svg, from the demo's last run (artifacts/demo/run.jsonl), with vega-lite.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

tools=$root/artifacts/figures
if [[ ! -d $tools/node_modules/vega-lite ]]; then
    mkdir -p "$tools"
    quietly figures-install.log "Installing vega and vega-lite" npm install --prefix "$tools" --no-audit --no-fund vega@6.4.0 vega-lite@6.5.0
fi
cp "$root/scripts/demo/summary.mjs" "$root/scripts/demo/figure.mjs" "$tools/"
node "$tools/figure.mjs" "$root/artifacts/demo/run.jsonl" >"$tools/dose.svg"
mv "$tools/dose.svg" "$root/scripts/demo/dose.svg"
