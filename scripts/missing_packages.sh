#!/bin/sh
# Prints the Debian packages that are needed and absent, one line, nothing when all is there.
# usage: missing_packages.sh build|all|isa|browser|slurm
#   build: what compiling needs; all: what bench, report and test need too; isa, browser, slurm: what check-isa,
#   browser-test and slurm-test need besides
set -u
missing=
need() { missing="$missing $1"; }
have() { command -v "$1" >/dev/null 2>&1; }

have "${CC:-cc}" || need gcc
[ -e /usr/include/stdio.h ] || need libc6-dev
have objcopy || need binutils
have pkg-config || need pkg-config
library() { have pkg-config && pkg-config --exists "$1" 2>/dev/null || need "$2"; }
library libcjson libcjson-dev
library zlib zlib1g-dev
library openblas libopenblas-dev
library libcpuid libcpuid-dev
library libmd libmd-dev
library gsl libgsl-dev
library sqlite3 libsqlite3-dev
if [ "${1:-all}" = isa ]; then
    have qemu-x86_64 || need qemu-user
    have aarch64-linux-gnu-gcc || need gcc-aarch64-linux-gnu
    [ -e /usr/aarch64-linux-gnu/include/stdio.h ] || need libc6-dev-arm64-cross
fi
if [ "${1:-all}" = browser ]; then
    have chromium || need chromium
    have chromedriver || need chromium-driver
    python3 -c 'import selenium' 2>/dev/null || /usr/bin/python3 -c 'import selenium' 2>/dev/null || need python3-selenium
    # Without any font a page has no letters.
    [ -n "$(find /usr/share/fonts -name '*.[to]tf' 2>/dev/null | head -1)" ] || need fonts-dejavu-core
fi
if [ "${1:-all}" = slurm ]; then
    PATH=$PATH:/usr/sbin:/sbin
    have slurmctld || need slurmctld
    have slurmd || need slurmd
    have sbatch || need slurm-client
    have munged || need munge
fi
if [ "${1:-all}" = all ]; then
    library cmocka libcmocka-dev
    # The build does without these; the comparison with other libraries does not.
    [ -e /usr/include/oneapi/dnnl/dnnl.h ] || need libdnnl-dev
    [ -e /usr/include/xnnpack.h ] || need libxnnpack-dev
    [ -e /usr/include/pthreadpool.h ] || need libpthreadpool-dev
    have make || need make
    have hyperfine || need hyperfine
    have valgrind || need valgrind
    have gnuplot || need gnuplot-nox
    [ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] || need dataset-fashion-mnist
fi
echo "$missing" | sed 's/^ //'
