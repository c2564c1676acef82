// The program with no more of it than the arguments need: most of a command's start is reading the modules of the others, and zod's.
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { programFrame } from './frame.ts';

/**
 * The program with the one command that `args` names, or with every command where they name none of these: help, completion and a typo are about all of them.
 * @param args as the shell gave them, without the program's name.
 * @param openCli is called once what is before the command is understood.
 * @throws CommanderError for --version, for wrong usage of the options before the command, and for help about a command that there is none of.
 */
export async function loadProgram(args: readonly string[], openCli: () => Promise<Cli>): Promise<Command> {
  const frame = programFrame();
  const [name = '', topic] = frame.parseOptions([...args]).operands;
  const load = COMMANDS.get(name);
  if (load === undefined) {
    const program = (await import('./program.ts')).buildProgram(await openCli());
    // Of itself commander answers with the whole help, and does not say why.
    if (name === 'help' && topic !== undefined && !hasCommand(program, topic)) {
      await program.parseAsync([topic], { from: 'user' });
    }
    return program;
  }
  const add = await load();
  add(frame, await openCli());
  return frame;
}

function hasCommand({ commands }: Command, name: string): boolean {
  return commands.some((command) => command.name() === name);
}

type AddCommand = (program: Command, cli: Cli) => void;

/** Those that need no other command. A test holds it against program.ts. */
export const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['get', async () => (await import('./commands/get.ts')).addGet],
  ['describe', async () => (await import('./commands/describe.ts')).addDescribe],
  ['plan', async () => (await import('./commands/plan.ts')).addPlan],
  ['why', async () => (await import('./commands/why.ts')).addWhy],
  ['declare', async () => (await import('./commands/declare.ts')).addDeclare],
  ['delete', async () => (await import('./commands/declare.ts')).addDeclare],
  ['lock', async () => (await import('./commands/change.ts')).addChanges],
  ['unlock', async () => (await import('./commands/change.ts')).addChanges],
  ['services', async () => (await import('./commands/change.ts')).addChanges],
  ['apply', async () => (await import('./commands/apply.ts')).addApply],
  ['diff', async () => (await import('./commands/diff.ts')).addDiff],
  ['manifests', async () => (await import('./commands/manifests.ts')).addManifests],
  ['schema', async () => (await import('./commands/schema.ts')).addSchema],
  ['events', async () => (await import('./commands/events.ts')).addEvents],
  ['wait', async () => (await import('./commands/wait.ts')).addWait],
  ['metrics', async () => (await import('./commands/metrics.ts')).addMetrics],
]);
