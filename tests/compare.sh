#!/bin/bash
# packlight compare as a user has it, on the tiny suite: every kind of comparison, exit codes, bad input, kill and
# resume. No time decides anything here: where two sides are really measured, any verdict will do. Prints TAP-like lines.
set -u
cd "$(dirname "$0")/.." || exit 2
packlight=${PACKLIGHT:-$PWD/packlight}
program=$PWD/packlight
. tests/tap.sh
any='0|1|3|4'
few=(--pairs 13 --rounds 2 --budget 0 --no-wait)
run=$work/run
expect 0 '24 ok|8 ok|ok, 0 skipped, 0 failed' 'a run to compare with' "$packlight" bench suites/tiny.json -o "$run" --no-cache --no-process --filter '*/fp32/*/b1,*/ptq-s8/*/b1'
fp32=$run/artifacts/tiny-fp32.plk
s8=$run/artifacts/tiny-ptq-s8.plk

# --- two run folders
expect 0 'no figure is worse' 'a run against itself' "$packlight" compare "$run" "$run" -o "$work/same"
[ -s "$work/same/report.html" ] && [ -s "$work/same/report.junit.xml" ] && [ -s "$work/same/verdicts.jsonl" ]
verdict $((1 - $?)) 'reports are written beside the verdicts'
cp -r "$run" "$work/worse" && sed -i 's/"size_file_bytes":\([0-9]*\)/"size_file_bytes":1\1/' "$work/worse/records.jsonl"
expect 1 'worse' 'a run with larger files' "$packlight" compare "$run" "$work/worse" -o "$work/larger"
expect 0 'improved|no figure is worse' 'and the other way round' "$packlight" compare "$work/worse" "$run" -o "$work/smaller"
cp -r "$run" "$work/wrong" && sed -i 's/"output_hash":"./"output_hash":"x/' "$work/wrong/records.jsonl"
expect 5 'output_hash incorrect' 'a run with other integers' "$packlight" compare "$run" "$work/wrong" -o "$work/incorrect"
head -n 1 "$run/records.jsonl" >"$work/one" && cp -r "$run" "$work/short" && cp "$work/one" "$work/short/records.jsonl"
expect 3 'missing in B' 'a run with cells missing' "$packlight" compare "$run" "$work/short" -o "$work/missing"
expect 2 'already holds a run|already holds' 'a comparison does not write over another' "$packlight" compare "$fp32" "$s8" -o "$work/same" "${few[@]}"

# --- identical code is not measured
expect 0 'identical code' 'a build against itself' "$packlight" compare "$program" "$program" --run "$run" -o "$work/self" --no-wait
[ ! -s "$work/self/pairs.jsonl" ]
verdict $((1 - $?)) 'identical code takes no time'

# --- really measured
expect "$any" 'Reason|verdict|cells' 'two packed models' "$packlight" compare "$fp32" "$s8" -o "$work/models" "${few[@]}"
grep -q '"metric":"size_file".*"verdict":"improved"' "$work/models/verdicts.jsonl" && grep -q '"metric":"accuracy"' "$work/models/verdicts.jsonl" && grep -q '"metric":"load"' "$work/models/verdicts.jsonl"
verdict $((1 - $?)) 'size, accuracy and cold figures have rows'
for role in sentinel-aa sentinel-relinked sentinel-injected; do
    grep -q "\"role\":\"$role\"" "$work/models/verdicts.jsonl"
    verdict $((1 - $?)) "$role was tried"
done
cp "$work/models/verdicts.jsonl" "$work/first"
expect "$any" '.' 'verdicts again from the folder' "$packlight" compare "$work/models"
cmp -s "$work/first" "$work/models/verdicts.jsonl"
verdict $((1 - $?)) 'the same raw file gives the same bytes'
expect "$any" '.' 'two recipes of a run' "$packlight" compare --recipes fp32 ptq-s8 --run "$run" -o "$work/recipes" "${few[@]}" --filter '*/simd/*'
grep -q '"cell":"tiny/fp32:ptq-s8/simd/t1/b1"' "$work/recipes/verdicts.jsonl"
verdict $((1 - $?)) 'the cell names both recipes'
expect "$any" '.' 'two builds, told apart on purpose' "$packlight" compare "$program" "$program" --run "$run" -o "$work/blind" "${few[@]}" --blind --inject 50 --filter '*/fp32/simd/*' --label-a old --label-b new
grep -q '"label": "old"' "$work/blind/verdict.json" && grep -q '"code":"same"' "$work/blind/verdicts.jsonl"
verdict $((1 - $?)) 'labels and code stand in the verdict'

