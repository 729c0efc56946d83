#!/bin/sh
# Prints the header that build_info.c is compiled with: commit, compiler, flags. Works without git.
# usage: CC=... BUILD_FLAGS=... BUILD_MODE=... build_id.sh
set -u
text() { printf '#define %s "%s"\n' "$1" "$(printf '%s' "$2" | tr '\n\t' '  ' | sed -e 's/[\\"]/\\&/g' -e 's/  */ /g' -e 's/^ //' -e 's/ $//')"; }

# Only a repository whose top is this tree counts: an unpacked release may lie inside another project.
top=$(git rev-parse --show-toplevel 2>/dev/null) || top=
commit=
if [ -n "$top" ] && [ "$top" = "$(pwd -P)" ]; then
    commit=$(git rev-parse --verify --quiet HEAD 2>/dev/null) || commit=
fi
dirty=0
if [ -n "$commit" ] && ! git diff --quiet HEAD -- 2>/dev/null; then
    dirty=1
fi
text BUILD_COMMIT "${commit:-unknown}"
echo "#define BUILD_DIRTY $dirty"
# shellcheck disable=SC2086 # CC may hold arguments
text BUILD_COMPILER "$(${CC:-cc} --version 2>/dev/null | head -n 1)"
text BUILD_FLAGS "${BUILD_FLAGS:-}"
text BUILD_MODE "${BUILD_MODE:-}"
