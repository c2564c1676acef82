// The hosts that a command line names, or that have its labels, or all.
import { LockstepError } from '../../desired-state/errors.ts';
import { API_VERSION, type Host, type HostList, type Labels } from '../../desired-state/host.ts';
import type { Table } from '../api/schemas.ts';
import { cellsOf, hostTable } from '../host-columns.ts';
import { selectorOf } from '../targets.ts';
import type { ApiClient } from './api-client.ts';
import { refuseUnknown } from './not-found.ts';

/** Names in one command at most: each is a request. */
const MAX_NAMES = 100;

/** Names that are not there hold back none that are: whoever asks shows what was found before it refuses them. */
interface Found<T> {
  readonly found: T;
  /** See {@link refuseUnknown}. */
  readonly unknown: readonly string[];
}

/** @returns a single named host as itself, all else as a list. @throws LockstepError `NotFound` when none of the names is there; `Usage` as checkChoice. */
export async function findHosts(
  client: ApiClient,
  names: readonly string[],
  selector: Labels | undefined,
): Promise<Found<Host | HostList>> {
  checkChoice(names, selector);
  if (names.length === 0) {
    return {
      found: await client.listHosts({ labelSelector: selector && selectorOf(selector) }),
      unknown: [],
    };
  }
  const hosts: Host[] = [];
  const unknown: string[] = [];
  for (const name of names) {
    try {
      hosts.push(await client.getHost(name));
    } catch (error) {
      if (!(error instanceof LockstepError) || error.code !== 'NotFound') throw error;
      unknown.push(name);
    }
  }
  const [first] = hosts;
  if (first === undefined) refuseUnknown(unknown);
  const isOne = names.length === 1 && first !== undefined;
  return { found: isOne ? first : { apiVersion: API_VERSION, kind: 'HostList', items: hosts }, unknown };
}

/** What is to be shown of the same hosts. @throws LockstepError as {@link findHosts}. */
export async function findTable(
  client: ApiClient,
  names: readonly string[],
  selector: Labels | undefined,
): Promise<Found<Table>> {
  checkChoice(names, selector);
  const { found, unknown } =
    names.length === 0
      ? {
          found: await client.tableOfHosts({ labelSelector: selector && selectorOf(selector) }),
          unknown: [],
        }
      : await findHosts(client, names, undefined);
  if (found.kind === 'Table') return { found, unknown };
  const hosts = found.kind === 'HostList' ? found.items : [found];
  return { found: hostTable(hosts.map(cellsOf)), unknown };
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
