// lockstep get hosts | get host NAME: hosts as a table, JSON or YAML.
import type { Command } from 'commander';
import type { Labels } from '../../../desired-state/host.ts';
import { selectorOf } from '../../targets.ts';
import { type Cli, labelOption, outputOption, parseNames } from '../cli.ts';
import { checkChoice, findHosts, findTable, parseKind } from '../find-hosts.ts';
import { followHosts } from '../follow-hosts.ts';
import { tableColumns } from '../host-table.ts';
import { printDocument } from '../print-document.ts';
import { hostUpdatePrinter, type Output } from '../print-updates.ts';
import { printTable } from '../table.ts';

export function addGet(program: Command, cli: Cli): void {
  program
    .command('get')
    .description('show hosts: what they should be and how they are')
    .argument('<kind>', 'host or hosts', parseKind)
    .argument('[names...]', 'which ones; all when left out', parseNames)
    .addOption(outputOption('table', 'wide', 'json', 'yaml'))
    .addOption(labelOption('-l, --selector <key=value,...>', 'the hosts that have these labels'))
    .option('-w, --watch', 'then each change as it happens, until it is interrupted')
    .addHelpText(
      'after',
      `
With --watch a table gets a row for each change that it shows; a deleted host is READY=deleted. -o json prints one
JSON document a line, {"type": "ADDED"|"MODIFIED"|"DELETED", "object": the host}; -o yaml the same as documents.
It outlives a controller that restarts.

Examples:
  lockstep get hosts
  lockstep get hosts -w
  lockstep get hosts -o wide -l site=lab
  lockstep get host compute-0 -o yaml
  lockstep get hosts -o json | jq '.items[].metadata.name'`,
    )
    .action(async (_kind: string, names: readonly string[] = [], options: GetOptions) => {
      if (options.watch === true) {
        await watch(cli, names, options, new AbortController().signal);
        return;
      }
      await show(cli, names, options);
    });
}

interface GetOptions {
  readonly output: Output;
  readonly selector?: Labels;
  readonly watch?: true;
}

/** Until `signal` aborts, which on a command line is never: an interrupt ends the process. */
export async function watch(
  { client, terminal, now }: Pick<Cli, 'client' | 'terminal' | 'now'>,
  names: readonly string[],
  { output, selector }: GetOptions,
  signal: AbortSignal,
): Promise<void> {
  checkChoice(names, selector);
  const query = {
    ...(names.length === 0 ? {} : { names }),
    ...(selector === undefined ? {} : { labelSelector: selectorOf(selector) }),
  };
  const print = hostUpdatePrinter({ terminal, output, now });
  let isFirst = true;
  for await (const updates of followHosts({ client: client(), terminal, query, signal })) {
    if (isFirst && updates.length === 0) terminal.note('no hosts found yet');
    isFirst = false;
    await print(updates);
  }
}

async function show(
  { client, terminal, now }: Cli,
  names: readonly string[],
  { output, selector }: GetOptions,
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    await printDocument(terminal, await findHosts(client(), names, selector), output);
    return;
  }
  const { columnDefinitions, rows } = await findTable(client(), names, selector);
  if (rows.length === 0) {
    terminal.note('no hosts found: `lockstep declare NAME` adds one, and so does an agent that connects');
    return;
  }
  const isWide = output === 'wide';
  const columns = tableColumns(columnDefinitions, { isWide, nowMs: now() });
  printTable(
    terminal,
    columns,
    rows.map(({ cells }) => cells),
    isWide ? 'wrap' : 'truncate',
  );
}
