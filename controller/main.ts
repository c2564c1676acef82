// lockstep-controller: the composition root. Reads the command line, builds the adapters, and turns signals and fatal errors into exit codes.
import { Command, CommanderError, Option } from 'commander';
import { ERROR_CODES, errnoOf, LockstepError, messageOf } from '../desired-state/errors.ts';
import { startDaemon } from './daemon.ts';
import { openDataFolder } from './data-folder.ts';
import { nodeClock } from './linux/node-clock.ts';
import { openPinoLog, type PinoLog } from './linux/pino-log.ts';
import { VERSION } from './version.ts';

/** A stop that takes longer is cut short, ms. */
const STOP_LIMIT_MS = 900;

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

await main();

async function main(): Promise<void> {
  const options = readCommandLine();
  const output = await openPinoLog({ program: 'lockstep-controller', level: options.logLevel });
  endOnFatalErrors(output);
  // Everything it makes is its user's alone.
  process.umask(0o077);
  try {
    const folder = openDataFolder(options.data);
    const daemon = await startDaemon(folder, nodeClock, output.log);
    output.log.info({ socket: folder.socket, version: VERSION }, 'controller ready');
    endOnSignals(() => daemon.stop(), output);
  } catch (error) {
    const known = error instanceof LockstepError;
    output.log.error(known ? { detail: messageOf(error) } : { error }, 'controller did not start');
    exit(output, ERROR_CODES.Failed.exitCode);
  }
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

function endOnSignals(stop: () => Promise<void>, output: PinoLog): void {
  let stopping = false;
  const end = (signal: string) => {
    if (stopping) return;
    stopping = true;
    output.log.info({ signal }, 'controller stops');
    setTimeout(() => {
      output.log.warn({ afterMs: STOP_LIMIT_MS }, 'controller stop cut short');
      exit(output, 0);
    }, STOP_LIMIT_MS);
    stop().then(
      () => exit(output, 0),
      (error: unknown) => {
        output.log.error({ error }, 'controller did not stop cleanly');
        exit(output, ERROR_CODES.Failed.exitCode);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, end);
}

/** What nobody caught is a bug: state in memory can't be trusted any more, and the store is safe without us. */
function endOnFatalErrors(output: PinoLog): void {
  const end = (error: unknown) => {
    // A terminal that went away is no bug.
    if (errnoOf(error) === 'EPIPE') return;
    output.log.error({ error }, 'bug in the controller');
    exit(output, ERROR_CODES.Failed.exitCode);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

function exit(output: PinoLog, code: number): never {
  output.flush();
  process.exit(code);
}
