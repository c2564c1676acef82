// The scripts that make bash, zsh and fish ask `lockstep __complete` for candidates. They only translate between the shell and its answer, and
// never run anything of the line that is being written.
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * bash splits words at `=` and `:` too and replaces only what follows the last of them, so the words are put together again by whether
 * blanks stand between them, and candidates are cut by what stays.
 */
const BASH = `# bash completion for lockstep. To load it: source <(lockstep completion bash)

_lockstep() {
  local rest=\${COMP_LINE:0:COMP_POINT} words=() kept= piece i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=\${rest#"\${rest%%[![:space:]]*}"}
    local blanks=$(( \${#rest} - \${#piece} ))
    rest=$piece
    if ((i < COMP_CWORD)); then
      piece=\${COMP_WORDS[i]}
      if [[ $rest != "$piece"* ]]; then
        words=("\${COMP_WORDS[@]:0:COMP_CWORD+1}") kept=
        break
      fi
      rest=\${rest:\${#piece}}
    fi
    if ((blanks > 0 || i == 0)); then
      words+=("$piece") kept=
    else
      kept=\${words[\${#words[@]} - 1]}
      words[\${#words[@]} - 1]+=$piece
    fi
    if [[ $piece =~ ^[=:]+$ ]]; then kept=\${words[\${#words[@]} - 1]}; fi
  done

  local program=\${words[0]} word=\${words[\${#words[@]} - 1]} lines line
  if [[ $program == '~/'* ]]; then program=$HOME\${program#'~'}; fi
  if ! type -P -- "$program" >/dev/null; then program=lockstep; fi
  mapfile -t lines < <("$program" __complete -- "\${words[@]:1}" 2>/dev/null </dev/null)

  COMPREPLY=()
  if [[ \${lines[0]-} == :files* ]]; then
    compopt -o default 2>/dev/null
    return 0
  fi
  for line in "\${lines[@]}"; do
    line=\${line%%$'\\t'*}
    if [[ -n $line && $line == "$word"* ]]; then COMPREPLY+=("\${line#"$kept"}"); fi
  done
  if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=:] ]]; then compopt -o nospace 2>/dev/null; fi
  return 0
}

complete -F _lockstep lockstep`;

const ZSH = `#compdef lockstep
# zsh completion for lockstep. To load it: source <(lockstep completion zsh)

_lockstep() {
  local program=$words[1] line name
  local -a lines candidates space
  if [[ $program == '~/'* ]]; then program=$HOME\${program#'~'}; fi
  if ! whence -p -- $program >/dev/null; then program=lockstep; fi
  local -a before=("\${(@Q)words[2,CURRENT-1]}")
  if ((CURRENT <= 2)); then before=(); fi
  lines=("\${(@f)$($program __complete -- "\${before[@]}" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")

  if [[ $lines[1] == :files* ]]; then
    compset -P "\${(b)\${lines[1]#:files}# }"
    _files
    return
  fi
  for line in $lines; do
    name=\${line%%$'\\t'*}
    if [[ $line == *$'\\t'* ]]; then
      candidates+=("\${name//:/\\\\:}:\${line#*$'\\t'}")
    else
      candidates+=("\${name//:/\\\\:}")
    fi
  done
  if [[ $name == *[=:] ]]; then space=(-S ''); fi
  _describe lockstep candidates "\${space[@]}"
}

if [[ $funcstack[1] == _lockstep ]]; then
  _lockstep "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _lockstep lockstep
fi`;

const FISH = `# fish completion for lockstep. To load it: lockstep completion fish | source

function __lockstep_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l word (commandline --current-token --cut-at-cursor)
    set -l program (string replace --regex '^~/' "$HOME/" -- $words[1])
    command --query -- $program; or set program lockstep
    set -l lines ($program __complete -- $words[2..-1] "$word" 2>/dev/null </dev/null)
    if string match --quiet ':files*' -- $lines[1]
        set -l head (string replace --regex '^:files ?' '' -- $lines[1])
        printf '%s\\n' $head(__fish_complete_path (string sub --start (math 1 + (string length -- "$head")) -- "$word"))
    else
        printf '%s\\n' $lines
    end
end

complete --command lockstep --erase
complete --command lockstep --no-files --arguments '(__lockstep_complete)'`;

/** Each is the whole script, without a newline at its end. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
