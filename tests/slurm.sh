#!/bin/bash
# The matrix on a Slurm cluster: a real slurmctld and slurmd on this machine run what scripts/slurm/submit.sh submits, and
# the joined run equals one run. Own munge key, sockets, ports and folders: a Slurm or munge that is already here is
# neither used nor touched. Prints TAP-like lines; skipped with one line when Slurm is not installed (make deps-slurm).
set -u
cd "$(dirname "$0")/.." || exit 2
root=$PWD
packlight=${PACKLIGHT:-$root/packlight}
number=0
bad=0
for program in munged slurmctld slurmd sbatch srun sinfo squeue scontrol scancel; do
    if ! PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null 2>&1; then
        echo "ok 1 - the matrix on Slurm # SKIP $program is not installed (make deps-slurm)"
        exit 0
    fi
done
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d)
chmod 755 "$work" # munge refuses a socket in a folder that others may write
daemons=()
cleanup() {
    trap - EXIT INT TERM
    [ -z "${SLURM_CONF:-}" ] || timeout 10 scancel --user="$(id -un)" --signal=KILL --full >/dev/null 2>&1
    [ -z "${SLURM_CONF:-}" ] || timeout 10 scancel --user="$(id -un)" >/dev/null 2>&1
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do # slurmd, slurmctld, munged
        kill "${daemons[$i]}" 2>/dev/null
        for _ in $(seq 50); do
            kill -0 "${daemons[$i]}" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "${daemons[$i]}" 2>/dev/null
        wait "${daemons[$i]}" 2>/dev/null
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
verdict() { # verdict GOOD NAME [LOG...]
    number=$((number + 1))
    if [ "$1" = 1 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        shift 2
        [ $# = 0 ] || tail -n 25 "$@" 2>/dev/null | sed 's/^/    /'
        bad=1
    fi
}
free_port() { # a port where nobody listens; sets port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return
    done
}
wait_for() { # wait_for SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

# --- the cluster: two nodes on this machine, where slurmd was built for that; else one, and tasks run in turn
nodes=(n1)
! slurmd -h 2>&1 | grep -q -- ' -N node' || nodes=(n1 n2)
head -c 1024 /dev/urandom >"$work/munge.key"
chmod 400 "$work/munge.key"
munged --foreground --force --socket="$work/munge.socket" --key-file="$work/munge.key" --log-file="$work/munged.log" \
    --pid-file="$work/munged.pid" --seed-file="$work/munged.seed" >"$work/munged.out" 2>&1 &
daemons+=($!)
free_port
controller=$port
host=$(hostname -s)
user=$(id -un)
mkdir "$work/state" "${nodes[@]/#/$work/spool-}"
cat >"$work/slurm.conf" <<END
ClusterName=packlight-test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=$user
SlurmdUser=$user
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=100000,bf_interval=2,batch_sched_delay=0,defer_batch=0
SchedulerType=sched/backfill
MpiDefault=none
ReturnToService=2
MinJobAge=300
END
used=" $controller "
for node in "${nodes[@]}"; do
    while [[ $used == *" $port "* ]]; do free_port; done
    used+="$port "
    echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$port CPUs=2 State=UNKNOWN" >>"$work/slurm.conf"
done
echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO" >>"$work/slurm.conf"
export SLURM_CONF=$work/slurm.conf
wait_for 10 test -S "$work/munge.socket"
slurmctld -D -c -f "$SLURM_CONF" >"$work/slurmctld.out" 2>&1 &
daemons+=($!)
wait_for 20 scontrol ping
for node in "${nodes[@]}"; do
    named=(-N "$node")
    [ ${#nodes[@]} -gt 1 ] || named=()
    slurmd -D ${named[@]+"${named[@]}"} -f "$SLURM_CONF" >"$work/slurmd-$node.out" 2>&1 &
    daemons+=($!)
done
all_idle() { [ "$(sinfo --noheader --states=idle --format=%D | head -n 1)" = ${#nodes[@]} ]; }
if wait_for 30 all_idle; then
    verdict 1 "slurmctld and ${#nodes[@]} slurmd are up ($(slurmd -V))"
else
    verdict 0 'slurmctld and slurmd are up' "$work"/*.out "$work"/*.log
    exit 1
fi

# --- the matrix through it
no_jobs() { [ -z "$(squeue --noheader --format=%i)" ]; }
scripts=(bash scripts/slurm/submit.sh suites/tiny.json --shards 3 --partition main --train-cpus 2)
"${scripts[@]}" -o "$work/run" -- --no-process >"$work/out" 2>"$work/err" && [ "$(grep -c -- '-> job' "$work/err")" = 3 ] &&
    grep -q 'result: .*/run/merged' "$work/out"
verdict $((1 - $?)) 'submit.sh submits training, timing and joining, and prints them' "$work/out" "$work/err"
"$packlight" bench suites/tiny.json -o "$work/one" --no-cache --no-process --quiet >"$work/one.log" 2>&1 # meanwhile
wait_for 90 no_jobs
verdict $((1 - $?)) 'all jobs end' <(squeue 2>&1) "$work/slurmctld.log" "$work"/run/logs/*

same_as_one() { # same_as_one DIR: deterministic columns, order and artifacts
    "$packlight" report "$work/one" --format golden >"$work/one.csv" &&
        "$packlight" report "$1" --format golden >"$work/joined.csv" && cmp "$work/one.csv" "$work/joined.csv" &&
        (cd "$work/one/artifacts" && sha256sum ./*.plk) >"$work/one.sum" &&
        (cd "$1/artifacts" && sha256sum ./*.plk) >"$work/joined.sum" && cmp "$work/one.sum" "$work/joined.sum"
}
same_as_one "$work/run/merged"
verdict $((1 - $?)) 'the joined run equals one run in every deterministic column and every artifact' \
    "$work"/run/logs/* "$work/slurmctld.log"
[ -s "$work/run/merged/report.md" ] && grep -q '24 of 24 cells from 3 of 3 shards' "$work/run/logs/merge.log"
verdict $((1 - $?)) 'the last job reported it' "$work/run/logs/merge.log"
[ "$(cat "$work"/run/logs/train-*.log | grep -c '^tiny fp32: val')" = 1 ]
verdict $((1 - $?)) 'the base that all shards need was trained once' "$work"/run/logs/train-*.log

# --- a lost task costs its own cells only
cat >"$work/dying" <<END
#!/bin/bash
case "\$*" in *"--shard 2/3"*-o*) kill -9 \$\$ ;; esac
exec "$packlight" "\$@"
END
chmod +x "$work/dying"
"${scripts[@]}" -o "$work/lost" --cache "$work/run/cache" --no-train --program "$work/dying" -- --no-process \
    >"$work/out" 2>"$work/err"
wait_for 60 no_jobs
grep -q 'NOTE: not all of the matrix' "$work/lost/logs/merge.log" &&
    grep -q '15 of 24 cells from 2 of 3 shards' "$work/lost/logs/merge.log" &&
    grep -q '9 of 24 cells are missing (shards not there: 2' "$work/lost/merged/report.md"
verdict $((1 - $?)) 'without one task the rest is joined, and the report says what is missing' "$work/out" "$work/err" \
    "$work"/lost/logs/*
mv "$work/lost/merged" "$work/lost/before"
"${scripts[@]}" -o "$work/lost" --cache "$work/run/cache" --no-train -- --no-process >"$work/out" 2>"$work/err"
wait_for 60 no_jobs
same_as_one "$work/lost/merged"
verdict $((1 - $?)) 'the same command again completes it' "$work/out" "$work/err" "$work"/lost/logs/*
exit $bad
