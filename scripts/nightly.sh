#!/bin/bash
# The nightly job: builds this tree, runs a suite, compares the build with a frozen anchor (creep) and with the last good
# night (what did today's commits do?), stores everything in the history, draws the trends, writes reports.
# usage: nightly.sh            one night
#        nightly.sh freeze     this tree becomes the anchor; the trends begin anew
# settings (environment):
#   SUITE             what to run (suites/nightly.json); trained weights come from results/cache
#   NIGHTLY           where nights are kept (results/nightly)
#   HISTORY           the history (results/history.db)
#   BENCH_FLAGS       more options for packlight bench
#   COMPARE_FLAGS     more options for packlight compare ("--filter lenet5/*")
#   NIGHTLY_DAY       the day that this night belongs to (today, UTC)
#   NIGHTLY_PROGRAM   a build to use instead of making one; its relinked variants lie beside it
# $NIGHTLY holds
#   anchor/      packlight, packlight-layout1.. (the same objects in other orders), run/ (its packed models): frozen
#   last-good/   the same of the newest night that passed
#   <date>/      a night (further ones of that day: <date>-2): run/, anchor/, last-good/, figures/ (comparisons), trend/,
#                summary.md, junit-*.xml, exit-code
#   benchmark.json   the newest night's ratios to the anchor, for github-action-benchmark
#   attempts.log one line per night that measured; the third of one commit on one day is refused: repeating until green
#                proves nothing
# exit code, the first that applies: 5 an output is wrong, 1 regressed, 2 something could not run, 4 the machine refused,
# 3 inconclusive, 0 fine. Only a night with 0 becomes the last good one. The first night freezes the anchor and exits 0.
# A night that is interrupted at any instant leaves anchor, last-good and history as they were, or whole and new.
set -u
cd "$(dirname "$0")/.." || exit 2
unset MAKEFLAGS MFLAGS MAKELEVEL # of `make nightly`, whose job server is not ours
suite=${SUITE:-suites/nightly.json}
nightly=${NIGHTLY:-results/nightly}
history=${HISTORY:-results/history.db}
most_attempts=2

say() { echo "nightly: $*"; }
die() {
    echo "nightly: $*" >&2
    exit 2
}

# --- one night at a time; the lock goes with the process, however it ends
mkdir -p "$nightly" || die "$nightly: cannot be made"
command -v flock >/dev/null 2>&1 || die "flock is missing (package util-linux)"
exec 9>"$nightly/lock" || die "$nightly/lock: cannot be written"
flock -n 9 || die "another night is running ($nightly/lock is held)"

# --- folders are swapped by two renames: a kill in between leaves the old one under another name
recover() { # recover NAME
    [ -e "$nightly/$1" ] || [ ! -e "$nightly/$1.old" ] || mv "$nightly/$1.old" "$nightly/$1"
    rm -rf "$nightly/$1.old" "$nightly/$1.new"
}
swap_in() { # swap_in NAME: NAME.new becomes NAME
    sync -f "$nightly/$1.new"
    [ ! -e "$nightly/$1" ] || mv "$nightly/$1" "$nightly/$1.old" || return 1
    mv "$nightly/$1.new" "$nightly/$1" || return 1
    rm -rf "$nightly/$1.old"
}
recover anchor
recover last-good

# --- what is measured
commit=$(git rev-parse --verify --quiet HEAD 2>/dev/null) || commit=unknown
today=${NIGHTLY_DAY:-$(date -u +%F)}
git diff --quiet HEAD -- 2>/dev/null || [ "$commit" = unknown ] || say "the tree differs from commit $commit: figures cannot be traced to it"

attempts() { # how often this commit was measured today
    [ -e "$nightly/attempts.log" ] || { echo 0; return; }
    awk -v day="$today" -v commit="$commit" '$1 == day && $2 == commit' "$nightly/attempts.log" | wc -l
}
count_attempt() {
    echo "$today $commit $(date -u +%FT%TZ) $night" >>"$nightly/attempts.log" && sync "$nightly/attempts.log"
}

make_build() { # make_build DIR: the program and its relinked variants, so that later builds can't change them
    program=${NIGHTLY_PROGRAM:-}
    if [ -z "$program" ]; then
        make --no-print-directory -j"$(nproc 2>/dev/null || echo 1)" layouts || return 1
        program=packlight
    fi
    program=$(readlink -f "$program")
    mkdir -p "$1" && cp "$program" "$1/packlight" || return 1
    for variant in "$(dirname "$program")"/packlight-layout[0-9]*; do
        [ ! -f "$variant" ] || cp "$variant" "$1/" || return 1
    done
}

# Runs a command whose last options are words of a setting; patterns in it are not file names.
with_flags() { # with_flags FLAGS COMMAND...
    flags=$1
    shift
    set -f
    # shellcheck disable=SC2086
    "$@" $flags
    flagged=$?
    set +f
    return $flagged
}
run_suite() { # run_suite PROGRAM DIR
    with_flags "${BENCH_FLAGS:-}" "$1" bench "$suite" -o "$2"
}

keep() { # keep NAME BUILD RUN: $nightly/NAME becomes a copy of that build and that run
    rm -rf "$nightly/$1.new"
    mkdir -p "$nightly/$1.new" && cp -r "$2"/. "$nightly/$1.new/" && cp -r "$3" "$nightly/$1.new/run" &&
        echo "$commit $(date -u +%FT%TZ)" >"$nightly/$1.new/commit" && swap_in "$1"
}

# The only place that knows compare's command line. --again: attempts are counted here, by commit and day.
compare() { # compare DIR A B [OPTIONS...]
    dir=$1
    shift
    with_flags "${COMPARE_FLAGS:-}" "$build/packlight" compare "$@" -o "$dir" --again
}

