// lockstep declare NAME, lockstep delete host NAME: which hosts there are.
import { type Command, Option } from 'commander';
import { LockstepError } from '../../../desired-state/errors.ts';
import { describeSpec, type Labels, type Spec } from '../../../desired-state/host.ts';
import type { Change, DeclareBody } from '../../api/schemas.ts';
import { type Cli, labelOption, parseKind, parseName } from '../cli.ts';

export function addDeclare(program: Command, cli: Cli): void {
  program
    .command('declare')
    .description('make a host known: a new one locked, a deleted one as it was, unless said otherwise')
    .argument('<name>', 'the host', parseName)
    .addOption(
      new Option('--locked', 'locked, services disabled (the default of a new host)').conflicts('unlocked'),
    )
    .option('--unlocked', 'unlocked, services enabled')
    .addOption(labelOption('--label <key=value,...>', 'labels, added to those that it has; may be repeated'))
    .addHelpText(
      'after',
      `
Declaring what is already so changes nothing. A host that is there with another spec is left as it is (exit 6):
lock, unlock and services change it.

Examples:
  lockstep declare compute-0
  lockstep declare compute-1 --unlocked --label site=lab --label rack=3`,
    )
    .action(async (name: string, options: DeclareOptions) => {
      cli.terminal.print(describe(await cli.client().declare(bodyOf(name, options))));
    });

  program
    .command('delete')
    .description('forget a host; its agent keeps what it has')
    .argument('<kind>', 'host, or host/NAME', parseKind)
    .argument('[name]', 'the host', parseName)
    .option('--force', 'also while its agent is connected')
    .addHelpText(
      'after',
      '\nExamples:\n  lockstep delete host compute-0\n  lockstep delete host compute-0 --force',
    )
    .action(async (named: readonly string[], last: string | undefined, { force = false }: DeleteOptions) => {
      const [name, ...more] = [...named, ...(last === undefined ? [] : [last])];
      if (name === undefined || more.length > 0) {
        throw new LockstepError('Usage', `expected one NAME, found ${name === undefined ? 'none' : 'two'}`);
      }
      await cli.client().remove(name, { force });
      cli.terminal.print(`host/${name} deleted`);
    });
}

interface DeleteOptions {
  readonly force?: boolean;
}

interface DeclareOptions {
  readonly locked?: true;
  readonly unlocked?: true;
  readonly label?: Labels;
}

const LOCKED: Spec = { locked: true, servicesEnabled: false };
const UNLOCKED: Spec = { locked: false, servicesEnabled: true };

function bodyOf(name: string, { locked, unlocked, label: labels }: DeclareOptions): DeclareBody {
  const spec = unlocked === true ? UNLOCKED : LOCKED;
  return {
    name,
    ...(locked === true || unlocked === true ? { spec } : {}),
    ...(labels === undefined ? {} : { labels }),
  };
}

function describe({ name, outcome, generation, spec }: Change): string {
  switch (outcome) {
    case 'unchanged':
      return `host/${name} unchanged (${describeSpec(spec)}, generation ${generation})`;
    case 'relabelled':
      return `host/${name} labels changed`;
    default:
      return `host/${name} declared (${describeSpec(spec)}, generation ${generation})`;
  }
}
