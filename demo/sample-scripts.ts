// The scripts of the demo's host: sample services that run a real process each, and a readiness gate. Text only.

interface SamplePaths {
  readonly name: string;
  /** Absolute: the script and the agent must mean the same file. */
  readonly pidFile: string;
  readonly logFile: string;
}

/** What no path of a script may hold: it would end the `# pidfile:` line. */
export const UNFIT_FOR_SCRIPTS = /\p{Cc}/u;

/**
 * A service as distributions ship them. Its process follows the service's log: it waits for ever, has no children that outlive a kill -9, and its
 * command line names the sandbox, so a pid that another process was given since is not mistaken for it.
 */
export function serviceScript({ name, pidFile, logFile }: SamplePaths): string {
  return `#!/bin/sh
# ${name}: a sample service of the Lockstep demo.
# pidfile: ${pidFile}
pidfile=${quote(pidFile)}
log=${quote(logFile)}

alive() {
  pid=$(cat "$pidfile" 2>/dev/null)
  [ -n "$pid" ] && grep -aqsF -e "$log" "/proc/$pid/cmdline"
}

# wait_until TEST...: up to 5 s.
wait_until() {
  for _ in $(seq 500); do
    "$@" && return 0
    sleep 0.01
  done
  return 1
}

dead() { ! alive; }

case "$1" in
  start)
    alive && exit 0
    echo "$(date) $1" >>"$log"
    setsid tail -n 0 -f "$log" >/dev/null 2>&1 </dev/null &
    echo $! >"$pidfile"
    wait_until alive || { echo "its process did not start" >&2; exit 1; }
    ;;
  stop)
    if alive; then
      echo "$(date) $1" >>"$log"
      kill "$pid"
      wait_until dead || { echo "process $pid did not end" >&2; exit 1; }
    fi
    rm -f "$pidfile"
    ;;
  status)
    alive || exit 3
    ;;
  *)
    echo "usage: $0 start|stop|status" >&2
    exit 2
    ;;
esac
`;
}

/** Passes when the services can write their logs. */
export function gateScript(logFolder: string): string {
  return `#!/bin/sh
# A readiness gate of the Lockstep demo: before the first start after a boot, the services' logs must be writable.
test -w ${quote(logFolder)}
`;
}

/** `text` as one word of a shell. */
export function quote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
