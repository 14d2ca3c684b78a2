#!/usr/bin/env bash
# The backtracking study on the built-in models, about a minute on two cores: three sentences here, figures in a report.
#   scripts/demo.sh [OPTION...]      options of 'nativesteer demo'; default: -o artifacts/demo
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($#)) || { rm -rf "$root/artifacts/demo" && set -- -o "$root/artifacts/demo"; }
exec "$root/scripts/nativesteer" demo "$@"
