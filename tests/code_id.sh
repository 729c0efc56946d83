#!/bin/bash
# The identity of the code, which decides whether two builds can differ in speed: it must not follow folders, comments
# and other parts of the program, and it must follow kernels and flags. Compiles two objects, not the program.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/tap.sh
same() { # same A B NAME
    [ -n "$1" ] && [ "$1" = "$2" ]
    verdict $((1 - $?)) "$3"
}
differs() { # differs A B NAME
    [ -n "$1" ] && [ -n "$2" ] && [ "$1" != "$2" ]
    verdict $((1 - $?)) "$3"
}
kernel=kernels/ref/unary.o
packing=kernels/pack_gemm_rows.o
# id TREE [MAKE ARGUMENTS]   builds the two objects of a tree and prints their identity
id() {
    tree=$1
    shift
    make --no-print-directory -C "$tree" B="$work/objects-$(basename "$tree")" "$@" \
        "$work/objects-$(basename "$tree")/$kernel" "$work/objects-$(basename "$tree")/$packing" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; return 1; }
    CODE_FLAGS=${FLAGS:--O2} sh scripts/code_id.sh "$work/objects-$(basename "$tree")" $kernel $packing
}
copy() { # copy NAME   a second checkout
    mkdir -p "$work/$1/tests" && cp -r Makefile harness kernels scripts "$work/$1/"
}

make --no-print-directory code-objects >"$work/objects" 2>&1
grep -q "^$kernel$" "$work/objects" && grep -q '^harness/engine/engine.o$' "$work/objects" &&
    grep -q '^harness/graph/graph_shape.o$' "$work/objects" && grep -q '^harness/runner.o$' "$work/objects"
verdict $((1 - $?)) 'kernels, engine, graph and runner belong to the code that is timed'
! grep -q 'report\|train\|compress\|main\|cli_\|peers' "$work/objects"
verdict $((1 - $?)) 'reports, training and commands do not'

copy tree
copy other-folder-with-a-longer-name
first=$(id "$work/tree")
same "$first" "$(id "$work/other-folder-with-a-longer-name")" 'another folder, the same identity'
sed -i '1i /* a comment\n * of two lines */' "$work/tree/kernels/ref/unary.c" "$work/tree/kernels/pack_gemm_rows.c"
same "$first" "$(id "$work/tree")" 'a comment, the same identity'
echo 'int report_has_changed;' >>"$work/tree/harness/report/text.c"
same "$first" "$(id "$work/tree")" 'another part of the program, the same identity'
differs "$first" "$(FLAGS=-O3 id "$work/tree")" 'other flags, another identity'
sed -i 's/EIGHT = 8/EIGHT = 16/' "$work/tree/kernels/pack_gemm_rows.c"
differs "$first" "$(id "$work/tree")" 'another kernel, another identity'
sh scripts/code_id.sh "$work" no/such.o >/dev/null 2>&1
[ $? != 0 ]
verdict $((1 - $?)) 'a missing object is an error'

# --- orders of linking
same "$(sh scripts/permute.sh 1 a b c d e f g h)" "$(sh scripts/permute.sh 1 a b c d e f g h)" 'the same seed, the same order'
differs "$(sh scripts/permute.sh 1 a b c d e f g h)" "$(sh scripts/permute.sh 2 a b c d e f g h)" 'another seed, another order'
same "$(sh scripts/permute.sh 3 a b c d e f g h | LC_ALL=C sort | tr -d '\n')" abcdefgh 'every word once'
exit $bad
