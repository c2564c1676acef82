// The command line of lockstep with all of its commands: what its help, its completion and its reference are made of. load-program.ts makes it of fewer.
import type { Command } from 'commander';
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
import { programFrame } from './frame.ts';

/** @returns the program; parsing throws CommanderError for wrong usage and for help, and whatever a command throws. */
export function buildProgram(cli: Cli): Command {
  const program = programFrame();
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
