// Finds the hosts that a request speaks of. To whoever asks, a tombstone is no host.
import { LockstepError } from '../desired-state/errors.ts';
import type { Labels } from '../desired-state/host.ts';
import { type HostRecord, MAX_HOSTS_PER_WRITE, type Store } from '../desired-state/store/store.ts';
import { matchesLabels, selectorOf, type Targets } from './targets.ts';

export class HostLookup {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws LockstepError `NotFound` when a name is unknown or no host has the labels. */
  async namesOf(targets: Targets): Promise<readonly string[]> {
    if ('names' in targets) {
      const names = [...new Set(targets.names)];
      for (let at = 0; at < names.length; at += MAX_HOSTS_PER_WRITE) {
        await this.existingAll(names.slice(at, at + MAX_HOSTS_PER_WRITE));
      }
      return names;
    }
    const selector = 'labels' in targets ? targets.labels : {};
    const names = (await this.matching(selector)).map(({ name }) => name);
    if ('labels' in targets && names.length === 0) {
      throw new LockstepError(
        'NotFound',
        `no host has ${selectorOf(selector)}: \`lockstep get hosts -o wide\` shows labels`,
      );
    }
    return names;
  }

  /** Those that have all labels of `selector`, by name. */
  async matching(selector: Labels): Promise<readonly HostRecord[]> {
    const { records } = await this.#store.list();
    return records.filter((record) => !record.deleted && matchesLabels(record.labels, selector));
  }

  /** @throws LockstepError `NotFound`. */
  async existing(name: string): Promise<HostRecord> {
    const record = await this.#store.get(name);
    if (record === undefined || record.deleted) throw notFound([name]);
    return record;
  }

  /** In the order of `names`. @throws LockstepError `NotFound` naming those that are missing. */
  async existingAll(names: readonly string[]): Promise<readonly HostRecord[]> {
    const found = await Promise.all(names.map((name) => this.#store.get(name)));
    const missing = names.filter((_, index) => found[index] === undefined || found[index].deleted);
    if (missing.length > 0) throw notFound(missing);
    return found.filter((record) => record !== undefined);
  }
}

/** Names in one message at most. */
const MAX_NAMED = 10;

export function notFound(names: readonly string[]): LockstepError {
  const named = names.slice(0, MAX_NAMED).join(', ') + (names.length > MAX_NAMED ? ', ...' : '');
  const what = names.length === 1 ? `host ${named}` : `hosts ${named}`;
  return new LockstepError(
    'NotFound',
    `${what}: not found; \`lockstep get hosts\` lists those that are, \`lockstep declare NAME\` adds one`,
  );
}
