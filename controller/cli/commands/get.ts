// lockstep get hosts | get host NAME: hosts as a table, JSON or YAML.
import type { Command } from 'commander';
import type { Labels } from '../../../desired-state/host.ts';
import type { Table } from '../../api/schemas.ts';
import { selectorOf } from '../../targets.ts';
import { type Cli, HOST_PREFIX, labelOption, outputOption, parseKind, parseNames } from '../cli.ts';
import { checkChoice, findHosts, findTable } from '../find-hosts.ts';
import { followHosts } from '../follow-hosts.ts';
import { tableColumns } from '../host-table.ts';
import { describeNone, refuseUnknown } from '../not-found.ts';
import { printDocument } from '../print-document.ts';
import { hostUpdatePrinter, type Output } from '../print-updates.ts';
import { printTable } from '../table.ts';
import { oneLine, type Terminal } from '../terminal.ts';

export function addGet(program: Command, cli: Cli): void {
  program
    .command('get')
    .description('show hosts: what they should be and how they are')
    .argument('<kind>', 'host or hosts, or host/NAME', parseKind)
    .argument('[names...]', 'which ones; all when left out', parseNames)
    .addOption(outputOption('table', 'wide', 'json', 'yaml', 'name'))
    .addOption(labelOption('-l, --selector <key=value,...>', 'the hosts that have these labels'))
    .option('--no-headers', 'a table without the line of its headers')
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
  lockstep get hosts -l site=lab -o name | xargs lockstep lock
  lockstep get hosts -o json | jq '.items[].metadata.name'`,
    )
    .action(async (named: readonly string[], more: readonly string[] = [], options: GetOptions) => {
      const names = [...named, ...more];
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
  readonly headers?: boolean;
  readonly watch?: true;
}

/** Until `signal` aborts, which on a command line is never: an interrupt ends the process. */
export async function watch(
  { client, terminal, now }: Pick<Cli, 'client' | 'terminal' | 'now'>,
  names: readonly string[],
  { output, selector, headers = true }: GetOptions,
  signal: AbortSignal,
): Promise<void> {
  checkChoice(names, selector);
  const query = {
    ...(names.length === 0 ? {} : { names }),
    ...(selector === undefined ? {} : { labelSelector: selectorOf(selector) }),
  };
  const print = hostUpdatePrinter({ terminal, output, now, hasHeaders: headers });
  let isFirst = true;
  for await (const updates of followHosts({ client: client(), terminal, query, signal })) {
    if (isFirst && updates.length === 0) {
      terminal.note(selector === undefined ? 'no hosts found yet' : `${describeNone(selector)} yet`);
    }
    isFirst = false;
    await print(updates);
  }
}

async function show(
  { client, terminal, now }: Cli,
  names: readonly string[],
  { output, selector, headers = true }: GetOptions,
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    const { found, unknown } = await findHosts(client(), names, selector);
    await printDocument(terminal, found, output);
    refuseUnknown(unknown);
    return;
  }
  const { found, unknown } = await findTable(client(), names, selector);
  if (found.rows.length === 0) terminal.note(describeNone(selector));
  else if (output === 'name') printNames(terminal, found);
  else printHosts(terminal, found, { isWide: output === 'wide', nowMs: now(), hasHeaders: headers });
  refuseUnknown(unknown);
}

function printNames(terminal: Terminal, { columnDefinitions, rows }: Table): void {
  const index = columnDefinitions.findIndex(({ name }) => name === 'Name');
  for (const { cells } of rows) terminal.print(HOST_PREFIX + oneLine(cells[index] ?? ''));
}

function printHosts(
  terminal: Terminal,
  { columnDefinitions, rows }: Table,
  { isWide, nowMs, hasHeaders }: { isWide: boolean; nowMs: number; hasHeaders: boolean },
): void {
  const columns = tableColumns(columnDefinitions, { isWide, nowMs });
  const cells = rows.map((row) => row.cells);
  printTable(terminal, columns, cells, isWide ? 'wrap' : 'truncate', { hasHeaders });
}
