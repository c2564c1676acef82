// Processes as /proc shows them: who lives, and who carries what in its environment. Reads only.
// /proc/PID/stat never blocks, so it is read synchronously; environ may wait for the process's memory, so it is read in the background.
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

/** A pid alone may have been given to another process since: `startTicks` (clock ticks from boot, proc(5)) tells them apart. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

export interface ProcessStat extends ProcessIdentity {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Ended, and only not collected by its parent yet. */
  readonly isZombie: boolean;
}

/** `NAME=value`, as they were when the process was started; none when it is gone or not ours to look into. */
export type Environ = ReadonlySet<string>;

/** Processes looked at between two turns of the event loop: about 1 ms. */
const STATS_AT_ONCE = 128;
const ENVIRONS_AT_ONCE = 16;

const USUAL_MAX_OPEN_FILES = 1_024;

/** Undefined when there is no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // ENOENT and ESRCH: gone. Anything else (hidepid) leaves nothing to be known either.
    return undefined;
  }
}

/** Which process has this pid now; with a startTicks of 0 when there is none. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.startTicks ?? 0 };
}

/** Is it still this very process, and not only its remains? */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !stat.isZombie && stat.startTicks === startTicks;
}

/** The files that this process may have open at once, by its soft limit; the usual 1,024 where it can't be read. */
export function readMaxOpenFiles(): number {
  try {
    const soft = /^Max open files +(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft ?? USUAL_MAX_OPEN_FILES);
  } catch {
    return USUAL_MAX_OPEN_FILES;
  }
}

/** All living processes, but process 1 and this one. @throws when /proc can't be listed. */
export async function listProcesses(): Promise<readonly ProcessStat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const living: ProcessStat[] = [];
  for (const [index, pid] of pids.entries()) {
    if (index % STATS_AT_ONCE === STATS_AT_ONCE - 1) await setImmediate();
    const stat = readStat(pid);
    if (stat !== undefined && !stat.isZombie && pid !== 1 && pid !== process.pid) living.push(stat);
  }
  return living;
}

/** What each of `processes` carries in its environment, in their order. */
export async function readEnvirons(processes: readonly ProcessIdentity[]): Promise<readonly Environ[]> {
  const environs: Environ[] = [];
  for (let from = 0; from < processes.length; from += ENVIRONS_AT_ONCE) {
    const batch = processes.slice(from, from + ENVIRONS_AT_ONCE);
    const read = await Promise.all(batch.map(({ pid }) => readNulSeparated(`/proc/${pid}/environ`)));
    environs.push(...read.map((entries) => new Set(entries)));
  }
  return environs;
}

/** The words that a process was started with; none when it is gone. */
export async function readCommandLine(pid: number): Promise<readonly string[]> {
  return readNulSeparated(`/proc/${pid}/cmdline`);
}

async function readNulSeparated(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, 'utf8')).split('\0');
  } catch {
    return [];
  }
}

/** The second field is the program's name in parentheses and may itself hold spaces and parentheses. */
function parseStat(pid: number, text: string): ProcessStat | undefined {
  const [state, parent, group, session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // Field 22; `rest` begins at field 7.
  const startTicks = Number(rest[15]);
  if (state === undefined || !Number.isSafeInteger(startTicks)) return undefined;
  return {
    pid,
    startTicks,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    isZombie: state === 'Z' || state === 'X',
  };
}
