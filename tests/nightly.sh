#!/bin/bash
# The nightly job. Measuring is left to a stand-in (fake_compare.sh): what is
# tried is what the script does with every exit code, with interruptions, with a second night at the same time.
set -u
cd "$(dirname "$0")/.." || exit 2
export REAL=${PACKLIGHT:-$PWD/packlight}
. tests/tap.sh
export FAKE=$work/fake NIGHTLY=$work/nights HISTORY=$work/history.db NIGHTLY_PROGRAM=$work/bin/packlight SUITE=suites/tiny.json
export BENCH_FLAGS="--cache $work/cache --no-process --filter tiny/fp32/simd/t1/b1"
export NIGHTLY_DAY=2026-01-02 # the tests may run over midnight
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY COMPARE_FLAGS
mkdir -p "$FAKE" "$work/bin"
cp tests/fake_compare.sh "$work/bin/packlight"
cp tests/fake_compare.sh "$work/bin/packlight-layout1"
is() { # is NAME COMMAND...: the command succeeds
    name=$1
    shift
    "$@" >>"$work/out" 2>&1
    verdict $((1 - ($? != 0))) "$name"
}
night() { # night CODE PATTERN NAME [ARGUMENT]
    timeout 300 scripts/nightly.sh ${4:-} >"$work/out" 2>&1 </dev/null
    got=$?
    if [ "$got" = "$1" ] && grep -qE -- "$2" "$work/out"; then
        verdict 1 "$3"
    else
        echo "    exit $got, expected $1; looked for: $2"
        verdict 0 "$3"
    fi
}
children_of() { grep -l "^PPid:[[:space:]]*$1$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3; }
newest() { ls -1td "$NIGHTLY"/20* | head -1; }
forget() { rm -f "$NIGHTLY/attempts.log"; } # the tests have more nights than a day may have

# --- the first nights
night 0 'first night: nothing to compare with' 'the first night freezes the anchor and is fine'
is 'the anchor holds the build, its variants and its run' test -x "$NIGHTLY/anchor/packlight" -a -x "$NIGHTLY/anchor/packlight-layout1" -a -s "$NIGHTLY/anchor/run/records.jsonl" -a -d "$NIGHTLY/anchor/run/artifacts"
is 'so does the last good night' test -x "$NIGHTLY/last-good/packlight" -a -s "$NIGHTLY/last-good/run/records.jsonl"
night 0 'exit 0' 'the second night compares'
is 'with the anchor, the last good night and its figures' test "$(grep -c . "$FAKE/log")" = 3
is 'on the packed models of each' grep -qE "compare $NIGHTLY/anchor/packlight .*/build/packlight --run $NIGHTLY/anchor/run --label-a anchor -o .*/anchor --again" "$FAKE/log"
is 'everything is in the history' test "$("$REAL" history list --db "$HISTORY" | grep -c -e 'bench' -e 'vs anchor' -e 'vs last-good' -e 'vs other')" = 5
is 'the outputs are there' test -s "$(newest)/summary.md" -a -s "$(newest)/junit-anchor.xml" -a -s "$(newest)/junit-last-good.xml" -a -s "$NIGHTLY/benchmark.json" -a -s "$(newest)/trend/trend.md" -a "$(cat "$(newest)/exit-code")" = 0
is 'the attempt is logged' test "$(grep -c "^$NIGHTLY_DAY .*$NIGHTLY/$NIGHTLY_DAY-2" "$NIGHTLY/attempts.log")" = 1
night 0 'exit 0' 'a second attempt is allowed' # the first night compared nothing, so it was none
night 2 'a third time is refused' 'the third attempt at one commit on one day is refused'
NIGHTLY_DAY=2026-01-03 night 0 'exit 0' 'the next day is another matter'

# --- every exit code, and their order
forget
cp "$NIGHTLY/last-good/commit" "$work/before"
echo 1 >"$FAKE/last-good"
echo 3 >"$FAKE/anchor"
sleep 1
night 1 'exit 1' 'a regression goes before an inconclusive comparison'
is 'a night that failed does not become the last good one' cmp -s "$NIGHTLY/last-good/commit" "$work/before"
forget
echo 4 >"$FAKE/last-good"
night 4 'exit 4' 'a refusing machine goes before an inconclusive comparison'
forget
echo 2 >"$FAKE/last-good"
night 2 'exit 2' 'an error goes before these'
forget
echo 2 >"$FAKE/last-good"
echo 1 >"$FAKE/anchor"
night 1 'exit 1' 'a regression is said even if something else could not run'
forget
echo 5 >"$FAKE/figures"
night 5 'exit 5' 'a wrong output goes before everything'
forget
echo 77 >"$FAKE/anchor"
rm "$FAKE/figures" "$FAKE/last-good"
night 2 'exit 2' 'an unknown exit code is an error'
rm -f "$FAKE"/anchor
forget

# --- summary and annotations of GitHub
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/step night 0 'report of anchor .* --format annotations' 'annotations are printed under GitHub Actions'
is 'and the summary appended to its own' grep -q 'Night of' "$work/step"
is 'a night that passed becomes the last good one' sh -c "! cmp -s '$NIGHTLY/last-good/commit' '$work/before'"
forget

# --- two nights, and kills
flock "$NIGHTLY/lock" -c "sleep 5" &
sleep 0.5
night 2 'another night is running' 'two nights never overlap'
wait
echo hang >"$FAKE/last-good"
scripts/nightly.sh >"$work/out" 2>&1 </dev/null &
pid=$!
for _ in $(seq 300); do
    grep -q 'against last-good' "$work/out" && break
    sleep 0.1
done
children=$(children_of $pid)
kill -9 $pid
for child in $children; do # the stand-in holds the lock, as a measuring program would
    # shellcheck disable=SC2046
    kill -9 "$child" $(children_of "$child") 2>/dev/null
done
wait $pid 2>/dev/null
rm "$FAKE/last-good"
forget
night 0 'exit 0' 'the night after a killed one works'
# A kill between the two renames of a swap: the old folder has another name.
mv "$NIGHTLY/anchor" "$NIGHTLY/anchor.old"
mkdir "$NIGHTLY/anchor.new" "$NIGHTLY/last-good.new"
forget
night 0 'against anchor' 'a swap that was cut in two is put right'
is 'and nothing of it is left' test -d "$NIGHTLY/anchor" -a ! -e "$NIGHTLY/anchor.old" -a ! -e "$NIGHTLY/anchor.new" -a ! -e "$NIGHTLY/last-good.new"
is 'the history is sound' "$REAL" history check --db "$HISTORY"
cp "$HISTORY" "$work/old.db"
is 'and can be made again from the folders' "$REAL" history rebuild "$NIGHTLY" --db "$HISTORY"
runs() { "$REAL" history export --db "$1" | grep -o '"started":"[^"]*","commit":"[^"]*","kind":"[^"]*","against":"[^"]*"' | sort -u; }
runs "$work/old.db" >"$work/runs.old"
runs "$HISTORY" >"$work/runs.new"
is 'and then has at least what it had' test -s "$work/runs.old" -a -z "$(comm -23 "$work/runs.old" "$work/runs.new")"

# --- a new anchor
night 0 'THE ANCHOR IS NEW' 'freeze renews the anchor and says so' freeze
night 2 'expected nothing or freeze' 'an unknown word' thaw
printf 'junk' >"$HISTORY"
forget
night 2 'not an SQLite file' 'a history that is none is an error, and the night is not lost'
is 'its figures are there' test -s "$(newest)/anchor/verdict.json"

# --- the nightly suite shares the quick suite's trained weights
recipes() { sed -n '/"recipes"/,/^  \],/p' "$1"; }
is 'the recipes of the nightly suite are those of the quick one' test "$(recipes suites/nightly.json)" = "$(recipes suites/quick.json)"
is 'the nightly suite is a valid one' "$REAL" bench suites/nightly.json --list
exit $bad
