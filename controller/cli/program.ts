// The command line of lockstep: its commands, their help, and what counts as wrong usage.
import { Command } from 'commander';
import { VERSION } from '../../runtime/version.ts';
import type { Cli } from './cli.ts';
import { addApply } from './commands/apply.ts';
import { addChanges } from './commands/change.ts';
import { addCompletion } from './commands/completion.ts';
import { addDeclare } from './commands/declare.ts';
import { addDescribe } from './commands/describe.ts';
import { addDiff } from './commands/diff.ts';
import { addEvents } from './commands/events.ts';
import { addGet } from './commands/get.ts';
import { addManifests } from './commands/manifests.ts';
import { addMetrics } from './commands/metrics.ts';
import { addPlan } from './commands/plan.ts';
import { addSchema } from './commands/schema.ts';
import { addWait } from './commands/wait.ts';
import { addWhy } from './commands/why.ts';

const HELP = `
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

/** @returns the program; parsing throws CommanderError for wrong usage and for help, and whatever a command throws. */
export function buildProgram(cli: Cli): Command {
  const program = new Command('lockstep')
    .description('Says what the hosts of a fleet should be, and shows how they are.')
    .option('--controller <unix:PATH>', 'the controller to talk to')
    .version(VERSION)
    .allowExcessArguments(false)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'lockstep: ')) })
    .showHelpAfterError('(add --help for what it takes)')
    .showSuggestionAfterError()
    .addHelpText('after', HELP)
    .exitOverride();
  addGet(program, cli);
  addDescribe(program, cli);
  addPlan(program, cli);
  addWhy(program, cli);
  addDeclare(program, cli);
  addChanges(program, cli);
  addApply(program, cli);
  addDiff(program, cli);
  addManifests(program, cli);
  addSchema(program, cli);
  addEvents(program, cli);
  addWait(program, cli);
  addMetrics(program, cli);
  addCompletion(program, cli);
  return program;
}
