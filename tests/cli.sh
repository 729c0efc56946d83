#!/bin/bash
# The command line as a user has it: every command, exit codes, bad input, killing and resuming. Prints TAP-like lines.
set -u
cd "$(dirname "$0")/.." || exit 2
packlight=${PACKLIGHT:-$PWD/packlight} # a wrapper, such as valgrind's, may stand for it
. tests/tap.sh

# --- every command explains itself
expect 2 'usage: packlight' 'no command is an error with usage' "$packlight"
expect 0 'usage: packlight' '--help' "$packlight" --help
expect 2 "no command 'banana'" 'an unknown command' "$packlight" banana
for command in bench merge peers compare report energy compress eval run inspect kernels history cpu; do
    expect 0 '(example|packlight '"$command"')' "$command --help" "$packlight" "$command" --help
    expect 2 'nonsense' "$command refuses an unknown option" "$packlight" "$command" --nonsense
done
expect 0 'not by hand' 'worker --help' "$packlight" worker --help
expect 2 'descriptor 3 is not a socket' 'worker by hand' "$packlight" worker model.plk
expect 2 'kernel banana: expected' 'worker with an unknown kernel' "$packlight" worker model.plk --kernel banana
expect 2 'nonsense' 'worker refuses an unknown option' "$packlight" worker --nonsense
"$packlight" --help | grep -q '^  worker'
verdict $? 'worker is not offered to users'
# --- what shells complete comes from the help: every option there is taken, and every option that is taken is there
for command in $("$packlight" --complete | cut -f1); do
    "$packlight" --complete "$command" >"$work/out" 2>"$work/err"
    good=1
    for option in $(cut -f1 "$work/out"); do # with --help nothing runs; an argument may be refused, the option may not
        argument=
        grep -q "^$option	[^	]" "$work/out" && argument=1
        # shellcheck disable=SC2086
        "$packlight" "$command" "$option" $argument --help </dev/null 2>&1 | grep -q "option '$option'" && good=0 && echo "    $command: $option is no option"
    done
    for option in $(sed -n 's/.*{"\([a-z-]*\)", *\(no\|required\)_argument.*/\1/p' "harness/cli_$command.c"; sed -n 's/.*}, *{"\([a-z-]*\)", *\(no\|required\)_argument.*/\1/p' "harness/cli_$command.c"); do
        case $option in output | seed | colour) continue ;; esac # -o by its long name; --seeds by its other
        grep -q "^--$option	" "$work/out" || { good=0 && echo "    $command: --$option is not in the help"; }
    done
    verdict $good "$command: help and options agree"
done
expect 0 '^--isa	LEVELS	' 'completion of an option with its argument' "$packlight" --complete bench
expect 0 '^native$' 'completion of levels' "$packlight" --complete bench '' --isa
expect 0 '^<.json>$' 'completion of a suite' "$packlight" --complete bench ''
expect 0 '^<dir>$' 'completion of a folder' "$packlight" --complete bench '' suites/tiny.json -o
expect 0 '^prune-b8x1-80$' 'completion of recipes' "$packlight" --complete compress '' --suite suites/zoo.json --recipe
"$packlight" --complete banana '' >"$work/out" 2>"$work/err" && [ ! -s "$work/out" ] && [ ! -s "$work/err" ]
verdict $((1 - $?)) 'completion of an unknown command is nothing'
mkdir "$work/bin" && ln -s "$packlight" "$work/bin/packlight"
cat >"$work/complete" <<'END'
# complete WORD...   what bash offers behind these words
. scripts/completion/packlight.bash
COMP_WORDS=(packlight "$@") COMP_CWORD=$#
_packlight
printf '%s\n' "${COMPREPLY[@]}"
END
complete="env PATH=$work/bin:$PATH bash $work/complete"
# shellcheck disable=SC2086
expect 0 '^bench$' 'bash completes commands' $complete be
# shellcheck disable=SC2086
expect 0 '^--threads$' 'bash completes options' $complete bench --th
# shellcheck disable=SC2086
expect 0 '^suites/tiny.json$' 'bash completes suites' $complete bench suites/ti
# shellcheck disable=SC2086
expect 0 '^avx' 'bash completes levels, of this CPU only' $complete bench --isa a
# shellcheck disable=SC2086
expect 0 '^qat-s8$' 'bash completes recipes' $complete compress --suite suites/tiny.json --recipe qat

# --- the manual page is made from the same help
sh scripts/man/manual.sh "$packlight" >"$work/packlight.1" 2>"$work/err" && grep -q '^\.It Fl -isa Ar LEVELS' "$work/packlight.1" && grep -q '^\.It 5' "$work/packlight.1"
verdict $((1 - $?)) 'the manual page has options and exit codes'
[ "$(grep -c '^\.Ss ' "$work/packlight.1")" = "$("$packlight" --complete | wc -l)" ]
verdict $((1 - $?)) 'the manual page has every command'
if command -v mandoc >/dev/null 2>&1; then
    mandoc -T lint "$work/packlight.1" >"$work/out" 2>&1
    verdict $((1 - $?)) 'mandoc finds nothing wrong with the manual page'
elif command -v man >/dev/null 2>&1; then
    man -l --warnings "$work/packlight.1" 2>"$work/err" >/dev/null && [ ! -s "$work/err" ]
    verdict $((1 - $?)) 'man finds nothing wrong with the manual page'
