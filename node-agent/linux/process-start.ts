// When a process started, as the kernel counts it: a pid alone may have been given to another process since.
import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../desired-state/errors.ts';

/**
 * Clock ticks from boot to the start of process `pid` (field 22 of /proc/PID/stat, see proc(5)); null when there is no such
 * process, or only its remains (a zombie).
 * @throws a system error when /proc can't be read for another reason.
 */
export async function readProcessStart(pid: number): Promise<number | null> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    // ESRCH: it ended between open and read.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return null;
    throw error;
  }
}

/** The second field is the program's name in parentheses and may itself hold spaces and parentheses. */
function parseStat(stat: string): number | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = Number(fields[19]);
  if (state === 'Z' || state === 'X' || !Number.isSafeInteger(startTicks)) return null;
  return startTicks;
}
