// lockstep lock, unlock, services enable|disable: what hosts should be, and with --wait until they are.
import type { Command } from 'commander';
import type { Change } from '../../api/schemas.ts';
import type { Action } from '../api-client.ts';
import { awaitReady } from '../await-ready.ts';
import {
  addTargets,
  type Cli,
  readTargets,
  reasonOption,
  type TargetOptions,
  timeoutOption,
} from '../cli.ts';
import { deadlineIn } from '../deadline.ts';

export function addChanges(program: Command, cli: Cli): void {
  const lock = program
    .command('lock')
    .description('lock hosts: both flags present, services stopped')
    .option('--keep-services', 'leave services enabled or disabled as they are')
    .addHelpText(
      'after',
      examples(
        'lock compute-0 --reason "disk swap" --wait',
        'lock compute-0 compute-1 --keep-services',
        'lock -l site=lab --wait --timeout 2m',
        'lock --all',
      ),
    );
  addChange(lock, cli, 'lock', 'locked');

  const unlock = program
    .command('unlock')
    .description('unlock hosts: both flags absent, services started')
    .option('--keep-services', 'leave services enabled or disabled as they are')
    .addHelpText(
      'after',
      examples('unlock compute-0 --wait', 'unlock -l site=lab,rack=3 --reason "repaired"'),
    );
  addChange(unlock, cli, 'unlock', 'unlocked');

  const services = program
    .command('services')
    .description("enable or disable hosts' services, locked or not");
  const enable = services
    .command('enable')
    .description('services are to run')
    .addHelpText('after', examples('services enable compute-0 --wait', 'services enable --all'));
  addChange(enable, cli, 'enable-services', 'services enabled');
  const disable = services
    .command('disable')
    .description('services are to be stopped')
    .addHelpText('after', examples('services disable compute-0 --reason "upgrade" --wait'));
  addChange(disable, cli, 'disable-services', 'services disabled');
}

interface ChangeOptions extends TargetOptions {
  readonly reason?: string;
  readonly keepServices?: true;
  readonly wait?: true;
  readonly timeout: number;
}

/** @param done what a host then is, in words. */
function addChange(command: Command, cli: Cli, action: Action, done: string): void {
  addTargets(command)
    .addOption(reasonOption())
    .option('--wait', 'until every host is as it then should be')
    .addOption(timeoutOption())
    .action(async (names: readonly string[] = [], options: ChangeOptions) => {
      const { reason, keepServices, wait, timeout } = options;
      const deadline = wait === true ? deadlineIn(timeout) : undefined;
      const client = cli.client(deadline?.answers);
      const changes = await client.change(action, {
        ...readTargets(names, options),
        ...(reason === undefined ? {} : { reason }),
        ...(keepServices === undefined ? {} : { keepServices }),
      });
      for (const change of changes) cli.terminal.print(describe(change, done));
      if (changes.length === 0) cli.terminal.note('no hosts, nothing done');
      if (deadline !== undefined) await awaitReady(changes, { client, terminal: cli.terminal, deadline });
    });
}

function describe({ name, outcome, generation }: Change, done: string): string {
  if (outcome === 'unchanged') return `host/${name} already ${done}`;
  if (outcome === 'relabelled') return `host/${name} already ${done} (reason recorded)`;
  return `host/${name} ${done} (generation ${generation})`;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  lockstep ${line}`).join('\n')}`;
}
