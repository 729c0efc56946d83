#!/bin/sh
# A report in a real browser, opened from disk without a network (browser.py says what is checked). Without Chromium and
# its driver there is nothing to run: one skipped line.
#   browser.sh                       a made-up run
#   browser.sh PAGE.html [FOLDER]    that page; pictures go to FOLDER (default build/browser)
set -u
cd "$(dirname "$0")/.." || exit 2
packlight=${PACKLIGHT:-$PWD/packlight}
maker=${REPORT_MAKER:-build/release-${CC:-cc}/tests/test_report_plots}

python=
for one in python3 /usr/bin/python3; do
    "$one" -c 'import selenium' 2>/dev/null && { python=$one; break; }
done
for need in chromium chromedriver; do
    command -v "$need" >/dev/null 2>&1 || { echo "ok 1 - reports in a browser # SKIP no $need here (make deps-browser)"; exit 0; }
done
[ -n "$python" ] || { echo "ok 1 - reports in a browser # SKIP no python3-selenium here (make deps-browser)"; exit 0; }

page=${1:-}
if [ -z "$page" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    { "$maker" "$work" && "$packlight" report "$work/few" >/dev/null; } 2>"$work/log" || { echo "not ok 1 - a report to look at"; cat "$work/log"; exit 1; }
    page=$work/few/report.html
fi
timeout 300 "$python" tests/browser.py "$page" "${2:-build/browser}"
