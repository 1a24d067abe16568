# Completion of `@NAME@` in bash 4.4 and later, written by `dataflow completion bash`.
@DEFINITION@
@FUNCTION@() {
    local line=${COMP_LINE:0:COMP_POINT} kind value about typed before=
    typed=${line##*[[:space:]]}
    # Where these break words, bash completes only what is behind the last of them.
    [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]] && before=${typed%"${typed##*:}"}
    if [[ $typed == *=* && $COMP_WORDBREAKS == *=* ]]; then
        value=${typed%"${typed##*=}"}
        (( ${#value} > ${#before} )) && before=$value
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r kind value about; do
        case $kind in
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            word)
                [[ $value == *[/:=] ]] && compopt -o nospace 2>/dev/null
                value=${value#"$before"}
                [[ $typed == [\'\"]* ]] || printf -v value %q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(@VARIABLE@=bash COMP_LINE=$line @PROGRAM@ 2>/dev/null)
}
complete -o nosort -F @FUNCTION@ @NAME@
