// The use cases of hosts: what people and the manifests folder ask (get, declare, lock, apply, delete), on the Store. What agents tell is in agents.ts.
// Decides by the plans in spec-change.ts and manifest-change.ts; no socket, file, timer or environment in here.
import { LockstepError } from '../desired-state/errors.ts';
import { NO_HOST, type StoredEvent } from '../desired-state/events.ts';
import type { Host, HostList, Labels, Spec } from '../desired-state/host.ts';
import { type HostRecord, MAX_HOSTS_PER_WRITE, type Store } from '../desired-state/store/store.ts';
import { type Clock, nowIso } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import type { Table } from './api/schemas.ts';
import { HostLookup, notFound } from './host-lookup.ts';
import { toHost, toHostList, toTable } from './host-view.ts';
import { type Application, planApply, planRelease } from './manifest-change.ts';
import {
  type Declaration,
  type Origin,
  type PlannedWrite,
  planChange,
  planDeclare,
  planRemove,
  type Wish,
} from './spec-change.ts';
import { SpecWriter } from './spec-writer.ts';
import type { Targets } from './targets.ts';

export interface HostsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** What became of one host. `relabelled`: its labels or annotations changed, the reason say, its spec did not. */
export interface HostChange {
  readonly name: string;
  readonly outcome: 'declared' | 'changed' | 'relabelled' | 'unchanged';
  readonly generation: number;
  readonly spec: Spec;
}

export class Hosts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #lookup: HostLookup;
  readonly #writer: SpecWriter;

  constructor({ store, clock, log }: HostsDeps) {
    this.#store = store;
    this.#clock = clock;
    this.#lookup = new HostLookup(store);
    this.#writer = new SpecWriter(store, log);
  }

  /** @throws LockstepError `NotFound`. */
  async get(name: string): Promise<Host> {
    return toHost(await this.#lookup.existing(name));
  }

  /** Every host, or those that have all labels of `selector`; by name. */
  async list(selector: Labels = {}): Promise<HostList> {
    return toHostList(await this.#lookup.matching(selector));
  }

  /** What is to be shown of the same hosts. */
  async table(selector: Labels = {}): Promise<Table> {
    return toTable(await this.#lookup.matching(selector));
  }

  /** In the order in which they were stored. @throws LockstepError `NotFound` for a host that was never here (a deleted one keeps its events). */
  async events(query: EventQuery): Promise<readonly StoredEvent[]> {
    const { host, ...rest } = query;
    if (host === undefined) return this.#store.listEvents(rest);
    if (host !== NO_HOST && (await this.#store.get(host)) === undefined) throw notFound([host]);
    return this.#store.listEvents({ host, ...rest });
  }

  /** @throws LockstepError `Conflict` when the host is there with another spec. */
  declare(declaration: Declaration, origin: Origin): Promise<HostChange> {
    const { name } = declaration;
    return this.#writer.retried(`host ${name}`, async () => {
      const record = await this.#store.get(name);
      const planned = planDeclare(record, declaration, origin, nowIso(this.#clock));
      if (planned === undefined) return record && changeOf(record, 'unchanged');
      const written = (await this.#writer.write([planned], origin))?.[0];
      const outcome = written?.generation === record?.generation ? 'relabelled' : 'declared';
      return written && changeOf(written, outcome);
    });
  }

  /**
   * Makes `wish` so on every target, in batches of 128, each of them all or nothing.
   * @throws LockstepError `NotFound` for an unknown name, before anything changed; `Conflict` when others keep changing the same hosts.
   */
  async change(targets: Targets, wish: Wish, origin: Origin): Promise<readonly HostChange[]> {
    const names = await this.#lookup.namesOf(targets);
    return inBatches(names, (batch) =>
      this.#writeBatch(batch, origin, async (nowIso) => {
        const records = await this.#lookup.existingAll(batch);
        return records.map((record) => ({ record, planned: planChange(record, wish, origin, nowIso) }));
      }),
    );
  }

  /**
   * Makes every host as its manifest says, in batches of 128, each of them all or nothing.
   * @param applications each host once.
   * @throws LockstepError `Conflict` when a host is not at its manifest's generation; `Refused` when one is applied by hand that a file declares.
   */
  apply(applications: readonly Application[], origin: Origin): Promise<readonly HostChange[]> {
    return inBatches(applications, (batch) => {
      const names = batch.map(({ manifest }) => manifest.metadata.name);
      return this.#writeBatch(names, origin, (nowIso) =>
        Promise.all(
          batch.map(async (application, index) => {
            const record = await this.#store.get(names[index] ?? '');
            return { record, planned: planApply(record, application, origin, nowIso) };
          }),
        ),
      );
    });
  }

  /** Hosts that no file of the manifests folder declares any more: left as they are, and people may change them again. Unknown names are let be. */
  async release(names: readonly string[], origin: Origin): Promise<void> {
    await inBatches(names, (batch) =>
      this.#writeBatch(batch, origin, (nowIso) =>
        Promise.all(
          batch.map(async (name) => {
            const record = await this.#store.get(name);
            return { record, planned: planRelease(record, origin, nowIso) };
          }),
        ),
      ),
    );
  }

  /** Leaves a tombstone. @throws LockstepError `NotFound`; `Refused` while its agent is, or may be, connected unless `force`. */
  async remove(name: string, options: { readonly force: boolean }, origin: Origin): Promise<void> {
    await this.#writer.retried(`host ${name}`, async () => {
      const planned = planRemove(
        await this.#lookup.existing(name),
        options.force,
        origin,
        nowIso(this.#clock),
      );
      return this.#writer.write([planned], origin);
    });
  }

  #writeBatch(
    names: readonly string[],
    origin: Origin,
    plan: (nowIso: string) => Promise<readonly PlannedChange[]>,
  ): Promise<readonly HostChange[]> {
    const whom = names.length === 1 ? `host ${names[0]}` : `${names.length} hosts`;
    return this.#writer.retried(whom, async () => {
      const changes = await plan(nowIso(this.#clock));
      const written = await this.#writer.write(
        changes.flatMap(({ planned }) => planned ?? []),
        origin,
      );
      if (written === undefined) return undefined;
      const after = new Map(written.map((record) => [record.name, record]));
      return names.flatMap((name, index) => {
        const before = changes[index]?.record;
        const now = after.get(name);
        if (now !== undefined) return changeOf(now, outcomeOf(before, now));
        return before === undefined ? [] : changeOf(before, 'unchanged');
      });
    });
  }
}

