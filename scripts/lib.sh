# shellcheck shell=bash
# Helpers of the scripts here; sourced after `set -euo pipefail`.

root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
if [[ -n ${LLAMA_DIR:-} ]]; then
    LLAMA_DIR=$(realpath "$LLAMA_DIR")
    export LLAMA_DIR
fi
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "${0##*/}: $*"
    exit 1
}

# What this machine must have; installs what is missing where that is possible.
set_up() { bash "$root/scripts/setup.sh" "$@"; }

# quietly LOG WHAT COMMAND...: one line on stderr while it runs; its output goes to artifacts/LOG, shown when it fails.
# A file and not a pipe: build servers that outlive the command would keep a pipe open.
quietly() {
    local log=$root/artifacts/$1 what=$2
    shift 2
    mkdir -p "${log%/*}"
    say "$what ..."
    if ! "$@" >"$log" 2>&1 </dev/null; then
        grep -E '(error|Error) ?[A-Z0-9]*:|error :' "$log" | sort -u >&2 || tail -n 20 "$log" >&2
        fail "$what failed; all of it is in artifacts/${log#"$root/artifacts/"}"
    fi
}

# is_current STAMP PATH...: the stamp is of the same LLAMA_DIR and nothing at these paths is newer.
# Folders count, so deletions are seen.
is_current() {
    local stamp=$1
    shift
    [[ -e $stamp && $(<"$stamp") == "${LLAMA_DIR:-}" && -z $(cd "$root" && find "$@" -newer "$stamp" -print -quit 2>&1) ]]
}

# start_stamp STAMP: to be made before a build and put in place after it, so that no change between is missed.
start_stamp() {
    mkdir -p "${1%/*}"
    printf '%s\n' "${LLAMA_DIR:-}" >"$1"
}

# Everything the libraries are built of.
sources=(src native CMakeLists.txt Directory.Build.props Directory.Packages.props global.json)
[[ ! -d $root/kernels ]] || sources+=(kernels)
