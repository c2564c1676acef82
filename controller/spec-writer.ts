// Writes planned changes of specs: compare-and-set tried again a bounded number of times, the event in the same transaction, one log line per change.
import { LockstepError } from '../desired-state/errors.ts';
import type { HostEvent } from '../desired-state/events.ts';
import { ANNOTATIONS, describeSpec } from '../desired-state/host.ts';
import type { HostRecord, Store } from '../desired-state/store/store.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import type { Origin, PlannedWrite } from './spec-change.ts';

/** Compare-and-set is tried that often before the caller hears that others keep changing the same hosts. */
const MAX_WRITE_ATTEMPTS = 8;

export class SpecWriter {
  readonly #store: Store;
  readonly #log: Log;

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Runs `attempt` until it gives a result: undefined says that somebody else wrote first, so read and plan again.
   * @throws LockstepError `Conflict` after 8 attempts, and whatever `attempt` throws.
   */
  async retried<T>(hosts: string, attempt: () => Promise<T | undefined>): Promise<T> {
    for (let tried = 0; tried < MAX_WRITE_ATTEMPTS; tried += 1) {
      const result = await attempt();
      if (result !== undefined) return result;
    }
    throw new LockstepError(
      'Conflict',
      `${hosts}: others changed it during each of ${MAX_WRITE_ATTEMPTS} attempts; look at it and try again`,
    );
  }

  /**
   * Writes 0 to 128 plans in one transaction.
   * @returns the records as written, in order; undefined when one of them had been written by somebody else meanwhile.
   */
  async write(planned: readonly PlannedWrite[], origin: Origin): Promise<readonly HostRecord[] | undefined> {
    if (planned.length === 0) return [];
    const events = planned.map(({ event }) => event);
    try {
      const writes = planned.map(({ write }) => write);
      const { records } = await this.#store.writeSpecs(writes, { events });
      for (const [index, record] of records.entries()) this.#logChange(record, events[index], origin);
      return records;
    } catch (error) {
      if (error instanceof LockstepError && error.code === 'Conflict') return undefined;
      throw error;
    }
  }

  /** Row F12: each lock and unlock is logged once, with the network that brought it. */
  #logChange(record: HostRecord, event: HostEvent | undefined, { network, ...origin }: Origin): void {
    const { name: host, generation, spec } = record;
    const actor = event?.actor ?? origin.actor;
    const reason = origin.reason ?? record.annotations[ANNOTATIONS.reason];
    const change = event?.reason ?? 'Changed';
    const message = LOG_MESSAGES[change] ?? 'host changed';
    this.#log.info({ host, generation, spec: describeSpec(spec), network, actor, reason }, message);
  }
}

const LOG_MESSAGES: Readonly<Record<string, string>> = {
  Locked: 'host locked',
  Unlocked: 'host unlocked',
  ServicesEnabled: 'host services enabled',
  ServicesDisabled: 'host services disabled',
  Declared: 'host declared',
  Relabelled: 'host labels changed',
  ReasonChanged: 'host reason changed',
  Deleted: 'host deleted',
  KeptByAgent: 'deleted host kept otherwise by its agent',
  Adopted: 'host adopted',
  Registered: 'host registered as locked',
  Released: 'host declared by no manifest any more',
};
