// The command line of lockstep without its commands: the options before them, the help, and what counts as wrong usage.
import { Command } from 'commander';
import { VERSION } from '../../runtime/version.ts';

const HELP = `
A host's NAME may be written as it is printed, host/NAME.

Without --controller it is $LOCKSTEP_CONTROLLER, else the one in ./.lockstep (where npm start keeps it), else
unix:/var/lib/lockstep-controller/controller.sock.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 timed out waiting, 4 refused, or wrong input, 5 not found, 6 conflict.
diff has its own: 0 no difference, 1 differences, 2 or more as above.

Examples:
  lockstep get hosts
  lockstep why compute-0
  lockstep lock compute-0 --reason "disk swap" --wait
  lockstep get hosts -o yaml > hosts.yaml; lockstep diff -f hosts.yaml; lockstep apply -f hosts.yaml
  lockstep events compute-0`;

/** @returns a program without commands; parsing throws CommanderError for wrong usage and for help. */
export function programFrame(): Command {
  return new Command('lockstep')
    .description('Says what the hosts of a fleet should be, and shows how they are.')
    .option('--controller <unix:PATH>', 'the controller to talk to')
    .version(VERSION)
    .allowExcessArguments(false)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'lockstep: ')) })
    .showHelpAfterError('(add --help for what it takes)')
    .showSuggestionAfterError()
    .addHelpText('after', HELP)
    .exitOverride();
}
