#!/bin/bash
# Runs a suite's matrix on a Slurm cluster: training, then timing, then one run directory with its report.
#
#   submit.sh SUITE -o DIR [options] [-- options of packlight bench]
#
#   -o DIR             on a file system that all nodes share; gets shard-I/, logs/, cache/, merged/
#   --shards N         parts = array tasks of training and of timing (default 4)
#   --partition P      Slurm's partition (default: the cluster's)
#   --account A        whom to charge
#   --train-time T     limit of one training task, as sbatch's --time (default 8:00:00)
#   --cell-time T      limit of one timing task (default 4:00:00)
#   --train-cpus N     processors of one training task (default: 2)
#   --at-once N        at most N timing tasks at the same time (default: all)
#   --cache DIR        trained weights (default: DIR/cache)
#   --no-train         the cache has everything: no training jobs
#   --program FILE     packlight (default: ./packlight of this checkout)
#   --dry-run          print what would be submitted, submit nothing
#
# Three jobs, each printed as it is submitted: an array that fills the cache (train.sbatch), an array that times, one
# exclusive node per task, each task after its own training (cell.sbatch), and a job after all of them that joins the
# shards and reports (merge.sbatch). What failed is left out of the result, which says so. The same command again goes
# on where jobs were lost.
set -eu
fail() {
    echo "submit.sh: $1" >&2
    exit 2
}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
suite='' out='' shards=4 partition='' account='' train_time=8:00:00 cell_time=4:00:00 train_cpus=2 at_once='' cache='' train=1
program=$root/packlight dry=0
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n 's/^# \{0,1\}//; 2,/^set /{/^set /!p}' "$0"
        exit 0
        ;;
    -o | --shards | --partition | --account | --train-time | --cell-time | --train-cpus | --at-once | --cache | --program)
        [ $# -ge 2 ] || fail "$1 lacks its argument"
        case $1 in
        -o) out=$2 ;;
        --shards) shards=$2 ;;
        --partition) partition=$2 ;;
        --account) account=$2 ;;
        --train-time) train_time=$2 ;;
        --cell-time) cell_time=$2 ;;
        --train-cpus) train_cpus=$2 ;;
        --at-once) at_once=$2 ;;
        --cache) cache=$2 ;;
        --program) program=$2 ;;
        esac
        shift 2
        ;;
    --no-train)
        train=0
        shift
        ;;
    --dry-run)
        dry=1
        shift
        ;;
    --)
        shift
        break
        ;;
    -*) fail "unknown option '$1'; see --help" ;;
    *)
        [ -z "$suite" ] || fail "one suite at a time: '$suite' and '$1'"
        suite=$1
        shift
        ;;
    esac
done
whole() { # whole OPTION VALUE: a number from 1 to 4096
    case $2 in
    '' | 0* | *[!0-9]* | ?????*) fail "$1 '$2': expected a whole number from 1 to 4096" ;;
    esac
    [ "$2" -le 4096 ] || fail "$1 $2: expected a whole number from 1 to 4096"
}
[ -n "$suite" ] || fail "which suite? see --help"
[ -n "$out" ] || fail "-o DIR is needed: a folder that all nodes share"
whole --shards "$shards"
whole --train-cpus "$train_cpus"
[ -z "$at_once" ] || whole --at-once "$at_once"
[ -f "$suite" ] || fail "$suite: no such suite"
[ -x "$program" ] || fail "$program: not there; run make, or name it with --program"
[ "$dry" = 1 ] || command -v sbatch >/dev/null 2>&1 || fail "sbatch is not there: this is no Slurm login node"
suite=$(realpath "$suite")
program=$(realpath "$program")
[ "$dry" = 1 ] || mkdir -p "$out/logs"
out=$(realpath -m "$out")
[ ! -e "$out/merged" ] || fail "$out/merged is there already: move it away to go on, or give another folder"
if [ -n "$cache" ]; then
    [ "$dry" = 1 ] || mkdir -p "$cache"
    cache=$(realpath -m "$cache")
else
    cache=$out/cache
fi
# Bad options are found here and not in the queue.
"$program" bench "$suite" --list --shard "1/$shards" "$@" >/dev/null || exit 2

common=(--parsable --chdir="$root")
[ -z "$partition" ] || common+=(--partition="$partition")
[ -z "$account" ] || common+=(--account="$account")
submit() { # submit ARGUMENT...   sets job
    printf 'sbatch' >&2
    printf ' %q' "$@" >&2
    echo >&2
    if [ "$dry" = 1 ]; then
        job=JOB
    else
        job=$(sbatch "$@") || fail "sbatch refused this; nothing more is submitted"
        job=${job%%;*}
        echo "  -> job $job" >&2
    fi
}
after=()
if [ "$train" = 1 ]; then
    submit "${common[@]}" --job-name=packlight-train --array="1-$shards" --time="$train_time" \
        --cpus-per-task="$train_cpus" --output="$out/logs/train-%a.log" \
        "$here/train.sbatch" "$program" "$suite" "$shards" "$cache" "$@"
    # Task I waits for task I: --dependency=afterok between arrays would let one failed training stop all timing.
    after=(--dependency="aftercorr:$job" --kill-on-invalid-dep=yes)
fi
submit "${common[@]}" --job-name=packlight-cells --array="1-$shards${at_once:+%$at_once}" --time="$cell_time" \
    ${after[@]+"${after[@]}"} --output="$out/logs/cells-%a.log" \
    "$here/cell.sbatch" "$program" "$suite" "$shards" "$cache" "$out" "$@"
submit "${common[@]}" --job-name=packlight-merge --dependency="afterany:$job" --output="$out/logs/merge.log" \
    "$here/merge.sbatch" "$program" "$out" "$shards"
echo "result: $out/merged (log: $out/logs/merge.log)"
