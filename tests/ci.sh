#!/bin/bash
# The gate of the CI on a repository of its own, and that everything which the files for GitHub and GitLab, the gate and the
# nightly job call exists.
set -u
cd "$(dirname "$0")/.." || exit 2
export REAL=${PACKLIGHT:-$PWD/packlight}
. tests/tap.sh

# --- what is called exists
callers="scripts/nightly.sh scripts/ci/gate.sh scripts/ci/github-actions.yml scripts/ci/gitlab-ci.yml"
# shellcheck disable=SC2086
targets=$(cat $callers | grep -vE '^ *#|apt-get|description:' | grep -oE '\bmake( --?[a-z-]+)*( "\$jobs"| -j"\$\([^)]*\)")?( -C [^ ]+)? [a-z]+' | awk '{ print $NF }' | sort -u)
: >"$work/out"
good=1
for target in $targets; do
    grep -qE "^$target:" Makefile || { echo "no target $target" >>"$work/out"; good=0; }
done
[ -n "$(echo "$targets" | grep -x nightly)" ] && [ -n "$(echo "$targets" | grep -x deps)" ] && [ -n "$(echo "$targets" | grep -x layouts)" ] || good=0
verdict $good 'every make target that is named exists'
: >"$work/out"
good=1
found=0
while read -r command options; do
    for option in $options; do
        found=$((found + 1))
        "$REAL" "$command" --help | grep -qE -- "(^|[^-a-z])$option([^-a-z]|$)" || { echo "packlight $command has no $option" >>"$work/out"; good=0; }
    done
    # shellcheck disable=SC2086
done <<EOF
$(cat $callers | grep -oE '(\$build/|\$tree/|\./|")packlight" [a-z]+ .*|"\$1" bench .*|\./packlight [a-z]+ .*' | sed -E 's/^[^ ]+ //' |
    awk '{ printf "%s", $1; for (i = 2; i <= NF; i++) if ($i ~ /^--?[a-z]/) printf " %s", $i; print "" }' | tr -d '";)')
EOF
[ "$found" -ge 8 ] || { echo "only $found options found" >>"$work/out"; good=0; }
verdict $good 'every option of packlight that is named exists'
: >"$work/out"
good=1
for format in $(grep -hoE '(--format |emit )(junit|md|gab|annotations|[a-z]+)' scripts/nightly.sh scripts/ci/gate.sh | awk '{ print $NF }' | sort -u); do
    "$REAL" report --help | grep -qw "$format" || { echo "packlight report has no form $format" >>"$work/out"; good=0; }
done
verdict $good 'every form of a report that is named exists'
: >"$work/out"
good=1
for path in $(grep -hoE '(scripts|suites)/[a-z/_-]+\.(sh|json)' scripts/nightly.sh scripts/ci/* | sort -u); do
    [ -e "$path" ] || { echo "no $path" >>"$work/out"; good=0; }
done
verdict $good 'every file that is named exists'
grep -nE 'uses: ' scripts/ci/github-actions.yml | grep -vE '@[0-9a-f]{40} # v[0-9]' >"$work/out"
verdict $(($? != 0)) 'every action is pinned to a commit'
grep -nE 'secrets\.|write-all|contents: write' scripts/ci/github-actions.yml >"$work/out"
verdict $(($? != 0)) 'no secrets and no more rights than needed'
if python3 -c 'import yaml' 2>/dev/null; then
    python3 -c 'import sys, yaml; [yaml.safe_load(open(f)) for f in sys.argv[1:]]' scripts/ci/*.yml >"$work/out" 2>&1
    verdict $((1 - ($? != 0))) 'the files are YAML'
fi

# --- the gate, on a repository whose `make layouts` takes a second and whose comparison is a stand-in
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY GATE_FAIL GATE_BASE GATE_OUT GATE_RUN COMPARE_FLAGS SUITE MAKEFLAGS MFLAGS
export FAKE=$work/fake GATE_OUT=$work/gate BENCH_FLAGS="--no-process --filter tiny/fp32/simd/t1/b1" SUITE=suites/tiny.json
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
mkdir -p "$FAKE" "$work/repo/scripts/ci" "$work/repo/suites"
cp -r suites/tiny.json suites/models suites/energy "$work/repo/suites/" # the base's run has them
cp scripts/ci/gate.sh "$work/repo/scripts/ci/"
cp tests/fake_compare.sh "$work/repo/stand_in"
printf 'layouts:\n\tcp stand_in packlight\n' >"$work/repo/Makefile"
printf '/packlight\n/results/\n' >"$work/repo/.gitignore"
cd "$work/repo" || exit 2
{ git init -q . && git checkout -q -b main && git add . && git commit -qm base && git checkout -q -b change; } >"$work/out" 2>&1 || verdict 0 'a repository to try it in'
gate() { # gate CODE PATTERN NAME [BASE]
    timeout 600 scripts/ci/gate.sh "${4:-main}" >"$work/out" 2>&1 </dev/null
    got=$?
    if [ "$got" = "$1" ] && grep -qE -- "$2" "$work/out"; then
        verdict 1 "$3"
    else
        echo "    exit $got, expected $1; looked for: $2"
        verdict 0 "$3"
    fi
}
gate 0 'nothing to compare' 'a branch without commits of its own'
gate 2 'no common ancestor.*fetch-depth' 'a base that is not there' nowhere
echo more >more && git add more && git commit -qm change
gate 0 'gate: no regression' 'a change that is fine'
grep -q "compare $work/gate/base/packlight ./packlight --run $work/gate/run -o $work/gate/comparison" "$FAKE/log"
verdict $((1 - $?)) 'base and head are compared on the packed models of one run'
[ -s "$work/gate/junit.xml" ] && [ -s "$work/gate/summary.md" ] && [ ! -e "$work/gate/base" ] && [ "$(git worktree list | wc -l)" = 1 ]
verdict $((1 - $?)) 'reports are there, the work tree is gone'
export GATE_RUN=$work/kept # the rest needs no run of its own
cp -r "$work/gate/run" "$GATE_RUN"
for code in 1 2 5; do
    echo $code >"$FAKE/comparison"
    gate $code 'gate: (regressed|the comparison failed|an output is wrong)' "exit code $code of the comparison fails"
done
for code in 3 4; do
    echo $code >"$FAKE/comparison"
    gate 0 'gate: (inconclusive|the environment refused)' "exit code $code of the comparison does not"
    GITHUB_ACTIONS=true gate 0 '::warning title=packlight::(inconclusive|the environment)' "exit code $code is a warning"
done
GATE_FAIL='1 2 3 5' GITHUB_STEP_SUMMARY=$work/step gate 0 'refused' 'what fails can be chosen: not this'
echo 3 >"$FAKE/comparison"
GATE_FAIL='1 2 3 5' gate 3 'inconclusive' 'what fails can be chosen: this'
GATE_FAIL='red' gate 2 "GATE_FAIL='red'" 'a choice that makes no sense'
grep -q 'report of comparison' "$work/step"
verdict $((1 - $?)) 'the summary is appended to the step'
rm "$FAKE/comparison"
printf 'layouts:\n\tfalse\n' >Makefile && git commit -qam broken
gate 2 'the head does not build' 'a head that does not build'
exit $bad
