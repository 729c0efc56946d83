#!/bin/sh
# Installs what packlight needs from Debian's packages, and does nothing when all is there.
# usage: install_deps.sh [all|isa|browser|slurm]
#   isa: the emulators and the cross compiler of make check-isa; browser: what make browser-test looks at reports with;
#   slurm: the daemons of make slurm-test, which starts its own and needs none of the services that Debian may start
# Uses sudo only when not root; says what it does. Nothing else touches the system.
set -eu
here=$(dirname "$0")
what=${1:-all}
missing=$(sh "$here/missing_packages.sh" "$what")
if [ -z "$missing" ]; then
    echo "deps: all packages are there"
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "deps: this system has no apt-get; install the equivalents of: $missing" >&2
    exit 1
fi
run=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "deps: not root and no sudo; as root: apt-get install $missing" >&2; exit 1; }
    run=sudo
fi
echo "deps: installing $missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # the list is words on purpose
if ! $run apt-get install -y --no-install-recommends $missing; then
    echo "deps: refreshing the package lists"
    $run apt-get update
    $run apt-get install -y --no-install-recommends $missing
fi
missing=$(sh "$here/missing_packages.sh" "$what")
[ -z "$missing" ] || { echo "deps: still missing after installation: $missing" >&2; exit 1; }
echo "deps: done"
