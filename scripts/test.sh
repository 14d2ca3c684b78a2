#!/usr/bin/env bash
# Builds and runs all tests. Ends with the line "N passed, N failed"; exit code 1 when one failed or none ran.
#   scripts/test.sh                      all
#   scripts/test.sh Tokenizer            those whose full name contains the word
#   scripts/test.sh --filter ... -v n    options of dotnet test
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

passed=0 failed=0 skipped=0

finish() {
    if ((passed + failed == 0)); then say "test.sh: no test ran"; fi
    if ((skipped)); then printf '%d skipped\n' "$skipped"; fi
    printf '%d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0 && passed > 0)) || exit 1
    exit 0
}

if (($# == 1)) && [[ $1 != -* ]]; then set -- --filter "$1"; fi
cd "$root"
results=artifacts/test-results
stamp=artifacts/bin/.tests-stamp

build() {
    set_up clang-14 || return # compiles the kernels as scripts/build-kernels.sh does
    mkdir -p artifacts
    exec 9>artifacts/tests.lock
    flock 9
    if is_current "$stamp" "${sources[@]}" tests scripts/build-kernels.sh NativeSteer.sln; then return; fi
    start_stamp "$stamp.new"
    quietly test-build.log "Building" dotnet build NativeSteer.sln -c Release 9>&-
    mv "$stamp.new" "$stamp"
}

# A failed build is a failure of the last line too.
if ! (build); then
    failed=1
    finish
fi

rm -rf "$results"
for folder in tests/*.Tests; do
    name=${folder##*/}
    before=$failed
    status=0
    dotnet test "artifacts/bin/$name/release/$name.dll" --nologo --results-directory "$results/$name" \
        --logger trx --logger "console;verbosity=minimal" "$@" </dev/null |
        sed -uE '/^(Starting test execution|A total of [0-9]+ test|Results File:|VSTest version)/d; /^$/d' || status=$?
    for report in "$results/$name"/*.trx; do
        [[ -e $report ]] || continue
        # <Counters total="5" executed="5" passed="5" failed="0" .../>; what was skipped was not executed.
        counters=$(grep -o '<Counters [^>]*>' "$report" | head -n 1)
        for counter in total executed passed failed; do
            [[ $counters =~ \ $counter=\"([0-9]+)\" ]] || fail "no $counter in $report"
            declare "n_$counter=${BASH_REMATCH[1]}"
        done
        # shellcheck disable=SC2154 # declared by name above
        ((passed += n_passed, failed += n_failed, skipped += n_total - n_executed)) || true
    done
    if ((status && failed == before)); then
        say "test.sh: the run of $name ended with exit code $status without a failed test; counted as one"
        ((failed += 1))
    fi
done
finish
