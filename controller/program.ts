// The command line of lockstep-controller: its options and help. It runs nothing.
import { Command, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../runtime/version.ts';

const HELP = `
Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage.

Examples:
  lockstep-controller --data /var/lib/lockstep-controller
  lockstep-controller --data .lockstep/controller --log-level debug
  lockstep-controller --data /var/lib/lockstep-controller --manifests /etc/lockstep/manifests

It listens on DIR/controller.sock and nowhere else. Talk to it with:
  lockstep --controller unix:DIR/controller.sock get hosts`;

export interface ControllerOptions {
  readonly data: string;
  readonly logLevel: string;
  readonly manifests?: string;
}

/** @returns the program, whose options are ControllerOptions; parsing throws CommanderError for wrong usage and for help. */
export function buildProgram(): Command {
  return new Command('lockstep-controller')
    .description('Keeps the desired state of hosts, serves the API and the agents of hosts.')
    .requiredOption(
      '--data <dir>',
      'folder of the store and the socket; made (0700) if it is not there',
      folderName,
    )
    .addOption(
      new Option(
        '--manifests <dir>',
        'folder of manifests (*.yaml, *.yml, *.json, and its folders), such as a git checkout: its files are the truth for the hosts that they declare, and are followed while it runs',
      ).argParser(folderName),
    )
    .addOption(
      new Option('--log-level <level>', 'what is logged to stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .version(VERSION)
    .allowExcessArguments(false)
    .showHelpAfterError('(lockstep-controller --help says more)')
    .addHelpText('after', HELP)
    .exitOverride();
}

/** An empty name, of a variable that is not set, would be the folder that the program runs in. */
function folderName(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('Expected a folder.');
}
