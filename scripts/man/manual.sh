#!/bin/sh
# Prints the manual page (mdoc): the frame from packlight.1.in, commands, options and exit codes from the help texts of
# the program itself, so that page and program never disagree.
# usage: manual.sh PROGRAM
set -eu
program=$1
here=$(dirname "$0")
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

date -u -d "@${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || date +%s)}" '+%B %-d, %Y' >"$parts/DATE"

"$program" --help | sed -n '/^exit codes: /,$p' | tr '\n' ' ' | sed 's/^exit codes: //; s/, \([0-9]\) /\n\1 /g; s/ *$//' |
    sed 's/^\([0-9]*\) \(.*\)/.It \1\n\2/' >"$parts/EXIT"
echo >>"$parts/EXIT"

"$program" --complete | while IFS="$(printf '\t')" read -r name summary; do
    printf '.Ss %s\n%s.\n' "$name" "$(echo "$summary" | cut -c1 | tr '[:lower:]' '[:upper:]')${summary#?}"
    "$program" "$name" --help | awk '
        # Text as it stands: no macro at the start of a line, no escape inside, each sentence on a line of its own.
        function plain(s) { gsub(/\\/, "\\e", s); return s ~ /^[.\x27]/ ? "\\&" s : s }
        function say(s) { s = plain(s); while (match(s, /[.] [A-Z]/)) { print substr(s, 1, RSTART); s = substr(s, RSTART + 2) } if (s != "") print s }
        function leave(to) {
            if (inside == to) return
            if (inside == "list") print ".El"
            if (inside == "literal") print ".Ed"
            inside = to
            if (to == "list") print ".Bl -tag -width Ds"
            if (to == "literal") print ".Bd -literal -offset indent"
        }
        /^usage: / { leave("literal"); usage = 1; sub(/^usage: /, ""); print plain($0); next }
        /^$/ { leave(""); usage = 0; gap = 1; next }
        usage { sub(/^ +/, ""); print plain($0); next }
        match($0, /^  -[^ ]+( [A-Z][^ ]*| all)?  +/) {
            leave("list")
            tag = substr($0, 3, RLENGTH - 2); sub(/ +$/, "", tag); text = substr($0, RLENGTH + 1)
            n = split(tag, word, " "); name = word[1]; sub(/^-/, "", name)
            print ".It Fl " name (n > 1 ? " Ar " plain(word[2]) : "")
            say(text); next
        }
        match($0, /^examples?: */) {
            leave(""); print ".Pp"; print "Example:"; leave("literal")
            text = substr($0, RLENGTH + 1); if (text != "") print plain(text)
            next
        }
        inside == "literal" && /^ / { sub(/^ +/, ""); print plain($0); next }
        { if (inside != "list" || !/^ /) leave(""); if (gap && inside == "") print ".Pp"; gap = 0
          if (/^exit code/ && inside == "") { print ".Pp"; sub(/^e/, "E") }
          sub(/^ +/, ""); say($0) }
        END { leave("") }'
done | awk '/^[.]Pp$/ { pending = 1; next } { if (pending && !/^[.](Ss|Bl|Bd|Pp)/) print ".Pp"; pending = 0; print }' >"$parts/COMMANDS"

# Lines of text are kept short, as the tools that check pages want them.
fold_text() {
    awk '
        /^[.]Bd -literal/ { literal = 1 }
        /^[.]Ed/ { literal = 0 }
        /^[.]/ || literal { print; next }
        {
            while (length($0) > 79) {
                for (at = 79; at > 1 && substr($0, at, 1) != " ";) at--
                if (at <= 1) break
                print substr($0, 1, at - 1)
                $0 = substr($0, at + 1)
                if ($0 ~ /^[.\x27]/) $0 = "\\&" $0
            }
            print
        }'
}

while IFS= read -r line; do
    case $line in
    '.Dd @DATE@') printf '.Dd %s\n' "$(cat "$parts/DATE")" ;;
    @COMMANDS@ | @EXIT@)
        line=${line#@}
        cat "$parts/${line%@}"
        ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$here/packlight.1.in" | fold_text
