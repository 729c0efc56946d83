#!/bin/sh
# The kernel check at every level that this machine can run or emulate: the host itself, older x86 processors under
# qemu-x86_64, AArch64 under qemu-aarch64 with a cross-compiled check. Says at the end what is proven and what is not.
# usage: check_isa.sh [CASES [SEED]]     (make check-isa; needs ./packlight)     exit 1 if any case failed
set -u
cd "$(dirname "$0")/.." || exit 2
cases=${1:-10000}
seed=${2:-1}
log=build/check-isa
mkdir -p "$log"
proven='' unproven='' failed=''

# try NAME LEVEL COMMAND...   the command prints the check; LEVEL must have been reached for NAME to be proven
try() {
    name=$1 level=$2
    shift 2
    echo "-- $name"
    "$@" >"$log/$name.log" 2>&1
    code=$?
    tail -1 "$log/$name.log"
    if [ "$code" != 0 ]; then
        grep -E '^(FAILED|  case)' "$log/$name.log" | head -20
        failed="$failed $name"
    elif grep -q "__$level" "$log/$name.log"; then
        proven="$proven $name"
    else
        echo "   $level: no kernel of this level ran"
        unproven="$unproven $name(no-kernel-ran)"
    fi
}

skip() {
    echo "-- $1: $2"
    unproven="$unproven $1($(echo "$2" | tr ' ' '-'))"
}

case $(uname -m) in
x86_64) for level in sse41 avx2 avxvnni avx512vnni; do
    if ./packlight kernels --check --isa "$level" --cases 1 --seed 1 >/dev/null 2>&1; then
        try "host-$level" "$level" ./packlight kernels --check --isa "$level" --cases "$cases" --seed "$seed"
    else
        skip "host-$level" "not in this processor"
    fi
done
    if command -v qemu-x86_64 >/dev/null 2>&1; then
        # Emulated processors without the levels above: also that the detection stops where it should.
        try emulated-sse41 sse41 qemu-x86_64 -cpu Nehalem ./packlight kernels --check --cases "$cases" --seed "$seed"
        try emulated-avx2 avx2 qemu-x86_64 -cpu Haswell ./packlight kernels --check --cases "$cases" --seed "$seed"
    else
        skip emulated-sse41 "no qemu-x86_64"
        skip emulated-avx2 "no qemu-x86_64"
    fi ;;
esac

cross=${CROSS_CC:-aarch64-linux-gnu-gcc}
if ! command -v "$cross" >/dev/null 2>&1; then
    skip neon "no $cross"
    skip neondot "no $cross"
elif ! command -v qemu-aarch64 >/dev/null 2>&1; then
    skip neon "no qemu-aarch64"
    skip neondot "no qemu-aarch64"
else
    if make --no-print-directory -j"$(nproc)" CC="$cross" isa-check-binary >"$log/build.log" 2>&1; then
        binary=build/release-$(basename "$cross")/isa_check
        try neon neon qemu-aarch64 -cpu cortex-a53 "$binary" "$cases" "$seed"
        try neondot neondot qemu-aarch64 -cpu max "$binary" "$cases" "$seed"
    else
        tail -20 "$log/build.log"
        failed="$failed neon-build"
    fi
fi

echo "check-isa: seed $seed, $cases cases a level; proven:${proven:- none}; unproven:${unproven:- none}; failed:${failed:- none}"
[ -z "$failed" ]
