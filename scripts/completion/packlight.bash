# bash completion of packlight: asks the program itself, so that there is no second list.
_packlight() {
    local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} kind
    local before=("${COMP_WORDS[@]:2:COMP_CWORD-2}")
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete 2>/dev/null | cut -f1)" -- "$cur")
        return
    fi
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete "${COMP_WORDS[1]}" 2>/dev/null | cut -f1)" -- "$cur")
        return
    fi
    kind=$("$program" --complete "${COMP_WORDS[1]}" "" "${before[@]}" 2>/dev/null)
    case $kind in
    '<dir>') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    '<file>') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    '<.'*'>')
        kind=${kind#<}
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -X "!*${kind%>}" -- "$cur"; compgen -d -- "$cur")
        ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$cur") ;;
    esac
}
complete -F _packlight packlight
