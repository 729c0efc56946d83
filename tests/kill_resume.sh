#!/bin/bash
# Kills a run of the tiny suite with SIGKILL at many random instants and goes on with --resume each time: no finished record
# may be lost or changed, and the finished matrix must equal one that nobody disturbed.
#   kill_resume.sh [INSTANTS] [SEED]     (default: 50 instants; a seed from the clock, printed)
# Prints a line per figure and a summary. Exit 0: all held; 1: something did not; 2: it could not be tried.
set -u
cd "$(dirname "$0")/.." || exit 2
packlight=${PACKLIGHT:-$PWD/packlight}
instants=${1:-50}
seed=${2:-$(($(date +%s) % 32768))}
for value in "$instants" "$seed"; do
    case $value in
    '' | *[!0-9]* | ??????*) echo "kill_resume.sh: '$value': expected a whole number below 100000" >&2 && exit 2 ;;
    esac
done
[ "$instants" -ge 1 ] || { echo "kill_resume.sh: at least one instant" >&2 && exit 2; }
[ -x "$packlight" ] || { echo "kill_resume.sh: $packlight: not there; run make" >&2 && exit 2; }
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
RANDOM=$seed
lost=0 changed=0 twice=0 incomplete=0 differing=0 unusable=0 kills=0 finished=0 compared=0 training=0 torn=0 halves=0

now_ms() { date +%s%3N; }
run() { # run DIR CACHE: new or resumed, in the background; sets pid
    local resume=()
    [ ! -e "$1/env.json" ] || resume=(--resume)
    "$packlight" bench suites/tiny.json -o "$1" --cache "$2" --no-process --quiet ${resume[@]+"${resume[@]}"} \
        >/dev/null 2>"$work/err" &
    pid=$!
}
golden() { # golden DIR FILE
    "$packlight" report "$1" --format golden >"$2" 2>"$work/err" || return 1
    (cd "$1/artifacts" && sha256sum ./*.plk) >>"$2"
}

# --- the run that nobody disturbs, which also says how long one takes
start=$(now_ms)
run "$work/whole" "$work/whole-cache"
wait "$pid" || { echo "kill_resume.sh: the undisturbed run failed:" >&2 && cat "$work/err" >&2 && exit 2; }
span=$(($(now_ms) - start))
golden "$work/whole" "$work/whole.golden" || { cat "$work/err" >&2 && exit 2; }
cells=$(grep -c . "$work/whole/records.jsonl")
echo "seed $seed, $instants instants, an undisturbed run: $cells cells in $span ms"

# What is on the disk after a kill: all that was there at earlier kills, byte for byte, at the same place.
look() {
    local file=$work/run/records.jsonl size
    [ -e "$file" ] || { [ ! -e "$work/seen" ] || lost=$((lost + $(grep -c . "$work/seen"))); return; }
    if [ -e "$work/seen" ]; then
        size=$(stat -c %s "$work/seen")
        if ! cmp -s -n "$size" "$work/seen" "$file" || [ "$(stat -c %s "$file")" -lt "$size" ]; then
            changed=$((changed + 1))
            while IFS= read -r line; do
                grep -qxF -- "$line" "$file" || lost=$((lost + 1))
            done <"$work/seen"
        fi
        compared=$((compared + $(grep -c . "$work/seen")))
    fi
    head -n "$(wc -l <"$file")" "$file" >"$work/seen" # complete lines
    [ -z "$(tail -c 1 "$file")" ] || torn=$((torn + 1))
}

# A run that came to its end.
check_finished() {
    local file=$work/run/records.jsonl
    finished=$((finished + 1))
    look
    [ "$(grep -o '"cell":"[^"]*"' "$file" | sort -u | wc -l)" = "$cells" ] || incomplete=$((incomplete + 1))
    # A finished cell is not run again: each has one complete line.
    twice=$((twice + $(grep '"status":"ok"' "$file" | grep -o '"cell":"[^"]*"' | sort | uniq -d | wc -l)))
    if ! golden "$work/run" "$work/run.golden" || ! cmp -s "$work/whole.golden" "$work/run.golden"; then
        differing=$((differing + 1))
        diff "$work/whole.golden" "$work/run.golden" | head -n 6
    fi
    rm -rf "$work/run" "$work/cache" "$work/seen" # the next one begins with training again
}

check_code() { # check_code CODE: of a run that ended by itself
    if [ "$1" = 0 ]; then
        check_finished
    else
        unusable=$((unusable + 1))
        echo "after a kill the run could not go on (exit $1): $(tail -n 1 "$work/err")"
        rm -rf "$work/run" "$work/cache" "$work/seen"
    fi
}

while [ "$kills" -lt "$instants" ]; do
    # Up to half a run: every part of it is hit, and runs still come to their end.
    delay=$(((RANDOM * 32768 + RANDOM) % (span / 2 + 1)))
    run "$work/run" "$work/cache"
    sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
    if kill -9 "$pid" 2>/dev/null; then
        wait "$pid" 2>/dev/null
        code=$?
    else
        wait "$pid"
        code=$?
    fi
    pid=
    if [ "$code" = 137 ]; then
        kills=$((kills + 1))
        [ -e "$work/run/records.jsonl" ] || training=$((training + 1))
        halves=$((halves + $(find "$work/run" "$work/cache" -name '*.tmp.*' 2>/dev/null | wc -l)))
        look
    else
        check_code "$code"
    fi
done
if [ -e "$work/run" ]; then # the last one to its end
    run "$work/run" "$work/cache"
    wait "$pid"
    code=$?
    pid=
    check_code $code
fi

bad=0
figure() { # figure COUNT NAME: a count that must be 0
    echo "$2: $1"
    [ "$1" = 0 ] || bad=1
}
echo "kills: $kills ($training before the first record, $torn inside a line, $halves files left half written)"
echo "runs that came to their end: $finished"
echo "finished records compared after kills: $compared"
figure "$lost" "finished records lost"
figure "$changed" "files whose earlier bytes changed"
figure "$twice" "finished cells that were run again"
figure "$unusable" "runs that could not go on"
figure "$incomplete" "finished matrices with a missing cell"
figure "$differing" "finished matrices that differ from the undisturbed one"
if [ "$finished" = 0 ] || [ "$compared" = 0 ]; then
    echo "FAILED: too few instants to say anything"
    exit 1
fi
if [ "$bad" = 0 ]; then echo "passed: $kills kills, nothing lost"; else echo "FAILED (seed $seed)"; fi
exit $bad
