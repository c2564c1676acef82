// lockstep why NAME: the causal chain from the newest change of a host's spec to what blocks it.
import type { Command } from 'commander';
import { findCondition } from '../../../desired-state/conditions.ts';
import { API_VERSION, type Host } from '../../../desired-state/host.ts';
import { type Cli, outputOption, parseName } from '../cli.ts';
import { explain, type Link } from '../explain.ts';
import { age } from '../host-table.ts';
import { printDocument } from '../print-document.ts';
import { type Column, printTable } from '../table.ts';
import { oneLine } from '../terminal.ts';

/** The newest that many are looked through for those of the current generation. */
const LOOKED_AT_EVENTS = 200;

export function addWhy(program: Command, cli: Cli): void {
  program
    .command('why')
    .description(
      'show why a host is as it is: change, decision, steps, evidence, what blocks, what to do next',
    )
    .argument('<name>', 'the host', parseName)
    .addOption(outputOption('table', 'json', 'yaml'))
    .addHelpText('after', '\nExamples:\n  lockstep why compute-0\n  lockstep why compute-0 -o json')
    .action(async (name: string, { output }: { readonly output: 'table' | 'json' | 'yaml' }) => {
      const client = cli.client();
      const host = await client.getHost(name);
      const chain = explain(host, await client.events({ host: name, limit: LOOKED_AT_EVENTS }));
      if (output !== 'table') {
        await printDocument(cli.terminal, documentOf(host, chain), output);
        return;
      }
      cli.terminal.print(oneLine(headline(host)));
      printTable(cli.terminal, columns(cli.now()), chain, 'wrap');
    });
}

function documentOf({ metadata, status }: Host, chain: readonly Link[]) {
  return {
    apiVersion: API_VERSION,
    kind: 'Explanation',
    host: metadata.name,
    ready: findCondition(status.conditions, 'Ready')?.status ?? 'Unknown',
    chain,
  };
}

function headline({ metadata, status }: Host): string {
  const ready = findCondition(status.conditions, 'Ready');
  const state = ready?.status === 'True' ? 'ready' : `not ready, ${ready?.reason}`;
  return `host/${metadata.name} is ${state}: ${ready?.message}`;
}

function columns(nowMs: number): readonly Column<Link>[] {
  return [
    { header: 'WHAT', cell: ({ what }) => what },
    { header: 'AGE', cell: ({ at }) => age(at, nowMs) },
    {
      header: 'WHY',
      cell: ({ sentence }) => sentence,
    },
  ];
}
