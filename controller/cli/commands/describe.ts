// lockstep describe host NAME...: all that is known of hosts, for people.
import type { Command } from 'commander';
import type { Labels } from '../../../desired-state/host.ts';
import { type Cli, labelOption, parseKind, parseNames } from '../cli.ts';
import { describeHost } from '../describe-host.ts';
import { findHosts } from '../find-hosts.ts';
import { describeNone, refuseUnknown } from '../not-found.ts';
import { inOrder } from './events.ts';

/** The newest that many. */
const SHOWN_EVENTS = 10;

export function addDescribe(program: Command, cli: Cli): void {
  program
    .command('describe')
    .description(
      'show all that is known of hosts: spec, who changed it, conditions, services, last plan, events',
    )
    .argument('<kind>', 'host or hosts, or host/NAME', parseKind)
    .argument('[names...]', 'which ones; all when left out', parseNames)
    .addOption(labelOption('-l, --selector <key=value,...>', 'the hosts that have these labels'))
    .addHelpText(
      'after',
      `
For people; programs take \`lockstep get host NAME -o json\`.

Examples:
  lockstep describe host compute-0
  lockstep describe hosts -l site=lab`,
    )
    .action(async (named: Names, names: Names = [], { selector }: DescribeOptions) => {
      const client = cli.client();
      const { found, unknown } = await findHosts(client, [...named, ...names], selector);
      const hosts = found.kind === 'HostList' ? found.items : [found];
      if (hosts.length === 0) cli.terminal.note(describeNone(selector));
      for (const [index, host] of hosts.entries()) {
        const events = await client.events({ host: host.metadata.name, limit: SHOWN_EVENTS });
        if (index > 0) cli.terminal.print('');
        describeHost({ terminal: cli.terminal, host, events: inOrder(events), nowMs: cli.now() });
      }
      refuseUnknown(unknown);
    });
}

type Names = readonly string[];

interface DescribeOptions {
  readonly selector?: Labels;
}
