#!/bin/bash
# Tries the ruler: everything that is promised about comparisons is measured here and printed as figures.
# usage: verify_measurement.sh [PART...]     parts: statistics aa injected reversed neighbours defects gate kill (default: all)
# Environment: AA_RUNS (10), AA_CELLS and INJECTED_CELLS (patterns), NEIGHBOUR_RUNS (20), KILLS (50), SIMULATIONS (10000)
# Takes about an hour and a half on two quiet CPUs; nothing else should run meanwhile. Exit 1 when a promise is broken.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/verify
mkdir -p "$work/bin"
# Copies, so that nobody's build changes what is measured.
program=$PWD/$work/bin/packlight
cp "$(readlink -f packlight)" "$program"
cp "$(dirname "$(readlink -f packlight)")"/packlight-layout* "$work/bin/"
run=$work/run
bad=0
ruler=1 # seed of the next comparison
say() { printf '%s\n' "$*"; }
promise() { # promise GOOD TEXT
    if [ "$1" = 1 ]; then say "holds   $2"; else
        say "BROKEN  $2"
        bad=1
    fi
}
# field FILE KEY   value of a top-level key of verdict.json
field() { sed -n "s/^.*\"$2\": *\"\{0,1\}\([^,\"}]*\).*/\1/p" "$1" | head -1; }
# rows DIR PATTERN...   lines of verdicts.jsonl that are gated latencies and match all patterns
rows() {
    local dir=$1 lines
    shift
    lines=$(grep '"metric":"latency"' "$dir/verdicts.jsonl" | grep '"role":"gated"')
    for pattern in "$@"; do lines=$(printf '%s\n' "$lines" | grep -- "$pattern"); done
    printf '%s\n' "$lines" | grep -c .
}
# compare NAME ARGUMENTS...   one comparison into $work/NAME; its exit code
compare() {
    local dir=$work/$1
    shift
    rm -rf "$dir"
    ruler=$((ruler + 1))
    "$program" compare "$@" --seed "$ruler" -o "$dir" --no-report --again >"$dir.out" 2>"$dir.err"
}
make_run() {
    [ -s "$run/records.jsonl" ] && return
    say "making the packed models of suites/verify.json"
    "$program" bench suites/verify.json -o "$run" --no-cache --no-process >"$work/run.log" 2>&1 ||
        { tail -5 "$work/run.log"; exit 2; }
}

statistics() {
    say "== statistics: simulated runs of 200 cells under four kinds of noise"
    make --no-print-directory verify-statistics RUNS="${SIMULATIONS:-10000}"
    promise $((!$?)) "false alarms at most 1 % per run, intervals cover 93 to 98 %, antisymmetry (table above)"
}

aa() {
    local runs=${AA_RUNS:-10} alarms=0 cells=0 refused=0 improved=0
    say "== A/A: $runs live runs, identical code judged as if it differed, cells ${AA_CELLS:-*/b1}"
    make_run
    for i in $(seq "$runs"); do
        compare "aa-$i" "$program" "$program" --run "$run" --blind --filter "${AA_CELLS:-*/b1}"
        code=$?
        [ "$code" = 4 ] && refused=$((refused + 1))
        cells=$((cells + $(rows "$work/aa-$i" .)))
        alarms=$((alarms + $(rows "$work/aa-$i" '"verdict":"regressed"')))
        improved=$((improved + $(rows "$work/aa-$i" '"verdict":"improved"')))
        say "run $i: exit $code, $(field "$work/aa-$i/verdict.json" verdict); $(rows "$work/aa-$i" .) cells," \
            "$(rows "$work/aa-$i" '"verdict":"no-change"') no-change, $(rows "$work/aa-$i" '"verdict":"inconclusive"') inconclusive," \
            "$(rows "$work/aa-$i" '"verdict":"regressed"') regressed, $(rows "$work/aa-$i" '"verdict":"improved"') improved," \
            "MDE median $(field "$work/aa-$i/verdict.json" mde_median), p90 $(field "$work/aa-$i/verdict.json" mde_p90)"
    done
    promise $((alarms == 0)) "$alarms false regressions and $improved false improvements in $cells cells of $runs A/A runs ($refused refused by the machine)"
    promise $((refused < runs)) "at least one A/A run was possible on this machine"
}

injected() {
    local found conclusive
    say "== +3 % injected into every cell, cells ${INJECTED_CELLS:-all}"
    make_run
    compare injected "$program" "$program" --run "$run" --blind --inject 3 ${INJECTED_CELLS:+--filter "$INJECTED_CELLS"}
    say "exit $?, $(field "$work/injected/verdict.json" verdict)"
    found=$(rows "$work/injected" '"verdict":"regressed"')
    conclusive=$((found + $(rows "$work/injected" '"verdict":"no-change"') + $(rows "$work/injected" '"verdict":"improved"')))
    promise $((found == conclusive && conclusive >= 59)) "+3 % found in $found of $conclusive conclusive cells (of $(rows "$work/injected" .))"
}

spin() { while :; do :; done; }

neighbours() {
    local runs=${NEIGHBOUR_RUNS:-20} false=0 codes="" code one two
    say "== two spinning neighbours: $runs runs"
    make_run
    for i in $(seq "$runs"); do
        # Half of the time they are there before, half of the time they come in the middle.
        pause=$((i % 2 * 5))
        (sleep "$pause"; spin) &
        one=$!
        (sleep "$pause"; spin) &
        two=$!
        compare "spin-$i" "$program" "$program" --run "$run" --blind --filter 'lenet5/*/t1/b1,dscnn*/t1/b1' --wait 2 --budget 0.2
        code=$?
        kill "$one" "$two" 2>/dev/null
        wait "$one" "$two" 2>/dev/null
        codes="$codes $code"
        # A pass says "no change of 3 % or more", which is true: the code is the same. Anything else is false.
        case $code in 0 | 3 | 4) ;; *) false=$((false + 1)) ;; esac
    done
    say "exit codes:$codes"
    promise $((false == 0)) "$false false verdicts in $runs runs beside two spinning processes"
    promise $((!$(printf '%s' "$codes" | grep -c ' [0125]'))) "every run ended with 3 or 4"
}