fi

expect 0 'ref' 'cpu prints facts' "$packlight" cpu
expect 0 'GB/s read' 'cpu --peak measures the limits' "$packlight" cpu --peak
expect 0 '"gmac_s_all":' 'cpu --peak --json' "$packlight" cpu --peak --json
expect 0 'kn_gemm_f32__ref' 'kernels --list' "$packlight" kernels --list
expect 0 'passed|0 failed|fine|ok' 'kernels --check' "$packlight" kernels --check --seed 7 --cases 400

expect 0 'kn_bsr_f32_8x1__.* conv 64->64 3x3 14x14 stride 2 ' 'kernels --break-even' "$packlight" kernels --break-even --isa avx2 --filter 'kn_bsr_f32_8x1' --rounds 3 --seed 7 --cases 400 -o "$work/even"
[ "$(wc -l <"$work/even/break-even.csv")" = 73 ] && [ -s "$work/even/break-even-f32-avx2.svg" ] && [ ! -e "$work/even/break-even-int8-avx2.svg" ]
verdict $((1 - $?)) 'break-even wrote a point per shape and sparsity, and one picture'
expect 2 'no sparse kernel of level ref' 'break-even needs a SIMD level' "$packlight" kernels --break-even --isa ref --seed 7 --cases 400
expect 2 'rounds 2: expected' 'too few rounds' "$packlight" kernels --break-even --rounds 2
expect 2 'only --break-even' 'a folder for a list' "$packlight" kernels --list -o "$work/even"

# --- the tiny suite, end to end
expect 0 'tiny/fp32/ref/t1/b1' 'bench --list' "$packlight" bench suites/tiny.json --list
[ "$(wc -l <"$work/out")" = 24 ]
verdict $((1 - $?)) 'the tiny matrix has 24 cells'
expect 0 '24 ok, 0 skipped, 0 failed, 0 wrong' 'bench runs the tiny suite' "$packlight" bench suites/tiny.json -o "$work/run" --cache "$work/cache"
expect 0 'tiny/ptq-s8/simd/t1/b1 .* us .*x .* % .* B' 'bench prints the figures of a cell' "$packlight" bench suites/tiny.json -o "$work/figures" --cache "$work/cache" --filter tiny/ptq-s8/simd/t1/b1 --no-process
cat >"$work/noise.json" <<'END'
{"name": "noise", "data": "noise", "models": ["%MODEL%"], "recipes": [
 {"name": "fp32", "steps": [{"step": "init"}, {"step": "pack"}]},
 {"name": "ptq-s8", "from": "fp32", "steps": [{"step": "ptq", "mode": "static", "images": 8}, {"step": "pack"}]}],
 "cells": [{"kernel": "simd", "threads": [1], "batches": [1]}], "budget_s": 0.01}
END
sed -i "s|%MODEL%|$PWD/suites/models/tiny.json|" "$work/noise.json"
expect 0 '2 ok, 0 skipped, 0 failed, 0 wrong' 'bench with random weights' "$packlight" bench "$work/noise.json" -o "$work/noise" --no-cache --no-process
expect 0 '"reason":"random weights.*"accuracy_top1":null' 'rows of random weights say why they have no accuracy' cat "$work/noise/records.jsonl"
# --- axes of the command line
expect 0 '^tiny/fp32/simd/t2/b24$' 'bench --list with threads and batches' "$packlight" bench suites/tiny.json --list --threads 1,2 --batch 1,8-32:8 --filter '*/fp32/*'
[ "$(wc -l <"$work/out")" = 11 ] && grep -qx 'tiny/fp32/ref/t1/b1' "$work/out"
verdict $((1 - $?)) 'the reference gets the smallest of each list'
for wrong in '' , 1, 1,,2 2-1 1,1 1-3,2 0 65 x -1 1-4096 99999999999999999999 1-8:0; do
    expect 2 '^packlight bench: --threads .*(number|downwards|twice|not from 1 to 64|too large|step)' "bad --threads '$wrong'" "$packlight" bench suites/tiny.json --list --threads "$wrong"
    [ "$(wc -l <"$work/err")" = 1 ] && [ ! -s "$work/out" ]
    verdict $((1 - $?)) "bad --threads '$wrong' is one line"