if [ "${1:-run}" = freeze ]; then
    build=$nightly/freeze.build
    rm -rf "$build" "$nightly/freeze.run"
    make_build "$build" || die "the build failed"
    run_suite "$build/packlight" "$nightly/freeze.run" || die "the suite failed (exit $?): the anchor stays as it is"
    before=$(cat "$nightly/anchor/commit" 2>/dev/null || echo nothing)
    keep anchor "$build" "$nightly/freeze.run" || die "$nightly/anchor: cannot be written"
    rm -rf "$build" "$nightly/freeze.run"
    say "=================================================================="
    say "THE ANCHOR IS NEW: $(cat "$nightly/anchor/commit"), it was $before"
    say "ratios to it begin a new series; the history keeps the old one apart"
    say "=================================================================="
    exit 0
fi
[ "${1:-run}" = run ] || die "'$1': expected nothing or freeze"
tries=$(attempts)
[ "$tries" -lt "$most_attempts" ] ||
    die "commit $commit was measured $tries times today: a third time is refused, as repeating until green proves nothing ($nightly/attempts.log)"

night=$nightly/$today
number=1
while [ -e "$night" ]; do
    number=$((number + 1))
    night=$nightly/$today-$number
done
mkdir "$night" || die "$night: cannot be made"
build=$night/build
say "commit $commit, suite $suite, into $night"
make_build "$build" || die "the build failed"
codes=

run_suite "$build/packlight" "$night/run"
code=$?
codes="$codes $code"
[ -s "$night/run/records.jsonl" ] || die "the suite left no records (exit $code)"

stored=$night/run
if [ -e "$nightly/anchor/packlight" ]; then
    count_attempt || die "$nightly/attempts.log: cannot be written"
    for against in anchor last-good; do
        if [ ! -e "$nightly/$against/packlight" ]; then
            say "no $against build yet: that comparison is left out"
            continue
        fi
        say "against $against: $(cat "$nightly/$against/commit" 2>/dev/null)"
        compare "$night/$against" "$nightly/$against/packlight" "$build/packlight" --run "$nightly/$against/run" --label-a "$against"
        code=$?
        codes="$codes $code"
        [ ! -e "$night/$against/verdict.json" ] || stored="$stored $night/$against"
    done
    # Sizes, accuracy and outputs of the suite itself, exactly; only where it is the same suite.
    suite_of() { sed -n 's/.*"suite_sha256":[^"]*"\([0-9a-f]*\)".*/\1/p' "$1/env.json" 2>/dev/null; }
    if [ -e "$nightly/last-good/run/records.jsonl" ] && [ "$(suite_of "$nightly/last-good/run")" = "$(suite_of "$night/run")" ]; then
        say "figures against last-good"
        compare "$night/figures" "$nightly/last-good/run" "$night/run"
        code=$?
        codes="$codes $code"
        [ ! -e "$night/figures/verdict.json" ] || stored="$stored $night/figures"
    else
        say "the suite is not the last good night's: its figures are not compared"
    fi
fi

# --- history and trends: the folders are the truth, so a history that fails is an error and loses nothing
# shellcheck disable=SC2086 # no blanks: all are of $nightly
if "$build/packlight" history add $stored --db "$history"; then
    "$build/packlight" history trend --db "$history" -o "$night/trend" || codes="$codes 2"
else
    codes="$codes 2"
fi

# --- reports
emit() { # emit FORMAT DIR FILE
    "$build/packlight" report "$2" --format "$1" >"$3.new" && mv "$3.new" "$3" && return
    rm -f "$3.new"
    codes="$codes 2"
}
for against in anchor last-good figures; do
    [ -e "$night/$against/verdict.json" ] || continue
    emit junit "$night/$against" "$night/junit-$against.xml"
    emit md "$night/$against" "$night/$against.md"
    [ -z "${GITHUB_ACTIONS:-}" ] || "$build/packlight" report "$night/$against" --format annotations
done
# Ratios to the anchor: their history is meant to be drawn by others.
rm -f "$nightly/benchmark.json"
[ ! -e "$night/anchor/verdict.json" ] || emit gab "$night/anchor" "$nightly/benchmark.json"

worst=0
for want in 5 1 2 4 3; do
    case " $codes " in *" $want "*)
        worst=$want
        break
        ;;
    esac
done
for code in $codes; do # a signal or an unknown code is an error of the tool
    case $code in 0 | 1 | 2 | 3 | 4 | 5) ;; *) [ "$worst" = 5 ] || [ "$worst" = 1 ] || worst=2 ;; esac
done

# --- what becomes of this night
first=
if [ ! -e "$nightly/anchor/packlight" ] && [ "$worst" = 0 ]; then
    first=1
    keep anchor "$build" "$night/run" || die "$nightly/anchor: cannot be written"
fi
if [ "$worst" = 0 ]; then
    keep last-good "$build" "$night/run" || die "$nightly/last-good: cannot be written"
fi
{
    echo "# Night of $(basename "$night")"
    echo
    echo "Commit $commit, suite $suite, exit code $worst."
    echo
    [ -z "$first" ] || echo "The first night: nothing to compare with. This build is the anchor from now on."
    for against in anchor last-good figures; do
        [ ! -s "$night/$against.md" ] || { echo "## Against $against"; echo; cat "$night/$against.md"; echo; }
    done
    [ ! -s "$night/trend/trend.md" ] || cat "$night/trend/trend.md"
} >"$night/summary.md"
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$night/summary.md" >>"$GITHUB_STEP_SUMMARY"
rm -rf "$build"
echo "$worst" >"$night/exit-code"
[ -z "$first" ] || say "the first night: nothing to compare with; this build is frozen as the anchor"
say "codes:$codes; exit $worst; $night/summary.md"
exit "$worst"
