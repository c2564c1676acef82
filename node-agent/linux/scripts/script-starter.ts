// The port that starts scripts, and what every script gets, whoever starts it. Each leads a session of its own, so that its processes are found by it.
import type { ProcessIdentity } from './processes.ts';
import { RUN_ID_VARIABLE } from './run-variables.ts';

export interface ScriptStart {
  readonly path: string;
  readonly args: readonly string[];
  readonly runId: string;
  /** Besides what every script gets. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface ScriptProcess {
  /** The script itself, to be asked for before `ended`; undefined when it was not started, or nobody can tell which process it is. Never rejects. */
  leader(): Promise<ProcessIdentity | undefined>;
  /** Only the script's own end, not that of what it leaves behind. Never rejects; may never come for a script that was let go. */
  readonly ended: Promise<ScriptEnd>;
  /** From now on it keeps this process from nothing. */
  letGo(): void;
}

export type ScriptEnd =
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly signal: string | null }
  | { readonly kind: 'not-run'; readonly message: string }
  /** Nobody can tell whether it was started, or how it ended: it may be running. */
  | { readonly kind: 'lost'; readonly message: string };

export interface ScriptStarter {
  /** Resolves when a script may be started; the caller then does so in the same turn, or not at all. */
  turn(): Promise<void>;
  /** @param output descriptor of what it prints to; undefined: thrown away. @throws some of the errors of a script that can't be run; others are its end. */
  start(script: ScriptStart, output: number | undefined): ScriptProcess;
}

/** Node's own environment is not the scripts' business (and may hold secrets): they get what service(8) gives, and these. */
const INHERITED = ['HOME', 'LANG', 'LC_ALL', 'TZ'] as const;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Every script's environment, and what starts it in. */
export function baseEnvironment(): Readonly<Record<string, string>> {
  const inherited = INHERITED.flatMap((name): [string, string][] => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { PATH, ...Object.fromEntries(inherited) };
}

/** The working folder of every script. */
export const SCRIPTS_FOLDER = '/';

/** What a run carries besides {@link baseEnvironment}. */
export function ownVariables({ variables, runId }: ScriptStart): Readonly<Record<string, string>> {
  return { ...variables, [RUN_ID_VARIABLE]: runId };
}
