# Types each line given as an argument into an interactive zsh that loaded the script as people do, presses Tab, and prints what was offered:
# `== LINE`, a match per line as compadd keeps it, and `-> LINE` as it then is. Expected: an empty folder as $HOME, and `lockstep` on the PATH.
zmodload zsh/zpty zsh/datetime zsh/zselect
matches=$HOME/matches

cat >$HOME/.zshrc <<'RC'
PS1='' PROMPT_EOL_MARK=''
unsetopt beep
source <(lockstep completion zsh)
# What compadd adds is written down as well.
compadd() {
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    local -a hits
    builtin compadd -O hits "$@"
    print -rl -- $hits >>$HOME/matches
  fi
  builtin compadd "$@"
}
tell-line() { print -r -- "-> $BUFFER" >>$HOME/matches }
zle -N tell-line
bindkey '^X' tell-line
tell-start() { print ready >>$HOME/matches; precmd_functions=() }
precmd_functions+=(tell-start)
RC

# await TEXT: the file of matches has that line. Never longer than half a minute.
await() {
  local -F deadline=$((EPOCHREALTIME + 30))
  until grep -qsx -- $1 $matches; do
    if ((EPOCHREALTIME > deadline)); then
      print -u2 "no line '$1' in half a minute"
      zpty -d shell
      exit 1
    fi
    zselect -t 2
    # Nobody reads the terminal: it must not fill up.
    zpty -rt shell ignored
  done
}

export ZDOTDIR=$HOME
zpty -b shell zsh -i
await ready
for line in "$@"; do
  : >$matches
  zpty -w -n shell $line$'\t\C-x'
  await '-> .*'
  print -r -- "== $line"
  grep . $matches
  zpty -w -n shell $'\C-u'
done
zpty -d shell
