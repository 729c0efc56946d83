#!/bin/sh
# Prints the header that holds the identity of the code: SHA-256 over the flags and over the objects in FOLDER without
# what does not reach the processor (debug information, the compiler's name). Neither FOLDER nor the order matters.
# usage: CODE_FLAGS=... code_id.sh FOLDER OBJECT...
set -eu
folder=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
for object in $(printf '%s\n' "$@" | LC_ALL=C sort); do
    number=$((number + 1))
    ${OBJCOPY:-objcopy} --strip-debug --remove-section=.comment "$folder/$object" "$work/$(printf '%06d' "$number").o"
    echo "$object" >>"$work/names"
done
id=$({
    printf '%s\n' "${CODE_FLAGS:-}" | tr -s ' ' | sed -e 's/^ //' -e 's/ $//'
    cat "$work/names"
    (cd "$work" && sha256sum ./*.o)
} | sha256sum | cut -d ' ' -f 1)
echo "#define BUILD_CODE_ID \"$id\""
