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
#   bugprone-signed-char-misuse, -suspicious-memory-comparison: int8_t are numbers; floats of a file are compared by their bits
#   bugprone-misplaced-widening-cast: seeds and counts that are small
#   clang-analyzer-core.NullDereference, .NonNullParamChecker, .StackAddressEscape: what one member says of another (a row has
#                           one record at least, a residual has data) is out of sight; the sanitizers watch that at run time
#   clang-analyzer-optin.portability.UnixAPI: sizes that are checked where a graph or a suite is read cannot be 0
#   lint_model.h            tells the analyzer that failures are not ST_OK; the files that define those functions cannot
#                           include it and do without the checks that would need to know
# usage: lint.sh [FILE.c...]      (default: everything)
set -u
cd "$(dirname "$0")/.." || exit 2
code=0
build=build/release-cc # of `make`: what is generated
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
        flags="$(pkg-config --cflags libcjson libcpuid openblas libmd zlib) -include scripts/lint_model.h" less=
        grep -q '^#define _GNU_SOURCE' "$file" && flags="-D_GNU_SOURCE= $flags"
        case $file in # kernels know nothing of them
        kernels/*) flags=${flags% -include*} ;;
        esac
        case $file in
        *_sse41.c) flags="$flags -msse4.1" ;;
        *_avx2.c) flags="$flags -mavx2 -mfma" ;;
        *_avxvnni.c) flags="$flags -mavx2 -mfma -mavxvnni" ;;
        *_avx512vnni.c) flags="$flags -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni" ;;
        */build_info.c) flags="$flags -include $build/build_id.h -include $build/code_id.h" ;;
        */peer_onednn.c | */peer_xnnpack.c) flags="$flags -include $build/peers.h" ;;
        */status.c | */json.c | */bytes.c) flags=${flags% -include*} less=',-clang-analyzer-core.*' ;;
        esac
        # shellcheck disable=SC2086
        clang-tidy --quiet --warnings-as-errors='*' \
            -checks="-*,clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone,-bugprone-integer-division,-bugprone-sizeof-expression,-bugprone-signed-char-misuse,-bugprone-suspicious-memory-comparison,-bugprone-misplaced-widening-cast,-clang-analyzer-core.NullDereference,-clang-analyzer-core.NonNullParamChecker,-clang-analyzer-core.StackAddressEscape,-clang-analyzer-optin.portability.UnixAPI,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling$less" \
            "$file" -- -std=c11 -Iharness -I. -I$build/gen -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE $flags 2>/dev/null || code=1
    done
else
    echo "lint: clang-tidy is not installed"
fi
[ "$code" = 0 ] && echo "lint: fine"
exit $code
