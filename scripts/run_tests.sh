#!/bin/sh
# Runs test programs one after the other, prints what fails in full, what is skipped, and a closing line "N passed, N
# failed" (", N skipped" where something was).
# usage: run_tests.sh PROGRAM...
set -u
passed=0
failed=0
skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    start=$(date +%s)
    "$program" >"$log" 2>&1
    code=$?
    skip=$(grep -c '^ok .*# SKIP' "$log")
    ok=$(($(grep -c '^\[ *OK \]\|^ok ' "$log") - skip))
    bad=$(grep -c '^\[  FAILED  \] [a-z]\|^not ok ' "$log")
    if [ "$code" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    grep '^ok .*# SKIP' "$log" | sed 's/^ok [0-9]* - /skipped: /; s/# SKIP //'
    if [ "$ok" = 0 ] && [ "$bad" = 0 ] && [ "$skip" = 0 ]; then
        echo "    $program ran no test" >>"$log"
        bad=1
    fi
    [ "$bad" = 0 ] || { cat "$log"; echo "FAILED: $program (exit $code)"; }
    echo "$(basename "$program"): $ok passed, $bad failed ($(($(date +%s) - start)) s)"
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + skip))
done
[ "$skipped" = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
