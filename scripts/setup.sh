#!/usr/bin/env bash
# Gets what a build needs: cmake, g++, npm and git from apt (as root; otherwise it prints the line to run),
# and looks for the .NET SDK. Does nothing, fast, when all is there.
#   setup.sh PACKAGE...    also programs, named like their packages, without which some tests are left out: only as root
set -euo pipefail

fail() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

sdk=$(command -v dotnet) || fail "the .NET SDK 10 is missing. Get it from https://dotnet.microsoft.com/download/dotnet/10.0"
sdk=$(readlink -f "$sdk")
compgen -G "${sdk%/*}/sdk/10.*" >/dev/null || compgen -G "${DOTNET_ROOT:-/nowhere}/sdk/10.*" >/dev/null ||
    fail "the dotnet on PATH has no SDK 10. Get it from https://dotnet.microsoft.com/download/dotnet/10.0"

tools=(cmake make g++ npm)
# A llama.cpp of the user's own is not unpacked.
[[ -n ${LLAMA_DIR:-} ]] || tools+=(git)
missing=()
for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((EUID == 0)); then
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
fi
((${#missing[@]})) || exit 0
# npm only recommends it, and cannot trust a registry without.
[[ -e /etc/ssl/certs/ca-certificates.crt ]] || missing+=(ca-certificates)

install="apt-get install -y ${missing[*]}"
if ((EUID != 0)); then
    fail "missing: ${missing[*]}. Run: sudo $install"
fi
command -v apt-get >/dev/null || fail "missing: ${missing[*]}. Install them with this system's package manager."
printf 'Installing %s ...\n' "${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    fail "could not install ${missing[*]}. Run: $install"
fi
