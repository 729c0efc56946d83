#!/bin/sh
# Runs test programs one after the other, prints what fails in full and a closing line "N passed, N failed".
# usage: run_tests.sh PROGRAM...
set -u
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    start=$(date +%s)
    "$program" >"$log" 2>&1
    code=$?
    ok=$(grep -c '^\[ *OK \]\|^ok ' "$log")
    bad=$(grep -c '^\[  FAILED  \] [a-z]\|^not ok ' "$log")
    if [ "$code" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    if [ "$ok" = 0 ] && [ "$bad" = 0 ]; then
        echo "    $program ran no test" >>"$log"
        bad=1
    fi
    [ "$bad" = 0 ] || { cat "$log"; echo "FAILED: $program (exit $code)"; }
    echo "$(basename "$program"): $ok passed, $bad failed ($(($(date +%s) - start)) s)"
    passed=$((passed + ok))
    failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
