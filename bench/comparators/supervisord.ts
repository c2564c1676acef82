// supervisord with one program that it starts again whenever it ends. A process of its own, with a configuration of its own and no socket.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Program } from '../programs.ts';
import { findProgram } from './on-path.ts';

/** Runs a process that follows `logFile`, its pid in `pidFile`; a sentence when supervisord is not on this machine. */
export function startSupervisord(bench: Bench, pidFile: string, logFile: string): Program | string {
  const supervisord = findProgram('supervisord');
  if (supervisord === undefined) return 'not installed here';
  const folder = join(bench.folders.disk, 'supervisord');
  mkdirSync(folder);
  const run = join(folder, 'run');
  writeFileSync(run, `#!/bin/sh\necho $$ >'${pidFile}'\nexec tail -n 0 -f '${logFile}'\n`, { mode: 0o755 });
  const configuration = join(folder, 'supervisord.conf');
  const lines = [
    '[supervisord]',
    'nodaemon = true',
    `logfile = ${join(folder, 'supervisord.log')}`,
    `pidfile = ${join(folder, 'supervisord.pid')}`,
    `childlogdir = ${folder}`,
    '[program:sample]',
    `command = ${run}`,
    'autorestart = true',
    // A start is taken for one that succeeded at once: its fastest.
    'startsecs = 0',
  ];
  writeFileSync(configuration, `${lines.join('\n')}\n`);
  return bench.programs.start(supervisord, ['-n', '-c', configuration]);
}
