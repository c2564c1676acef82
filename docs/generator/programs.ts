// The command lines of the three programs, built to be read: nothing in them can be run.
import type { Command } from 'commander';
import type { Cli } from '../../controller/cli/cli.ts';
import { buildProgram as buildCli } from '../../controller/cli/program.ts';
import { buildProgram as buildController } from '../../controller/program.ts';
import { buildProgram as buildAgent } from '../../node-agent/program.ts';

/** What commands are made with when they are only read. */
export const UNUSED_CLI: Cli = {
  terminal: {
    print: notRun,
    note: notRun,
    redraw: notRun,
    width: undefined,
    redraws: false,
    paint: (_colour, text) => text,
  },
  client: notRun,
  whole: notRun,
  stdin: notRun,
  now: notRun,
};

/** `lockstep`. */
export function cliProgram(): Command {
  return buildCli(UNUSED_CLI);
}

export function controllerProgram(): Command {
  return buildController();
}

export function agentProgram(): Command {
  return buildAgent({ run: notRun, status: notRun });
}

function notRun(): never {
  throw new Error('expected a program that is only read, found one of its commands run');
}
