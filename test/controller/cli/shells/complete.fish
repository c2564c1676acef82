# Completes each line given as an argument, and prints `== LINE` and a candidate with its description per line. Expected: `lockstep` on the PATH.
lockstep completion fish | source
for line in $argv
    printf '== %s\n' $line
    complete --do-complete $line
end