# defect NAME FILTER FILE SED [FILE SED...]   a copy of the tree with one thing made worse: found, and mirrored when reversed
defect() {
    local name=$1 filter=$2 tree=$work/$1 code mirrored
    shift 2
    rm -rf "$tree"
    mkdir -p "$tree/build"
    git ls-files -z | xargs -0 cp --parents -p -t "$tree"
    cp -a "build/release-$(basename "${CC:-cc}")" "$tree/build/"
    while [ $# -gt 0 ]; do
        sed -i "$2" "$tree/$1"
        cmp -s "$1" "$tree/$1" && { promise 0 "$name: the defect could not be planted in $1"; return; }
        shift 2
    done
    make --no-print-directory -C "$tree" -j2 layouts >"$work/$name.log" 2>&1 ||
        { tail -5 "$work/$name.log"; promise 0 "$name: does not build"; return; }
    compare "$name-found" "$program" "$tree/packlight" --run "$run" --filter "$filter"
    code=$?
    promise $((code == 1)) "$name: exit $code, regressed in $(rows "$work/$name-found" '"verdict":"regressed"') of $(rows "$work/$name-found" .) cells, geometric mean x$(field "$work/$name-found/verdict.json" geomean_ratio)"
    compare "$name-reversed" "$tree/packlight" "$program" --run "$run" --filter "$filter"
    code=$?
    # Two runs, minutes apart: a guest's clock may have moved by a third between them, and code that waits for memory does
    # not follow it as code that computes. So the logarithms may differ by the gate of 2 % and a tenth of the change.
    mirrored=$(paste -d' ' <(ratios "$work/$name-found") <(ratios "$work/$name-reversed") |
        awk '$1 == $5 { n++; a = log($2); d = a + log($6); if (a < 0) a = -a; if (d < 0) d = -d; good += d <= 0.02 + 0.1 * a }
             END { printf "%d of %d", good, n }')
    promise $((${mirrored% of *} == ${mirrored#* of } && code == 0)) "$name reversed: exit $code, the reciprocal ratio in $mirrored cells, $(rows "$work/$name-reversed" '"verdict":"improved"') improved"
}
# cell ratio lo hi of every gated latency
ratios() {
    grep '"metric":"latency"' "$1/verdicts.jsonl" | grep '"role":"gated"' |
        sed -n 's/.*"cell":"\([^"]*\)".*"ratio":\([0-9.e-]*\),"ratio_ci95":\[\([0-9.e-]*\),\([0-9.e-]*\)\].*/\1 \2 \3 \4/p' | sort
}

defects() {
    say "== seeded defects"
    make_run
    # the widest two lines of the roster of float products
    defect simd-level 'lenet5/fp32/*/b1,lenet-300*/fp32/*/b1,resnet8*/fp32/*/b1' \
        kernels/gemm_f32.def '/avx512vnni_12x32/d;/avx2_6x16/d'
    # a transposed copy is made twice
    defect copied-twice 'dscnn*/b1,resnet8*/b1' \
        harness/engine/engine_exec_move.c 's/^            t->run(\(.*\));$/            { t->run(\1); t->run(\1); }/'
    # activations are steps of their own
    defect no-fusion 'dscnn*/fp32/*/b1,resnet8*/fp32/*/b1' \
        harness/graph/graph_quant.c 's/^    return reader >= 0 && is_relu(l->graph->node\[reader\].op) ? reader : -1;$/    return reader >= 0 ? -1 : -1;/' \
        harness/engine/engine_plan.c 's/^    return reader >= 0 && graph->node\[reader\].op == OP_RELU ? reader : -1;$/    return reader >= 0 ? -1 : -1;/'
}

gate() {
    local code
    say "== the gate over 200 cells"
    make_run
    start=$(date +%s)
    compare gate "$program" "$program" --run "$run" --blind
    code=$?
    seconds=$(($(date +%s) - start))
    promise $((seconds <= 1200)) "200-cell gate took $seconds s (limit 1200), exit $code, $(rows "$work/gate" '"verdict":"inconclusive"') inconclusive, MDE median $(field "$work/gate/verdict.json" mde_median)"
    cp "$work/gate/verdicts.jsonl" "$work/gate.first"
    "$program" compare "$work/gate" --no-report >/dev/null
    cmp -s "$work/gate.first" "$work/gate/verdicts.jsonl"
    promise $((!$?)) "the same raw file gives byte-identical verdicts"
}

kill_resume() {
    say "== killed at ${KILLS:-50} random instants"
    bash tests/kill_resume.sh "${KILLS:-50}"
    promise $((!$?)) "no finished record was lost (figures above)"
}

[ $# -gt 0 ] || set -- statistics gate aa injected neighbours defects kill
for part in "$@"; do
    case $part in
    kill) kill_resume ;;
    statistics | aa | injected | neighbours | defects | gate) "$part" ;;
    *)
        echo "verify_measurement.sh: no part '$part'" >&2
        exit 2
        ;;
    esac
done
[ "$bad" = 0 ] && say "all promises hold" || say "some promises are broken"
exit "$bad"