# --- killed at arbitrary instants, resumed
for delay in 1 3; do
    resume=
    [ -e "$work/kill/env.json" ] && resume=--resume
    # shellcheck disable=SC2086
    "$packlight" compare "$fp32" "$s8" -o "$work/kill" "${few[@]}" $resume >/dev/null 2>"$work/err" &
    pid=$!
    sleep "$delay"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ -e "$work/kill/pairs.jsonl" ] && head -n "$(wc -l <"$work/kill/pairs.jsonl")" "$work/kill/pairs.jsonl" >"$work/before.$delay"
done
resume=
[ -e "$work/kill/env.json" ] && resume=--resume
# shellcheck disable=SC2086
expect "$any" '.' 'a killed comparison goes on' "$packlight" compare "$fp32" "$s8" -o "$work/kill" "${few[@]}" $resume
for delay in 1 3; do
    [ -e "$work/before.$delay" ] || continue
    head -n "$(wc -l <"$work/before.$delay")" "$work/kill/pairs.jsonl" | cmp -s - "$work/before.$delay"
    verdict $((1 - $?)) "what was finished after $delay s is still there"
done
expect 2 'another seed' 'resuming another comparison' "$packlight" compare "$fp32" "$s8" -o "$work/kill" "${few[@]}" --resume --seed 9

# --- bad input
expect 2 'expected two things' 'one thing only' "$packlight" compare "$fp32"
expect 2 'no such file' 'something that is not there' "$packlight" compare /no/such "$fp32"
expect 2 'not of one kind' 'a program and a model' "$packlight" compare "$program" "$fp32"
expect 2 "no model has both recipes 'fp32' and 'banana'" 'a recipe that is not there' "$packlight" compare --recipes fp32 banana --run "$run"
expect 2 'none of its|matches' 'a filter that leaves nothing' "$packlight" compare "$program" "$program" --run "$run" --filter 'x*'
expect 2 'pairs 5: expected' 'too few pairs' "$packlight" compare "$fp32" "$s8" --pairs 5
expect 2 'not a folder of results' 'a run folder that is none' "$packlight" compare "$program" "$program" --run "$work/nothing"
cp "$s8" "$work/torn.plk" && truncate -s -7 "$work/torn.plk"
expect 2 'torn.plk' 'a truncated model' "$packlight" compare "$fp32" "$work/torn.plk" -o "$work/torn"
cp -r "$run" "$work/tampered" && printf 'x' >>"$work/tampered/artifacts/tiny-fp32.plk"
expect 2 'sha256' 'a packed file that is not what the record says' "$packlight" compare "$program" "$program" --run "$work/tampered"
cp "$program" "$work/alone"
expect 2 'no relinked variant' 'a build without relinked variants' "$packlight" compare "$work/alone" "$program" --run "$run" -o "$work/norelink"
printf '#!/bin/sh\nexit 7\n' >"$work/broken" && chmod +x "$work/broken" && cp "$work/broken" "$work/packlight-layout1"
expect "3|4" '.' 'a build that does not run is no verdict' "$packlight" compare "$program" "$work/broken" --run "$run" -o "$work/norun" --no-wait --filter '*/fp32/simd/*'
grep -q '"verdict":"not-comparable".*exit' "$work/norun/verdicts.jsonl"
verdict $((1 - $?)) 'and the row says how it died'
if [ "$(id -u)" != 0 ]; then
    mkdir "$work/readonly" && chmod a-w "$work/readonly"
    expect 2 'readonly' 'a folder that cannot be written' "$packlight" compare "$run" "$run" -o "$work/readonly/x"
fi
echo "1..$number"
exit "$bad"
