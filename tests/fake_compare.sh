#!/bin/sh
# Stands for packlight in the tests of scripts: everything is the real program ($REAL), but `compare` measures nothing. It
# writes a comparison of one cell into -o DIR and ends as the file $FAKE/<last part of DIR> says (an exit code; without the
# file 0), and `report` of a comparison prints one line where the real one can't.
set -u
if [ "$1" = report ] && [ -e "$2/verdict.json" ]; then
    echo "report of $(basename "$2") $*"
    exit 0
fi
[ "$1" = compare ] || exec "$REAL" "$@"
shift
echo "compare $*" >>"$FAKE/log"
[ -x "$1" ] || { echo "no program $1" >&2; exit 2; }
while [ $# -gt 0 ]; do
    [ "$1" != -o ] || dir=$2
    shift
done
code=$(cat "$FAKE/$(basename "$dir")" 2>/dev/null || echo 0)
case $code in
0) verdict=pass ;;
1) verdict=regressed ;;
3) verdict=inconclusive ;;
4) verdict=environment-refused ;;
5) verdict=incorrect ;;
hang) sleep 100 ;;
*) exit "$code" ;;
esac
mkdir -p "$dir"
side='"commit": "ba0ad253af", "code_id": ""'
cat >"$dir/verdict.json" <<EOF
{"schema": "packlight.comparison/1", "a": {"name": "a", "label": "a", $side}, "b": {"name": "b", "label": "b", $side},
 "kind": "builds", "title": "a and b", "verdict": "$verdict", "exit_code": $code, "reason": "", "cells_expected": 1,
 "cells_gated": 1, "cells_conclusive": 1, "rows": 1}
EOF
cat >"$dir/verdicts.jsonl" <<'EOF'
{"schema":"packlight.verdict/1","cell":"tiny/fp32/simd/t1/b1","model":"tiny","config":"fp32","kernel":"simd","isa":"avx2","threads":1,"batch":1,"metric":"latency","unit":"ns","role":"gated","verdict":"no-change","ratio":1.001,"ratio_ci95":[0.99,1.01],"mde":0.02}
EOF
cat >"$dir/env.json" <<EOF
{"schema": "packlight.env/1", "build": {"commit": "0123", "dirty": false},
 "run": {"kind": "comparison", "command": "compare $dir $$", "started": "$(date -u +%FT%TZ)"}}
EOF
exit "$code"
