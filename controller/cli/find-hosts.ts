// The hosts that a command line names, or that have its labels, or all.
import { LockstepError } from '../../desired-state/errors.ts';
import { API_VERSION, type Host, type HostList, type Labels } from '../../desired-state/host.ts';
import type { Table } from '../api/schemas.ts';
import { cellsOf, hostTable } from '../host-columns.ts';
import { selectorOf } from '../targets.ts';
import type { ApiClient } from './api-client.ts';

/** Names in one command at most: each is a request. */
const MAX_NAMES = 100;

/** @returns a single named host as itself, all else as a list. @throws LockstepError `NotFound`; `Usage` as checkChoice. */
export async function findHosts(
  client: ApiClient,
  names: readonly string[],
  selector: Labels | undefined,
): Promise<Host | HostList> {
  checkChoice(names, selector);
  if (names.length === 0) {
    return client.listHosts({ labelSelector: selector && selectorOf(selector) });
  }
  const hosts: Host[] = [];
  for (const name of names) hosts.push(await client.getHost(name));
  const [only] = hosts;
  if (hosts.length === 1 && only !== undefined) return only;
  return { apiVersion: API_VERSION, kind: 'HostList', items: hosts };
}

/** What is to be shown of the same hosts. @throws LockstepError as {@link findHosts}. */
export async function findTable(
  client: ApiClient,
  names: readonly string[],
  selector: Labels | undefined,
): Promise<Table> {
  checkChoice(names, selector);
  const found =
    names.length === 0
      ? await client.tableOfHosts({ labelSelector: selector && selectorOf(selector) })
      : await findHosts(client, names, undefined);
  if (found.kind === 'Table') return found;
  const hosts = found.kind === 'HostList' ? found.items : [found];
  return hostTable(hosts.map(cellsOf));
}

/** @throws LockstepError `Usage` for names beside labels, and for too many names. */
export function checkChoice(names: readonly string[], selector: Labels | undefined): void {
  if (names.length > 0 && selector !== undefined) {
    throw new LockstepError('Usage', 'expected names or -l key=value, found both');
  }
  if (names.length > MAX_NAMES) {
    throw new LockstepError(
      'Usage',
      `expected at most ${MAX_NAMES} names, found ${names.length}: use -l key=value`,
    );
  }
}

/** @throws LockstepError `Usage` unless it is host or hosts. */
export function parseKind(text: string): string {
  if (text === 'host' || text === 'hosts') return text;
  throw new LockstepError('Usage', `expected host or hosts, found ${JSON.stringify(text)}`);
}