done
expect 2 'batch 4097: 4097 is not from 1 to 4096' 'a batch that is too large' "$packlight" bench suites/tiny.json --list --batch 4097
expect 2 "isa avx2,avx2: 'avx2' is given twice" 'a level twice' "$packlight" bench suites/tiny.json --list --isa avx2,avx2
expect 2 "isa sse41,mmx: 'mmx'" 'an unknown level in a list' "$packlight" bench suites/tiny.json --list --isa sse41,mmx
expect 2 'unknown option.*--threads' 'compress has jobs, not threads' "$packlight" compress --threads 2
if "$packlight" kernels --list --isa avx2 >/dev/null 2>&1; then
    expect 0 '8 ok, 3 skipped, 0 failed, 0 wrong' 'bench at several levels, one of them absent' "$packlight" bench suites/tiny.json -o "$work/levels" --cache "$work/cache" --isa sse41,avx2,neon --threads 1 --batch 1,3 --filter '*/fp32/*,tiny/ptq-s8/*/b1*' --no-process --jobs 1
    [ "$(grep -o '"speedup_baseline":"[^"]*"' "$work/levels/records.jsonl" | sort -u | tr '\n' ' ')" = '"speedup_baseline":"tiny/fp32/simd/t1/b1/avx2" "speedup_baseline":"tiny/fp32/simd/t1/b3/avx2" ' ]
    verdict $((1 - $?)) 'all levels are compared with FP32 at the highest'
    grep -q '"cell":"tiny/fp32/simd/t1/b1/neon".*"status":"skip".*this CPU has' "$work/levels/records.jsonl"
    verdict $((1 - $?)) 'an absent level is a skipped row with the reason'
    expect 0 'resuming .*: 0 of 11 cells are left' 'bench --resume with levels has nothing to do' "$packlight" bench suites/tiny.json -o "$work/levels" --cache "$work/cache" --isa sse41,avx2,neon --threads 1 --batch 1,3 --filter '*/fp32/*,tiny/ptq-s8/*/b1*' --no-process --resume
    expect 2 'another isa' 'bench --resume with other levels' "$packlight" bench suites/tiny.json -o "$work/levels" --isa sse41,avx2 --resume
    expect 0 'tiny, avx2, 1 thread, batch 1' 'the report shows the highest level first' "$packlight" report "$work/levels" --no-plots
    grep -q 'Full matrix: tiny, 1 thread, seed 1' "$work/out"
    verdict $((1 - $?)) 'and then all cells, with what varies in columns'
fi
expect 0 ' threads .* seed ' 'report --columns all' "$packlight" report "$work/run" --columns all --no-plots
expect 2 'columns some' 'report --columns with nonsense' "$packlight" report "$work/run" --columns some
expect 2 'already holds records' 'bench does not write over a run' "$packlight" bench suites/tiny.json -o "$work/run" --cache "$work/cache"
expect 0 'prune-u90' 'report prints a table' "$packlight" report "$work/run"
[ -s "$work/run/report.md" ] && [ -s "$work/run/report.csv" ] && ls "$work"/run/plots/*.svg >/dev/null 2>&1
verdict $((1 - $?)) 'report wrote Markdown, CSV and plots'
grep -q '^<!DOCTYPE html>' "$work/run/report.html" && grep -q 'src="data:image/svg+xml;base64,' "$work/run/report.html" && ! grep -q 'https\?:' "$work/run/report.html"
verdict $((1 - $?)) 'the page carries its pictures and points to no network'
for form in html tex csv json jsonl md; do
    "$packlight" report "$work/run" --format $form >"$work/printed" 2>/dev/null
    cmp -s "$work/printed" "$work/run/report.$form"
    verdict $((1 - $?)) "report --format $form prints the bytes of the file"
done
# A comparison's folder, by hand: one cell slower, one that could not be decided.
mkdir "$work/versus"
row='{"schema":"packlight.verdict/1","cell":"m/fp32/simd/t1/b%s","model":"m","metric":"latency","unit":"ns","role":"gated","verdict":"%s","ratio":1.2,"ratio_ci95":[1.1,1.3],"mde":0.074,"p_stage1":0.001}\n'
{ printf "$row" 1 regressed; printf "$row" 8 inconclusive; } >"$work/versus/verdicts.jsonl"
echo '{"schema":"packlight.comparison/1","kind":"builds","verdict":"regressed","exit_code":1,"cells_expected":2,"cells_gated":2,"regressed":1,"inconclusive":1,"a":{"label":"old"},"b":{"label":"new"},"rows":2}' >"$work/versus/verdict.json"
expect 0 '^Regressed: 1 of 2' 'report of a folder that holds a comparison' "$packlight" report "$work/versus"
for form in html:html md:md tex:tex csv:csv jsonl:jsonl junit:junit.xml gab:gab.json annotations:annotations.txt; do
    "$packlight" report "$work/versus" --format "${form%%:*}" >"$work/printed" 2>/dev/null
    cmp -s "$work/printed" "$work/versus/report.${form#*:}"
    verdict $((1 - $?)) "report --format ${form%%:*} of a comparison prints the bytes of the file"
done
expect 0 'skipped message="B / A 1.200 .*MDE 7.4 %"' 'what was not decided is skipped, with its MDE' cat "$work/versus/report.junit.xml"
expect 0 '▲' 'report --forest draws intervals' "$packlight" report "$work/versus" --no-plots --forest
expect 2 'terminal, md, html, tex, csv, jsonl, junit, gab, annotations' 'a form that comparisons do not have' "$packlight" report "$work/versus" --format json
expect 2 'expected one of terminal' 'a form that runs do not have' "$packlight" report "$work/run" --format junit
sed 's/"rows":2/"rows":3/' "$work/versus/verdict.json" >"$work/verdict.json" && mv "$work/verdict.json" "$work/versus/verdict.json"
expect 2 'verdicts.jsonl: 2 rows' 'a comparison with a row missing' "$packlight" report "$work/versus"
[ "$(grep -c '^{"schema":"packlight\..*}$' "$work/run/report.jsonl")" = "$(wc -l <"$work/run/report.jsonl")" ]
verdict $((1 - $?)) 'every line of JSON Lines says its schema'
escape=$(printf '\033')
coloured() { "$@" 2>/dev/null | grep -q "$escape"; }
coloured "$packlight" report "$work/run" --format terminal --color always && ! coloured "$packlight" report "$work/run" --format terminal
verdict $((1 - $?)) 'colours: always with --color always, none where the output is no terminal'
tty="script -qec '$packlight report $work/run --format terminal' /dev/null"
if command -v script >/dev/null 2>&1; then
    coloured env -u NO_COLOR TERM=xterm sh -c "$tty" && ! coloured env NO_COLOR=1 TERM=xterm sh -c "$tty" && ! coloured env -u NO_COLOR TERM=dumb sh -c "$tty"
    verdict $((1 - $?)) 'colours on a terminal, none with NO_COLOR or on a dumb one'
fi
expect 2 '--color blue: expected auto, always or never' 'report --color with a wrong word' "$packlight" report "$work/run" --color blue
expect 2 '--format pdf: expected one of terminal, md, html' 'report --format with a wrong word' "$packlight" report "$work/run" --format pdf
model=$work/run/artifacts/tiny-qat-s8.plk
expect 0 'class [0-9]' 'run: one inference' "$packlight" run "$model" --input "$work/run/sample.u8"
cp "$work/out" "$work/simd.out"
expect 0 'class [0-9]' 'run with reference kernels' "$packlight" run "$model" --input "$work/run/sample.u8" --isa ref
cmp -s "$work/out" "$work/simd.out"
verdict $((1 - $?)) 'reference and SIMD print the same scores'
expect 0 '^{"load_ns":[1-9][0-9]*,"plan_ns":[1-9][0-9]*,"first_ns":[1-9][0-9]*,"second_ns":[1-9][0-9]*}$' 'run --times' "$packlight" run "$model" --input "$work/run/sample.u8" --times
expect 0 'class [0-9]' 'run --repeat' "$packlight" run "$model" --input "$work/run/sample.u8" --repeat 3
cmp -s "$work/out" "$work/simd.out"
verdict $((1 - $?)) 'the third inference gives the scores of the first'
expect 2 'repeat' 'a bad number of repetitions' "$packlight" run "$model" --input "$work/run/sample.u8" --repeat 0
grep -q '"process_ratio_vs_fp32":[0-9].*"load_ns_median":[1-9].*"plan_ns_median":[1-9].*"first_ns_median":[1-9].*"cold_n":9,' "$work/run/records.jsonl"
verdict $((1 - $?)) 'bench starts fresh processes'
grep -q '"energy_models":\[{"model":"H45-v1".*"model":"J7-v1".*"model":"A40-v1"' "$work/run/records.jsonl"
verdict $((1 - $?)) 'a record has the energy proxy under three tables'

# --- another table of constants, counted instructions, an external meter
sed "s|models/tiny|$PWD/suites/models/tiny|; s|\"budget_s\"|\"energy\": \"mine.json\", \"budget_s\"|" suites/tiny.json >"$work/energy.json"
sed 's/J7-v1/mine/; s/"process_nm": 7/"process_nm": 5/' suites/energy/j7.json >"$work/mine.json"
expect 0 '1 ok' 'bench with a table of its own and counted instructions' "$packlight" bench "$work/energy.json" -o "$work/energy" --cache "$work/cache" --filter tiny/ptq-s8/ref/t1/b1 --isa ref --instructions
grep -q '"energy_model":"mine".*"energy_process_nm":5,.*"model":"mine".*"model":"H45-v1".*"model":"J7-v1"' "$work/energy/records.jsonl"
verdict $((1 - $?)) "the suite's table comes first, the others stay"
if command -v valgrind >/dev/null 2>&1; then
    counted='"instructions_per_inference":[1-9][0-9]*,.*"instruction_count_kind":"callgrind"'
else
    counted='"instructions_per_inference":null,.*"instruction_count_kind":"analytic".*package valgrind'
fi
grep -q "$counted" "$work/energy/records.jsonl"
verdict $((1 - $?)) 'instructions are counted, or the row says why not'
expect 0 'published 5 nm constants' 'the sentence names the table that was used' "$packlight" report "$work/energy" --no-plots
expect 2 'energy_sha256' 'resuming with another table' "$packlight" bench "$work/energy.json" -o "$work/energy" --resume --energy suites/energy/h45.json --cache "$work/cache" --isa ref
expect 2 'nowhere.json: cannot open' 'a table that is not there' "$packlight" bench suites/tiny.json --energy "$work/nowhere.json" -o "$work/none"
sed 's/J7-v1/H45-v1/' suites/energy/j7.json >"$work/taken.json"
expect 2 'needs a new name' 'another table under a taken name' "$packlight" bench suites/tiny.json --energy "$work/taken.json" -o "$work/none"
expect 2 'energy-windows' 'a bad number of energy windows' "$packlight" bench suites/tiny.json --energy-windows -1 --list
printf 'cell,joules,inferences,meter\ntiny/ptq-s8/ref/t1/b1,0.5,1000,bench supply\n' >"$work/meter.csv"
expect 0 '1 reading added' 'energy import' "$packlight" energy import "$work/energy" "$work/meter.csv"
expect 0 'imported +bench supply +500' 'the report shows imported energy with its meter' "$packlight" report "$work/energy" --no-plots
grep -q 'energy_imported_uj/bench supply,uJ,500,,,,[a-z ]*,imported' "$work/energy/report.csv"
verdict $((1 - $?)) 'and so does its CSV'
printf 'cell,joules,inferences\nnobody,0.5,1000\n' >"$work/meter.csv"
expect 2 "meter.csv:2: cell 'nobody'" 'energy of a cell that the run lacks' "$packlight" energy import "$work/energy" "$work/meter.csv"
expect 2 'expected import' 'energy without a word' "$packlight" energy
expect 2 'one CSV file' 'energy import without a file' "$packlight" energy import "$work/energy"

expect 0 'top-1 .*sha256|top-1' 'eval' "$packlight" eval "$model" --against "$work/run/artifacts/tiny-fp32.plk"
expect 0 'conv1' 'inspect' "$packlight" inspect "$model"
expect 0 'conv1 .*kn_.* 1x.* dense: ' 'inspect --plan of a packed model' "$packlight" inspect "$model" --plan --isa ref
expect 0 'peak activation memory: [1-9]' 'inspect --plan of a definition' "$packlight" inspect suites/models/resnet8.json --plan --batch 2 --threads 2
expect 2 'belong to --plan' 'options of --plan without it' "$packlight" inspect "$model" --batch 2
expect 2 'threads 65' 'too many threads' "$packlight" inspect "$model" --plan --threads 65
expect 0 'class' 'run on two threads' "$packlight" run "$model" --input "$work/run/sample.u8" --threads 2
expect 0 'sha256 ' 'compress makes one file' "$packlight" compress --suite suites/tiny.json --model tiny --recipe qat-s8 -o "$work/again.plk" --cache "$work/cache"
cmp -s "$work/again.plk" "$model"
verdict $((1 - $?)) 'compress gives the same bytes as bench'

# --- a matrix in parts
shards=(--cache "$work/cache" --no-process --filter '*/fp32/*,*/ptq-s8/*,*/qat-s8/*' --quiet)
for i in 1 2 3; do
    expect 0 ' ok, 0 skipped, 0 failed, 0 wrong' "shard $i of 3" "$packlight" bench suites/tiny.json --shard $i/3 -o "$work/shard$i" "${shards[@]}"
done
expect 0 '9 ok, 0 skipped' 'the same cells in one run' "$packlight" bench suites/tiny.json -o "$work/unsharded" "${shards[@]}"
expect 0 '9 of 9 cells from 3 of 3 shards' 'merge joins the shards, in any order' "$packlight" merge "$work/joined" "$work/shard2" "$work/shard3" "$work/shard1"
"$packlight" report "$work/joined" --format golden >"$work/joined.csv" && "$packlight" report "$work/unsharded" --format golden >"$work/unsharded.csv" && cmp -s "$work/joined.csv" "$work/unsharded.csv"
verdict $((1 - $?)) 'the joined run has the deterministic columns of one run, in its order'
cells() { grep -o '"cell":"[^"]*"' "$1/records.jsonl"; }
[ "$(cells "$work/joined")" = "$(cells "$work/unsharded")" ] && [ "$(sort "$work"/shard[123]/records.jsonl)" = "$(sort "$work/joined/records.jsonl")" ]
verdict $((1 - $?)) 'its lines are the shards'"'"' own, byte for byte'
for file in "$work"/unsharded/artifacts/*; do cmp -s "$file" "$work/joined/artifacts/${file##*/}" || break; done
verdict $((1 - $?)) 'its artifacts are those of one run'
expect 0 'packlight merge' 'the joined run can be reported' "$packlight" report "$work/joined" --no-plots
expect 2 'joined already exists' 'merge does not write over a run' "$packlight" merge "$work/joined" "$work/shard1" "$work/shard2" "$work/shard3"
expect 2 'shard 2/3 is not among the 2 folders' 'a missing shard' "$packlight" merge "$work/part" "$work/shard1" "$work/shard3"
expect 0 '3 of 9 cells are missing \(shards not there: 2' 'merge --partial says what is missing' "$packlight" merge --partial "$work/part" "$work/shard1" "$work/shard3"
expect 0 'Joined without all of its shards: 3 of 9' 'so does the report' "$packlight" report "$work/part" --no-plots
expect 0 '3 ok, 0 skipped' 'one machine can run what is missing' "$packlight" bench suites/tiny.json --resume -o "$work/part" "${shards[@]}"
expect 2 'shard1 and .*shard1: both are shard 1/3' 'a shard given twice' "$packlight" merge "$work/no" "$work/shard1" "$work/shard1" "$work/shard2"
sed 's/"budget_s": 0.02/"budget_s": 0.03/; s|models/tiny|'"$PWD"'/suites/models/tiny|' suites/tiny.json >"$work/other.json"
expect 0 '3 ok' 'a shard of another suite' "$packlight" bench "$work/other.json" --shard 2/3 -o "$work/other" "${shards[@]}"
expect 2 'shard1 and .*other: not the same suite' 'merge refuses it' "$packlight" merge "$work/no" "$work/shard1" "$work/other" "$work/shard3"
expect 2 'unsharded: not a shard' 'a whole run is no shard' "$packlight" merge "$work/no" "$work/unsharded" "$work/shard1"
expect 2 'another shard' 'a shard is not resumed as another' "$packlight" bench suites/tiny.json --shard 1/3 --resume -o "$work/shard2" "${shards[@]}"
expect 2 'another cells_sha256' 'nor with other cells' "$packlight" bench suites/tiny.json --shard 2/3 --resume -o "$work/shard2" "${shards[@]}" --filter '*'
cp -r "$work/shard2" "$work/bent"
printf x | dd of="$work/bent/artifacts/tiny-ptq-s8.plk" bs=1 seek=100 conv=notrunc 2>/dev/null
expect 2 'bent/artifacts/tiny-ptq-s8.plk: SHA-256 .* but the record of tiny/ptq-s8/' 'a damaged artifact' "$packlight" merge "$work/no" "$work/shard1" "$work/bent" "$work/shard3"
cp -r "$work/shard2" "$work/cut"
head -c -20 "$work/shard2/records.jsonl" >"$work/cut/records.jsonl"
expect 2 'cut: shard 2/3 is not finished: 1 cell is missing, the first is tiny/ptq-s8/simd/t1/b3' 'a shard in work' "$packlight" merge "$work/no" "$work/shard1" "$work/cut" "$work/shard3"
expect 0 '1 ok, 0 skipped' 'it goes on with --resume' "$packlight" bench suites/tiny.json --shard 2/3 --resume -o "$work/cut" "${shards[@]}"
expect 0 '9 of 9 cells' 'and can be joined then' "$packlight" merge "$work/joined2" "$work/shard1" "$work/cut" "$work/shard3"
expect 2 '/proc/packlight.*(cannot create|No such)' 'merge into a folder that cannot be written' "$packlight" merge /proc/packlight "$work/shard1" "$work/shard2" "$work/shard3"
if [ "$(id -u)" != 0 ]; then
    mkdir "$work/readonly" && chmod a-w "$work/readonly"
    expect 2 'readonly' 'merge into a read-only folder' "$packlight" merge "$work/readonly/out" "$work/shard1" "$work/shard2" "$work/shard3"
fi
ls -d "$work"/no* 2>/dev/null | grep -qE 'no(\.tmp|\.lock)?$' && left=1 || left=0
verdict $((1 - left)) 'nothing is left of what was refused'
expect 0 '0 ok, 0 skipped' 'a shard beyond the last recipe is empty' "$packlight" bench suites/tiny.json --shard 9/9 -o "$work/idle" "${shards[@]}"
expect 2 'needs a cache' 'training only, without a cache' "$packlight" bench suites/tiny.json --train-only --no-cache
expect 2 'writes no run' 'training only, into a folder' "$packlight" bench suites/tiny.json --train-only -o "$work/no"
for i in 1 2 3; do
    timeout 1800 "$packlight" bench suites/tiny.json --shard $i/3 --train-only --cache "$work/together" >/dev/null 2>"$work/train.$i" &
done
wait
[ "$(cat "$work"/train.[123] | grep -c '^tiny fp32: val')" = 1 ] && [ "$(cat "$work"/train.[123] | grep -c ' recipes in .*, 0 failed')" = 3 ] && ! ls "$work"/together/*.lock >/dev/null 2>&1
verdict $((1 - $?)) 'three processes with one cache train the common base once'
expect 0 '8 recipes in .*, 0 failed' 'all of it is in the cache then' "$packlight" bench suites/tiny.json --train-only --cache "$work/together"
[ "$(grep -c ': from the cache' "$work/err")" = 8 ]
verdict $((1 - $?)) 'and nothing is trained again'

# --- the comparison with other libraries, on one tiny shape
printf '{"name": "one", "peers": ["onednn", "xnnpack", "openblas"], "shapes": [{"name": "fc", "op": "fc", "c": 32, "n": 8, "types": ["fp32", "int8"]}]}' >"$work/one.json"
expect 0 'fc/int8' 'peers --list' "$packlight" peers "$work/one.json" --list
expect 0 '0 failed, 0 wrong' 'peers runs one shape' "$packlight" peers "$work/one.json" --budget 0.01 -o "$work/peers"
[ "$(grep -c '"kernel":"peer:' "$work/peers/records.jsonl")" = 6 ] && grep -q '"gmac_s":' "$work/peers/env.json"
verdict $((1 - $?)) 'peers writes a row per library and the limits of the machine'
printf '{"name": "net", "peers": ["onednn", "xnnpack"], "models": [{"file": "%s/suites/models/tiny.json", "types": ["fp32", "int8"]}]}' "$PWD" >"$work/net.json"
expect 0 '0 failed, 0 wrong' 'peers runs a model' "$packlight" peers "$work/net.json" --budget 0.01 -o "$work/net"
[ "$(grep -c '"kernel":"simd".*"status":"ok"' "$work/net/records.jsonl")" = 2 ]
verdict $((1 - $?)) 'our engine ran it in floats and in integers'
expect 0 '0 of 2 cells are left' 'peers --resume has nothing to do' "$packlight" peers "$work/one.json" --resume -o "$work/peers"
expect 2 'another isa' 'peers --resume at another level' "$packlight" peers "$work/one.json" --resume -o "$work/peers" --isa ref
expect 0 'Ours against 3 other libraries' 'report of a comparison' "$packlight" report "$work/peers"
[ -s "$work/peers/report.md" ] && [ -s "$work/peers/plots/roofline-fp32.svg" ] && grep -q 'Ours against other libraries' "$work/peers/report.html"
verdict $((1 - $?)) 'a comparison has Markdown, a page and a roofline'
mkdir "$work/broken" && : >"$work/broken/libdnnl.so.2" && : >"$work/broken/libXNNPACK.so.0"
expect 0 '0 failed, 0 wrong' 'peers without its libraries' env LD_LIBRARY_PATH="$work/broken" "$packlight" peers "$work/one.json" --budget 0.01 -o "$work/absent"
[ "$(grep -c '"status":"skip","reason":"\(oneDNN\|XNNPACK\) cannot be loaded\|"status":"skip","reason":"built without' "$work/absent/records.jsonl")" = 4 ]
verdict $((1 - $?)) 'a library that is not there is a skipped row with the reason'
sed 's/"c": 32/"c": 0/' "$work/one.json" >"$work/zero.json"
expect 2 'shapes\[0\].c' 'a shape without channels' "$packlight" peers "$work/zero.json"
expect 2 'budget' 'a bad budget' "$packlight" peers "$work/one.json" --budget x

# --- the history of runs and comparisons
expect 2 'expected add, list, show' 'history without a command' "$packlight" history
expect 2 'there is no history yet' 'history before its first run' "$packlight" history list --db "$work/h/history.db"
expect 0 'bench, 24 cells: added' 'history add' "$packlight" history add "$work/run" --db "$work/h/history.db"
expect 0 'nothing new' 'history add twice' "$packlight" history add "$work/run" --db "$work/h/history.db"
expect 0 'bench .* 24  tiny' 'history list' "$packlight" history list --db "$work/h/history.db"
expect 0 '"kind":"bench"' 'history list as JSON' "$packlight" history list --db "$work/h/history.db" --format json
expect 0 'latency_ns_median in ns, machine' 'history show' "$packlight" history show tiny/qat-s8/simd/t1/b1 --db "$work/h/history.db"
expect 0 'size_file_bytes in B' 'history show of another figure' "$packlight" history show '*' --metric size_file --db "$work/h/history.db"
expect 2 "nothing of a cell 'lenet9'" 'history show of an unknown cell' "$packlight" history show lenet9 --db "$work/h/history.db"
expect 0 'No comparison with the anchor' 'history trend without comparisons' "$packlight" history trend --db "$work/h/history.db"
expect 0 'run,started,commit,kind,against,cell' 'history export' "$packlight" history export --format csv --db "$work/h/history.db"
expect 0 'made again from [1-9]' 'history rebuild' "$packlight" history rebuild "$work" --db "$work/h/again.db"
expect 0 'sound' 'history check' "$packlight" history check --db "$work/h/again.db"
expect 2 'not an SQLite file' 'a history that is none' "$packlight" history list --db "$work/run/records.jsonl"
expect 2 'belongs to add' 'an option of another history command' "$packlight" history list --against anchor --db "$work/h/history.db"

# --- bad input: one clear error each, exit 2
expect 2 'none.json: cannot open' 'a suite that is not there' "$packlight" bench none.json
printf '{"name": "x",\n "models": [}' >"$work/syntax.json"
expect 2 'syntax.json:2:' 'a suite with a syntax error names the line' "$packlight" bench "$work/syntax.json"
sed 's/"lr": 0.004/"lr": 0.004, "lrr": 1/' suites/tiny.json | sed 's|models/tiny|'"$PWD"'/suites/models/tiny|' >"$work/key.json"
expect 2 'recipes\[0\].steps\[0\].*lrr|lrr' 'an unknown key names its path' "$packlight" bench "$work/key.json"
sed 's/"sparsity": 0.9/"sparsity": 1.5/; s|models/tiny|'"$PWD"'/suites/models/tiny|' suites/tiny.json >"$work/range.json"
expect 2 'sparsity' 'a value out of range' "$packlight" bench "$work/range.json"
sed 's/"from": "prune-u90"/"from": "nobody"/; s|models/tiny|'"$PWD"'/suites/models/tiny|' suites/tiny.json >"$work/from.json"
expect 2 'nobody' 'a recipe from an unknown one' "$packlight" bench "$work/from.json"
expect 2 'dataset-fashion-mnist|--data' 'a data folder that is not there' "$packlight" bench suites/tiny.json --data "$work/nodata" -o "$work/r1"
mkdir "$work/data" && cp /usr/share/datasets/fashion-mnist/*.gz "$work/data" && head -c 100000 /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz >"$work/data/train-images-idx3-ubyte.gz"
expect 2 'train-images-idx3-ubyte' 'a truncated data file' "$packlight" bench suites/tiny.json --data "$work/data" -o "$work/r2"
expect 2 'no cell is left' 'a filter that matches nothing' "$packlight" bench suites/tiny.json --filter 'x*' --list
expect 2 'shard' 'a bad shard' "$packlight" bench suites/tiny.json --shard 3/2 --list
expect 2 'seeds' 'bad seeds' "$packlight" bench suites/tiny.json --seeds 5-1 --list
expect 2 'isa' 'an unknown ISA level' "$packlight" bench suites/tiny.json --isa mmx --list
expect 2 'threads' 'a bad number of threads' "$packlight" bench suites/tiny.json --threads 0 --list
head -c 300 "$model" >"$work/cut.plk"
expect 2 'cut.plk' 'a truncated model' "$packlight" run "$work/cut.plk" --input "$work/run/sample.u8"
printf 'hello' >"$work/text.plk"
expect 2 'text.plk' 'a file that is no model' "$packlight" inspect "$work/text.plk"
: >"$work/empty.plk"
expect 2 'empty.plk' 'an empty model' "$packlight" eval "$work/empty.plk"
expect 2 '784' 'an input of the wrong size' "$packlight" run "$model" --input "$work/text.plk"
expect 2 'norun: not a folder' 'report of a folder that is not there' "$packlight" report "$work/norun"
mkdir "$work/garbled" && printf 'not json\n{}\n' >"$work/garbled/records.jsonl"
expect 2 'records.jsonl:1' 'report of a garbled run' "$packlight" report "$work/garbled"
expect 2 'no such recipe' 'compress with an unknown recipe' "$packlight" compress --suite suites/tiny.json --model tiny --recipe x -o "$work/x.plk"
expect 2 'full|No space|write' 'a full disk' "$packlight" compress --suite suites/tiny.json --model tiny --recipe fp32 -o /dev/full/x.plk --cache "$work/cache"
if [ "$(id -u)" != 0 ]; then
    mkdir "$work/ro" && chmod a-w "$work/ro"
    expect 2 'ro' 'a read-only folder' "$packlight" bench suites/tiny.json -o "$work/ro/run" --cache "$work/cache"
fi

# --- one failing cell is a row with a reason, and the others go on
# (training of prune-u90 explodes; nothing else depends on it in this filter)
sed '/"name": "prune-u90",/,/pack/s/"lr": 0.002/"optimizer": "sgd", "momentum": 0.9, "lr": 10, "weight_decay": 1/; s|models/tiny|'"$PWD"'/suites/models/tiny|' suites/tiny.json >"$work/diverge.json"
timeout 1800 "$packlight" bench "$work/diverge.json" -o "$work/diverge" --cache "$work/cache" --filter '*/fp32/*,*/prune-u90/*' --no-process >"$work/out" 2>"$work/err"
code=$?
rows=$(wc -l <"$work/diverge/records.jsonl")
[ "$code" = 2 ] && [ "$rows" = 6 ] && [ "$(grep -c '"status":"failed"' "$work/diverge/records.jsonl")" = 3 ]
verdict $((1 - $?)) 'a diverging recipe is a row with a reason, the rest is there, the exit code says so'

expect 0 '1 ok, 2 skipped' 'without SIMD its cells are skipped rows' "$packlight" bench suites/tiny.json -o "$work/scalar" --cache "$work/cache" --isa ref --filter '*/fp32/*' --no-process
grep -q '"status":"skip".*no SIMD level' "$work/scalar/records.jsonl"
verdict $((1 - $?)) 'a skipped row says why'

# --- killed at arbitrary instants: finished records survive, --resume does the rest
mkdir "$work/kill"
for delay in 0.3 0.7 1.1 0.5; do
    resume=
    [ -e "$work/kill/run/env.json" ] && resume=--resume
    # shellcheck disable=SC2086
    "$packlight" bench suites/tiny.json -o "$work/kill/run" --cache "$work/kill/cache" --no-process $resume >/dev/null 2>"$work/err" &
    pid=$!
    sleep "$delay"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    if [ -e "$work/kill/run/records.jsonl" ]; then
        head -n "$(wc -l <"$work/kill/run/records.jsonl")" "$work/kill/run/records.jsonl" >"$work/kill/before.$delay"
    fi
done
resume=
[ -e "$work/kill/run/env.json" ] && resume=--resume
# shellcheck disable=SC2086
expect 0 '0 failed, 0 wrong' 'resuming after kill -9 finishes the run' "$packlight" bench suites/tiny.json -o "$work/kill/run" --cache "$work/kill/cache" --no-process $resume
kept=1
for before in "$work"/kill/before.*; do
    [ -e "$before" ] || continue
    while IFS= read -r line; do
        grep -qxF -- "$line" "$work/kill/run/records.jsonl" || kept=0
    done <"$before"
done
verdict $kept 'no finished record was lost'
[ "$(grep -o '"cell":"[^"]*"' "$work/kill/run/records.jsonl" | sort -u | wc -l)" = 24 ]
verdict $((1 - $?)) 'every cell is there once the run is finished'
expect 0 'fp32' 'the resumed run can be reported' "$packlight" report "$work/kill/run" --no-plots
printf '{"schema":"packlight.record/1","ce' >>"$work/kill/run/records.jsonl"
expect 0 'fp32' 'a torn last line is left out' "$packlight" report "$work/kill/run" --no-plots

# --- ctrl-C
"$packlight" bench suites/tiny.json -o "$work/int" --cache "$work/nocache" >"$work/out" 2>"$work/err" &
pid=$!
for _ in $(seq 600); do # it has begun once env.json is there
    [ -e "$work/int/env.json" ] && break
    sleep 0.1
done
kill -INT $pid
wait $pid
code=$?
[ "$code" = 2 ] && grep -q -- "packlight bench .*suites/tiny.json --resume -o $work/int" "$work/err"
verdict $((1 - $?)) 'ctrl-C ends with exit 2 and says how to go on'
exit $bad
