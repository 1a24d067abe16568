# Completion of `@NAME@` in fish 3.1 and later, written by `dataflow completion fish`.
@DEFINITION@
function @FUNCTION@
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    @VARIABLE@=fish @PROGRAM@ $typed[2..-1] "$current" 2>/dev/null | while read -l -d \t kind value about
        switch $kind
            case file
                __fish_complete_path "$current"
            case dir
                __fish_complete_directories "$current"
            case word
                printf '%s\t%s\n' $value "$about"
        end
    end
end
complete -c @NAME@ -f -a '(@FUNCTION@)'
