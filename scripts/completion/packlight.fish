# fish completion of packlight: asks the program itself, so that there is no second list.
function __packlight_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if test (count $words) -eq 1
        $words[1] --complete 2>/dev/null
        return
    end
    if string match -q -- '-*' $current
        $words[1] --complete $words[2] 2>/dev/null | string replace -r '\t[^\t]*\t' '\t'
        return
    end
    set -l kind ($words[1] --complete $words[2] '' $words[3..-1] 2>/dev/null)
    switch "$kind"
        case '<dir>'
            __fish_complete_directories $current
        case '<file>'
            __fish_complete_path $current
        case '<.*>'
            __fish_complete_suffix (string trim -c '<>' -- $kind)
        case '*'
            string join \n -- $kind
    end
end
complete -c packlight -f -k -a '(__packlight_complete)'
