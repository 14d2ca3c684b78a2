#!/usr/bin/env bash
# Opens a report in Chromium as a reader would, and fails on a console error, a missing figure, a request to a network, a page
# wider than its window, or a dark print. Pictures and a PDF stay in artifacts/report-check.
#   scripts/report-check.sh [REPORT.html]    default: artifacts/demo/report.html, which `nativesteer demo` writes first
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=1.65.1 # of playwright-core, which drives the system's Chromium
tools=$root/artifacts/report-check-tools

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]]; then
    install="apt-get install -y --no-install-recommends chromium fonts-liberation"
    ((EUID == 0)) && command -v apt-get >/dev/null || fail "Chromium is missing. Run: sudo $install"
    export DEBIAN_FRONTEND=noninteractive
    quietly report-check-apt.log "Installing Chromium" bash -c "apt-get update && $install"
    browser=$(command -v chromium)
fi
command -v npm >/dev/null || set_up
if [[ ! -e $tools/node_modules/playwright-core-$version ]]; then
    mkdir -p "$tools"
    quietly report-check-npm.log "Installing playwright-core" npm install --prefix "$tools" --no-audit --no-fund "playwright-core@$version"
    touch "$tools/node_modules/playwright-core-$version"
fi

report=${1:-}
if [[ -z $report ]]; then
    "$root/scripts/nativesteer" demo -o "$root/artifacts/demo"
    report=$root/artifacts/demo/report.html
fi
[[ -r $report ]] || fail "no report at $report"
cp "$root/scripts/report-check/check.mjs" "$tools/"
node "$tools/check.mjs" "$(realpath "$report")" "$browser" "$root/artifacts/report-check"
say "pictures: artifacts/report-check"
