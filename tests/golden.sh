#!/bin/sh
# The deterministic columns of the tiny suite against results/golden/tiny.csv: the same on every machine.
#   golden.sh            compare (prints TAP-like lines)
#   golden.sh --update   write the file anew
set -u
cd "$(dirname "$0")/.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # run FOLDER THREADS
    ./packlight bench suites/tiny.json -o "$work/$1" --no-cache --jobs "$2" --no-process --quiet 2>"$work/$1.log" ||
        { echo "not ok 1 - the tiny suite runs"; cat "$work/$1.log"; exit 1; }
    ./packlight report "$work/$1" --format golden >"$work/$1.csv" ||
        { echo "not ok 1 - the golden columns are written"; exit 1; }
}
run a 1
if [ "${1:-}" = --update ]; then
    mkdir -p results/golden
    cp "$work/a.csv" results/golden/tiny.csv
    echo "results/golden/tiny.csv: $(wc -l <results/golden/tiny.csv) lines"
    exit 0
fi
run b 2
bad=0
if cmp -s "$work/a.csv" "$work/b.csv"; then
    echo "ok 1 - the same with one and with two threads, run twice"
else
    echo "not ok 1 - the same with one and with two threads, run twice"
    diff "$work/a.csv" "$work/b.csv" | head -20
    bad=1
fi
if cmp -s results/golden/tiny.csv "$work/a.csv"; then
    echo "ok 2 - equal to results/golden/tiny.csv"
else
    echo "not ok 2 - equal to results/golden/tiny.csv (make golden, then read git diff)"
    diff results/golden/tiny.csv "$work/a.csv" | head -20
    bad=1
fi
if (cd "$work" && sha256sum a/artifacts/*.plk | sed 's| a/| |' >a.sum && sha256sum b/artifacts/*.plk | sed 's| b/| |' >b.sum && cmp -s a.sum b.sum); then
    echo "ok 3 - the same artifact hashes twice, with one and with two threads"
else
    echo "not ok 3 - the same artifact hashes twice, with one and with two threads"
    bad=1
fi
exit $bad
