// The command line of lockstep-controller, and with daemon.ts its composition root.
import { Command, CommanderError, Option } from 'commander';
import { ERROR_CODES } from '../desired-state/errors.ts';
import { nodeClock } from '../runtime/node-clock.ts';
import { openPinoLog } from '../runtime/pino-log.ts';
import { runDaemon } from '../runtime/program.ts';
import { VERSION } from '../runtime/version.ts';
import { startDaemon } from './daemon.ts';
import { openDataFolder } from './data-folder.ts';

const EXAMPLES = `
Examples:
  lockstep-controller --data /var/lib/lockstep-controller
  lockstep-controller --data .lockstep/controller --log-level debug

It listens on DIR/controller.sock and nowhere else. Talk to it with:
  lockstep --controller unix:DIR/controller.sock get hosts`;

interface Options {
  readonly data: string;
  readonly logLevel: string;
}

/** Reads the command line and does what it says; a daemon then runs until a signal ends it. */
export async function run(): Promise<void> {
  const options = readCommandLine();
  const output = await openPinoLog({ program: 'lockstep-controller', level: options.logLevel });
  // Everything it makes is its user's alone.
  process.umask(0o077);
  await runDaemon('controller', output, async () => {
    const folder = openDataFolder(options.data);
    const daemon = await startDaemon(folder, nodeClock, output.log);
    output.log.info({ socket: folder.socket, version: VERSION }, 'controller ready');
    return daemon;
  });
}

function readCommandLine(): Options {
  const command = new Command('lockstep-controller')
    .description('Keeps the desired state of hosts, serves the API and the agents of hosts.')
    .requiredOption('--data <dir>', 'folder of the store and the socket; made (0700) if it is not there')
    .addOption(
      new Option('--log-level <level>', 'what is logged to stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .version(VERSION)
    .allowExcessArguments(false)
    .showHelpAfterError('(lockstep-controller --help says more)')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  try {
    return command.parse().opts<{ data: string; logLevel: string }>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exit(error.exitCode === 0 ? 0 : ERROR_CODES.Usage.exitCode);
  }
}
