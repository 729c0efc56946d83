# For shell tests, to be sourced: a scratch folder $work, TAP-like lines, `bad` for the exit code. Not a test itself.
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
number=0
bad=0
verdict() { # verdict GOOD NAME
    number=$((number + 1))
    if [ "$1" = 1 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        sed 's/^/    /' "$work/out" "$work/err" 2>/dev/null | tail -30
        bad=1
    fi
}
# expect CODES PATTERN NAME COMMAND...   exit code (one of "0|1") and an extended pattern in what it printed (both streams)
expect() {
    local codes=$1 pattern=$2 name=$3
    shift 3
    timeout 1800 "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [[ "|$codes|" == *"|$got|"* ]] && cat "$work/out" "$work/err" | grep -qE -- "$pattern"; then
        verdict 1 "$name"
    else
        echo "    exit $got, expected $codes; looked for: $pattern"
        verdict 0 "$name"
    fi
}
