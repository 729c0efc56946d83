#!/bin/bash
# The gate of a pull request: builds the merge base and the head on this machine, one after the other, and compares the two
# builds side by side on the same packed models. Nothing stored takes part in the verdict.
# usage: gate.sh [BASE]     (BASE: branch or commit that the change goes into; default $GATE_BASE, else origin/main)
# settings (environment):
#   GATE_OUT        where everything goes (build/gate): run/, comparison/, junit.xml, summary.md
#   SUITE           suite whose packed models are compared (suites/nightly.json); made by the base's build
#   GATE_RUN        a finished bench run to take the packed models from, instead
#   BENCH_FLAGS, COMPARE_FLAGS     more options ("--filter lenet5/*")
#   GATE_FAIL       exit codes of packlight compare that fail the job ("1 2 5": regressed, tool error, wrong output);
#                   others (3 inconclusive, 4 environment refused) are a warning, and the job's exit code is 0
# exit code: that of packlight compare where GATE_FAIL has it, else 0; 2 when something could not be built or run.
set -u
cd "$(dirname "$0")/../.." || exit 2
base=${1:-${GATE_BASE:-origin/main}}
out=${GATE_OUT:-build/gate}
suite=${SUITE:-suites/nightly.json}
fail=${GATE_FAIL:-1 2 5}
jobs=-j$(nproc 2>/dev/null || echo 1)

die() {
    echo "gate: $*" >&2
    [ -z "${GITHUB_ACTIONS:-}" ] || echo "::error title=packlight::$*"
    exit 2
}
case " $fail " in *[!0-9\ ]*) die "GATE_FAIL='$fail': expected exit codes such as '1 2 5'" ;; esac
fork=$(git merge-base "$base" HEAD 2>/dev/null) ||
    die "no common ancestor of $base and HEAD: fetch the whole history (fetch-depth: 0, GIT_DEPTH: 0)"
if [ "$fork" = "$(git rev-parse HEAD)" ]; then
    echo "gate: $base already holds this commit: nothing to compare"
    exit 0
fi
rm -rf "$out"
mkdir -p "$out" || die "$out: cannot be made"
out=$(readlink -f "$out")

# The base is built in a work tree of its own, which goes away whatever happens.
tree=$out/base
remove_tree() { git worktree remove --force "$tree" >/dev/null 2>&1; }
trap remove_tree EXIT
git worktree prune
git worktree add --detach --force "$tree" "$fork" >/dev/null || die "$fork: no work tree"
echo "gate: base $fork, head $(git rev-parse HEAD)"
make --no-print-directory "$jobs" -C "$tree" layouts >"$out/base.log" 2>&1 || { tail -20 "$out/base.log"; die "the base does not build"; }
make --no-print-directory "$jobs" layouts >"$out/head.log" 2>&1 || { tail -20 "$out/head.log"; die "the head does not build"; }

run=${GATE_RUN:-$out/run}
# shellcheck disable=SC2086 # flags are words, patterns in them are no file names
if [ -z "${GATE_RUN:-}" ]; then
    set -f
    "$tree/packlight" bench "$suite" -o "$run" --cache results/cache ${BENCH_FLAGS:-} || die "the base's build cannot run $suite (exit $?)"
    set +f
fi
set -f
# shellcheck disable=SC2086
./packlight compare "$tree/packlight" ./packlight --run "$run" -o "$out/comparison" ${COMPARE_FLAGS:-}
code=$?
set +f

if [ -e "$out/comparison/verdict.json" ]; then
    ./packlight report "$out/comparison" --format junit >"$out/junit.xml" || die "no JUnit report"
    ./packlight report "$out/comparison" --format md >"$out/summary.md" || die "no Markdown report"
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
    [ -z "${GITHUB_ACTIONS:-}" ] || ./packlight report "$out/comparison" --format annotations
fi
case $code in
0) words="no regression" ;;
1) words="regressed" ;;
3) words="inconclusive: the machine was too noisy to tell" ;;
4) words="the environment refused: this run says nothing" ;;
5) words="an output is wrong" ;;
*) words="the comparison failed (exit $code)"
   code=2 ;;
esac
echo "gate: $words"
[ "$code" != 0 ] || exit 0
case " $fail " in *" $code "*) exit "$code" ;; esac
[ -z "${GITHUB_ACTIONS:-}" ] || echo "::warning title=packlight::$words"
exit 0
