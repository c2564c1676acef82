# Completes each line given as an argument by what bash's readline would call, and prints `== LINE`, what it would be offered, and a line for
# each compopt. Words are split as readline splits them, at = and : too. Expected: `lockstep` on the PATH.
source <(lockstep completion bash)
compopt() { printf 'compopt %s\n' "$*"; }
for line in "$@"; do
  mapfile -t COMP_WORDS < <(sed -E 's/[=:]+/ & /g; s/^ +//; s/ +/\n/g' <<<"$line")
  # A break character is the word itself, and nothing follows it yet.
  if [[ $line == *[=:] ]]; then unset 'COMP_WORDS[-1]'; fi
  COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  printf '== %s\n' "$line"
  "$(complete -p lockstep | sed -E 's/.*-F ([^ ]+) .*/\1/')"
  ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
done
