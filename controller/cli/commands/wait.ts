// lockstep wait NAME... --for condition=TYPE[=STATUS]: until every host has that condition.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LockstepError, messageOf } from '../../../desired-state/errors.ts';
import type { ApiClient } from '../api-client.ts';
import { awaitHosts } from '../await-hosts.ts';
import {
  addTargets,
  type Cli,
  readTargets,
  type TargetBody,
  type TargetOptions,
  timeoutOption,
} from '../cli.ts';
import { deadlineIn } from '../deadline.ts';
import { type ConditionGoal, conditionIs, parseConditionGoal } from '../goal.ts';
import { refuseUnknown } from '../not-found.ts';

export function addWait(program: Command, cli: Cli): void {
  const command = program
    .command('wait')
    .description('wait until hosts have a condition')
    .addHelpText(
      'after',
      `
Conditions: Ready, Online, FlagsInSync, ServicesInSync, GoEnabled, SpecFresh; a status is True (the default), False or Unknown.

Examples:
  lockstep wait compute-0 --for condition=Ready
  lockstep wait --all --for condition=Online --timeout 2m
  lockstep wait compute-0 --for condition=Online=False`,
    );
  addTargets(command)
    .addOption(
      new Option('--for <condition=TYPE[=STATUS]>', 'what to wait for')
        .makeOptionMandatory()
        .argParser(parseForOption),
    )
    .addOption(timeoutOption())
    .action(async (names: readonly string[] = [], options: WaitOptions) => {
      const deadline = deadlineIn(options.timeout);
      const client = cli.client(deadline.answers);
      const hosts = await namesOf(client, readTargets(names, options));
      if (hosts.length === 0) cli.terminal.note('no hosts, nothing to wait for');
      const { type, status } = options.for;
      await awaitHosts({
        client,
        terminal: cli.terminal,
        goals: new Map(hosts.map((name) => [name, conditionIs(options.for)])),
        deadline,
        onReached: (name) => cli.terminal.print(`host/${name} ${type}=${status}`),
      });
    });
}

interface WaitOptions extends TargetOptions {
  readonly for: ConditionGoal;
  readonly timeout: number;
}

/** @throws LockstepError `NotFound` for an unknown name, or labels that no host has. */
async function namesOf(client: ApiClient, targets: TargetBody): Promise<readonly string[]> {
  const labelSelector = 'labelSelector' in targets ? targets.labelSelector : undefined;
  const known = (await client.listHosts({ labelSelector })).items.map(({ metadata }) => metadata.name);
  if (labelSelector !== undefined && known.length === 0) {
    throw new LockstepError('NotFound', `no host has ${labelSelector}`);
  }
  if (!('names' in targets)) return known;
  refuseUnknown(targets.names.filter((name) => !known.includes(name)));
  return targets.names;
}

function parseForOption(text: string): ConditionGoal {
  try {
    return parseConditionGoal(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
