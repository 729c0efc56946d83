#!/bin/sh
# clang-tidy and cppcheck, with the reasons for what is left out:
#   memleak                 blocks handed out through memcpy to a pointer's place (mem_alloc, graph.c's grow) look lost
#   unknownMacro            cJSON_ArrayForEach is cJSON's loop macro
#   invalidPointerCast      record fields are read by offset; their types stand in record.def
#   uninitvar               arrays filled by a callee through an out-parameter
#   invalidFunctionArg      log of a sum of exponentials that always holds exp(0)
#   arrayIndexThenCheck     the index is a loop variable within its bounds
#   bugprone-easily-swappable-parameters, -reserved-identifier: shapes are many ints; a double underscore inside a name is legal C
#   bugprone-integer-division, -sizeof-expression: whole tiles are counted by division; arrays of pointers have a length, too
#   lint_model.h            tells the analyzer that failures are not ST_OK; the files that define those functions cannot
#                           include it and do without the checks that would need to know
# usage: lint.sh [FILE.c...]      (default: everything)
set -u
cd "$(dirname "$0")/.." || exit 2
code=0
if command -v cppcheck >/dev/null 2>&1; then
    # shellcheck disable=SC2046
    cppcheck --enable=warning,performance,portability --std=c11 --inline-suppr -q --error-exitcode=1 \
        --suppress=memleak --suppress=unknownMacro --suppress=invalidPointerCast --suppress=uninitvar \
        --suppress=invalidFunctionArg --suppress=arrayIndexThenCheck -Iharness -I. $([ $# = 0 ] && echo harness kernels || echo "$@") || code=1
else
    echo "lint: cppcheck is not installed"
fi
if command -v clang-tidy >/dev/null 2>&1; then
    [ $# != 0 ] || set -- $(find harness kernels -name '*.c' ! -path '*/arm/*' | sort)
    for file in "$@"; do
        flags='-include scripts/lint_model.h' less=
        case $file in
        *_sse41.c) flags="$flags -msse4.1" ;;
        *_avx2.c) flags="$flags -mavx2 -mfma" ;;
        *_avxvnni.c) flags="$flags -mavx2 -mfma -mavxvnni" ;;
        *_avx512vnni.c) flags="$flags -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni" ;;
        */status.c | */json.c | */bytes.c) flags= less=',-clang-analyzer-core.*' ;;
        esac
        # shellcheck disable=SC2086
        clang-tidy --quiet --warnings-as-errors='*' \
            -checks="-*,clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone,-bugprone-integer-division,-bugprone-sizeof-expression,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling$less" \
            "$file" -- -std=c11 -Iharness -I. -Ibuild/release-cc -Ibuild/release-cc/gen -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE $flags 2>/dev/null || code=1
    done
else
    echo "lint: clang-tidy is not installed"
fi
[ "$code" = 0 ] && echo "lint: fine"
exit $code
