// lockstep get hosts | get host NAME: hosts as a table, JSON or YAML.
import type { Command } from 'commander';
import { LockstepError } from '../../../desired-state/errors.ts';
import { API_VERSION, type Host, type HostList, type Labels } from '../../../desired-state/host.ts';
import { type ApiClient, selectorOf } from '../api-client.ts';
import { type Cli, labelOption, outputOption, parseNames } from '../cli.ts';
import { hostColumns, wideHostColumns } from '../host-table.ts';
import { printDocument } from '../print-document.ts';
import { printTable } from '../table.ts';

/** Names in one command at most: each is a request. */
const MAX_NAMES = 100;

export function addGet(program: Command, cli: Cli): void {
  program
    .command('get')
    .description('show hosts: what they should be and how they are')
    .argument('<kind>', 'host or hosts', parseKind)
    .argument('[names...]', 'which ones; all when left out', parseNames)
    .addOption(outputOption('table', 'wide', 'json', 'yaml'))
    .addOption(labelOption('-l, --selector <key=value,...>', 'the hosts that have these labels'))
    .addHelpText(
      'after',
      `
Examples:
  lockstep get hosts
  lockstep get hosts -o wide -l site=lab
  lockstep get host compute-0 -o yaml
  lockstep get hosts -o json | jq '.items[].metadata.name'`,
    )
    .action(async (_kind: string, names: readonly string[] = [], options: GetOptions) => {
      const found = await find(cli.client(), names, options.selector);
      await show(cli, found, options.output);
    });
}

interface GetOptions {
  readonly output: 'table' | 'wide' | 'json' | 'yaml';
  readonly selector?: Labels;
}

async function find(
  client: ApiClient,
  names: readonly string[],
  selector: Labels | undefined,
): Promise<Host | HostList> {
  if (names.length === 0) {
    return client.listHosts(selector === undefined ? {} : { labelSelector: selectorOf(selector) });
  }
  if (selector !== undefined) throw new LockstepError('Usage', 'expected names or -l key=value, found both');
  if (names.length > MAX_NAMES) {
    throw new LockstepError(
      'Usage',
      `expected at most ${MAX_NAMES} names, found ${names.length}: use -l key=value`,
    );
  }
  const hosts: Host[] = [];
  for (const name of names) hosts.push(await client.getHost(name));
  const [only] = hosts;
  if (hosts.length === 1 && only !== undefined) return only;
  return { apiVersion: API_VERSION, kind: 'HostList', items: hosts };
}

async function show(
  { terminal, now }: Cli,
  found: Host | HostList,
  output: GetOptions['output'],
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    await printDocument(terminal, found, output);
    return;
  }
  const hosts = found.kind === 'HostList' ? found.items : [found];
  if (hosts.length === 0) {
    terminal.note('no hosts found: `lockstep declare NAME` adds one, and so does an agent that connects');
    return;
  }
  if (output === 'wide') printTable(terminal, wideHostColumns(now()), hosts, 'wrap');
  else printTable(terminal, hostColumns(now()), hosts, 'truncate');
}

function parseKind(text: string): string {
  if (text === 'host' || text === 'hosts') return text;
  throw new LockstepError('Usage', `expected host or hosts, found ${JSON.stringify(text)}`);
}
