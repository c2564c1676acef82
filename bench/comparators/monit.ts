// monit at its fastest, a cycle a second: a file that does not exist is made by a script. A process of its own, with a control file of its own.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Program } from '../programs.ts';
import { findProgram } from './on-path.ts';

/** A second is the shortest cycle that monit has. */
export const MONIT_CYCLE_MS = 1_000;

/** Resolves when monit has made `flag`; a sentence when it is not on this machine. */
export async function startMonit(bench: Bench, flag: string): Promise<Program | string> {
  const monit = findProgram('monit');
  if (monit === undefined) return 'not installed here';
  const folder = join(bench.folders.disk, 'monit');
  mkdirSync(folder);
  const make = join(folder, 'make-flag');
  writeFileSync(make, `#!/bin/sh\necho locked >'${flag}'\n`, { mode: 0o755 });
  const control = join(folder, 'monitrc');
  const lines = [
    `set daemon ${MONIT_CYCLE_MS / 1_000}`,
    `set logfile ${join(folder, 'monit.log')}`,
    `set pidfile ${join(folder, 'monit.pid')}`,
    `set idfile ${join(folder, 'monit.id')}`,
    `set statefile ${join(folder, 'monit.state')}`,
    `check file flag with path ${flag}`,
    // Without a repeat it does nothing where two cycles in a row find none.
    `  if does not exist then exec "${make}" repeat every 1 cycles`,
  ];
  // monit refuses a control file that others can read.
  writeFileSync(control, `${lines.join('\n')}\n`, { mode: 0o600 });
  const program = bench.programs.start(monit, ['-I', '-c', control]);
  await program.until('monit made the flag', () => existsSync(flag), bench.signal);
  return program;
}
