#!/usr/bin/env bash
# Assembles the library's PTX with NVIDIA's ptxas for every GPU from Pascal to the newest that this ptxas knows, and fails where a
# kernel spills registers or uses a stack. ptxas is taken from PATH, from $PTXAS, or from Debian's package nvidia-cuda-toolkit
# (component non-free, 84 MB, unpacked into artifacts/ptxas, not installed): a check only, nothing of it goes into what is built here.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=$root/artifacts/ptxas

# apt with the system's own sources, non-free enabled, in a folder of its own.
fetch() {
    mkdir -p "$folder/sources" "$folder/lists/partial"
    local file
    for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
        [[ -s $file ]] || continue
        sed -E 's/^(Components:).*/\1 main non-free/; s/^(deb .*[[:space:]])main.*/\1main non-free/' "$file" >"$folder/sources/${file##*/}"
        break
    done
    local options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$folder/sources" -o "Dir::State::Lists=$folder/lists")
    [[ ! -e $folder/sources/sources.list ]] || mv "$folder/sources/sources.list" "$folder/sources/debian.list"
    apt-get "${options[@]}" update && (cd "$folder" && apt-get "${options[@]}" download nvidia-cuda-toolkit && dpkg -x nvidia-cuda-toolkit_*.deb .)
}

ptxas=${PTXAS:-$(command -v ptxas || true)}
if [[ -z $ptxas ]]; then
    ptxas=$folder/usr/bin/ptxas
    [[ -x $ptxas ]] || quietly ptxas.log "Bringing ptxas (84 MB, once)" fetch
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
known=$("$ptxas" --help)
for target in sm_60 sm_61 sm_70 sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120; do
    [[ $known == *"$target"* ]] || continue
    "$ptxas" -v -arch=$target "$root/src/NativeSteer/Cuda/kernels.ptx" -o /dev/null 2>"$log" || fail "ptxas refuses the PTX for $target: $(head -n 1 "$log")"
    registers=$(sed -nE "s/.*Compiling entry function '([^']*)'.*/\1/p; s/.*Used ([0-9]+) registers.*/\1/p" "$log" | paste -sd' ')
    printf '%s: %s\n' "$target" "$registers"
    if grep -B 2 -E '[1-9][0-9]* bytes (stack frame|spill)' "$log" >&2; then failed=1; fi
done
((failed == 0)) || fail "a kernel uses a stack or spills registers"
say "check-ptx.sh: no stack, no spills; registers a thread are beside each kernel"