/** `record`: the host as it was, if it was there; `planned`: what to write, if anything. */
interface PlannedChange {
  readonly record: HostRecord | undefined;
  readonly planned: PlannedWrite | undefined;
}

interface EventQuery {
  /** Of one; NO_HOST: those about the controller itself; of all when left out. */
  readonly host?: string | undefined;
  /** At most that many, the newest. */
  readonly limit: number;
  readonly afterId?: number;
}

function changeOf({ name, generation, spec }: HostRecord, outcome: HostChange['outcome']): HostChange {
  return { name, outcome, generation, spec };
}

function outcomeOf(before: HostRecord | undefined, now: HostRecord): HostChange['outcome'] {
  if (before === undefined || before.deleted) return 'declared';
  return before.generation === now.generation ? 'relabelled' : 'changed';
}

/** Runs `write` for one batch after the other. @throws what it throws, saying how many were done before. */
async function inBatches<T>(
  all: readonly T[],
  write: (batch: readonly T[]) => Promise<readonly HostChange[]>,
): Promise<readonly HostChange[]> {
  const changes: HostChange[] = [];
  for (let at = 0; at < all.length; at += MAX_HOSTS_PER_WRITE) {
    try {
      changes.push(...(await write(all.slice(at, at + MAX_HOSTS_PER_WRITE))));
    } catch (error) {
      throw at === 0 ? error : afterSome(error, at, all.length);
    }
  }
  return changes;
}

function afterSome(error: unknown, done: number, all: number): unknown {
  if (!(error instanceof LockstepError)) return error;
  return new LockstepError(error.code, `${done} of ${all} hosts were done before this: ${error.message}`, {
    cause: error,
  });
}
