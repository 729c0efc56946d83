#!/bin/sh
# The dependency rule: includes point down only (harness/<layer> → what it may use). Prints each breach; exit 1 if any.
set -u
cd "$(dirname "$0")/.." || exit 2
breaches=$(mktemp)
trap 'rm -f "$breaches"' EXIT

# check FOLDER ALLOWED...   files of harness/FOLDER may include these prefixes (and their own folder) only
check() {
    layer=$1
    shift
    [ -d "harness/$layer" ] || return 0
    grep -n '^ *# *include "' "harness/$layer"/*.[ch] "harness/$layer"/*.def 2>/dev/null | while IFS=: read -r file line text; do
        target=$(echo "$text" | sed 's/^[^"]*"\([^"]*\)".*/\1/')
        ok=
        for allowed in "$layer/" "$@"; do
            case $target in "$allowed"*) ok=1 ;; esac
        done
        [ -n "$ok" ] || echo "$file:$line: includes \"$target\": $layer may use: $*" >>"$breaches"
    done
}
check base
check graph base/
check codec base/
check io base/ graph/ codec/
check train base/ graph/ io/dataset.h kernels/requant.h kernels/lut.h
check compress base/ graph/ train/ io/ kernels/requant.h kernels/lut.h
check engine base/ graph/ kernels/kernels.h kernels/requant.h kernels/lut.h
check measure base/
check report base/
check history base/ report/ measure/host.h measure/changepoint.h measure/stats.h
check peers base/ graph/ engine/engine.h kernels/kernels.h kernels/requant.h
check kncheck base/ kernels/kernels.h kernels/requant.h kernels/lut.h
check compare base/ graph/ io/ measure/ report/ kernels/kernels.h infer.h layouts.h run_command.h rundir.h

# Kernels know nothing above them; outsiders see kernels.h, requant.h, lut.h and peak.h only.
grep -rn '^ *# *include "\(base\|graph\|io\|train\|compress\|codec\|engine\|measure\|report\|history\)/' kernels >>"$breaches"
grep -rn '^ *# *include "kernels/' harness tests | grep -v '"kernels/\(kernels\|requant\|lut\|peak\)\.h"' | grep -v '^harness/kncheck/' |
    grep -v '\.def"' >>"$breaches"
grep -rnE '\b(malloc|calloc|realloc|free|printf|fprintf|exit|abort)\(' kernels --include='*.c' >>"$breaches"
# Only main exits.
grep -rnE '\b_?exit\(' harness --include='*.c' | grep -v '^harness/measure/\(spawn\|process\)\.c' >>"$breaches"

if [ -s "$breaches" ]; then
    cat "$breaches"
    exit 1
fi
echo "includes: fine"
