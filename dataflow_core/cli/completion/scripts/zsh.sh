#compdef @NAME@
# Completion of `@NAME@` in zsh, written by `dataflow completion zsh`.
@DEFINITION@
@FUNCTION@() {
    local kind value about
    local -a whole whole_shown open open_shown
    while IFS=$'\t' read -r kind value about; do
        case $kind in
            file) _files ;;
            dir) _files -/ ;;
            word)
                if [[ $value == *[/:=] ]]; then
                    open+=("$value") open_shown+=("$value${about:+  -- $about}")
                else
                    whole+=("$value") whole_shown+=("$value${about:+  -- $about}")
                fi
                ;;
        esac
    done < <(@VARIABLE@=zsh @PROGRAM@ "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( $#whole )) && compadd -V words -l -d whole_shown -a whole
    (( $#open )) && compadd -V parts -l -S '' -d open_shown -a open
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    @FUNCTION@ "$@"
else
    compdef @FUNCTION@ @NAME@
fi
