#!/bin/sh
# Rules that a tool can see: file length, tabs, trailing blanks, final newline, banned words, unique file names.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
complain() {
    echo "$1"
    bad=1
}
sources=$(find harness kernels tests scripts -name '*.[ch]' -o -name '*.def' -o -name '*.sh' | sort)
for file in $sources; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || complain "$file: $lines lines, at most 600"
    [ -z "$(tail -c1 "$file")" ] || complain "$file: no newline at the end"
done
# shellcheck disable=SC2086
grep -nE ' +$' $sources && complain "trailing blanks"
# shellcheck disable=SC2086
grep -nP '\t' $(echo "$sources" | tr ' ' '\n' | grep '\.[ch]$') && complain "tabs in C files"
# shellcheck disable=SC2086
grep -nE -- '-march=native|-ffast-math|^#if 0|\bTODO\b|\bFIXME\b' $(echo "$sources" | tr ' ' '\n' | grep -v check_style.sh) Makefile &&
    complain "banned words"
twice=$(find harness kernels tests -name '*.[ch]' -printf '%f\n' | sort | uniq -d)
[ -z "$twice" ] || complain "file names that stand twice in the tree: $twice"
# Other versions have other opinions.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    # shellcheck disable=SC2086
    clang-format --dry-run --Werror $(echo "$sources" | tr ' ' '\n' | grep '\.[ch]$') 2>&1 | grep -m 20 'error:' && complain "clang-format has another opinion: make format"
fi
[ "$bad" = 0 ] && echo "style: fine"
exit "$bad"
