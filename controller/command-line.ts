// With daemon.ts the composition root of lockstep-controller: turns its command line into a daemon.
import { CommanderError } from 'commander';
import { ERROR_CODES } from '../desired-state/errors.ts';
import { nodeClock } from '../runtime/node-clock.ts';
import { openPinoLog } from '../runtime/pino-log.ts';
import { runDaemon } from '../runtime/program.ts';
import { VERSION } from '../runtime/version.ts';
import { startDaemon } from './daemon.ts';
import { openDataFolder } from './data-folder.ts';
import { buildProgram, type ControllerOptions } from './program.ts';

/** Reads the command line and does what it says; a daemon then runs until a signal ends it. */
export async function run(): Promise<void> {
  const options = readCommandLine();
  const output = await openPinoLog({ program: 'lockstep-controller', level: options.logLevel });
  // Everything it makes is its user's alone.
  process.umask(0o077);
  await runDaemon('controller', output, async () => {
    const folder = openDataFolder(options.data);
    const daemon = await startDaemon(folder, nodeClock, output.log, { manifests: options.manifests });
    output.log.info({ socket: folder.socket, version: VERSION }, 'controller ready');
    return daemon;
  });
}

function readCommandLine(): ControllerOptions {
  try {
    return buildProgram().parse().opts<ControllerOptions>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exit(error.exitCode === 0 ? 0 : ERROR_CODES.Usage.exitCode);
  }
}
