// Random lives of a store: the one in memory is the model, the embedded one must give the same answer to every call.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockstepError } from '../../../desired-state/errors.ts';
import { MAX_GENERATION } from '../../../desired-state/generation.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { SqliteStore } from '../../../desired-state/store/sqlite/sqlite-store.ts';
import type { SpecWrite, StatusWrite, Store, WriteOptions } from '../../../desired-state/store/store.ts';
import { eventOf, specWrite, statusAt } from '../../conformance/store-fixtures.ts';

const hosts = ['a', 'b', 'c', 'd'];
const host = fc.constantFrom(...hosts);
const fenceName = fc.constantFrom('leader', 'other');
const text = fc.string({ unit: 'binary', maxLength: 20 });
const annotations = fc.oneof(
  fc.dictionary(text, text, { maxKeys: 3 }),
  fc.constant(Object.fromEntries(['__proto__', 'constructor'].map((key) => [key, 'x']))),
);

/** `seen`: what the writer expects of the record, relative to what the store has. */
const specChange = fc.record({
  name: host,
  seen: fc.constantFrom('current', 'current', 'current', 'none', 'newer'),
  spec: fc.record({ locked: fc.boolean(), servicesEnabled: fc.boolean() }),
  labels: fc.dictionary(fc.constantFrom('site', 'rack', '1'), fc.constantFrom('', 'x', 'y'), { maxKeys: 2 }),
  annotations,
  deleted: fc.boolean(),
  renumber: fc.boolean(),
  generationFloor: fc.constantFrom(0, 0, 5, 20, MAX_GENERATION),
});
const statusChange = fc.record(
  {
    name: host,
    status: fc.nat(30).map(statusAt),
    reportedGeneration: fc.constantFrom(0, 3, 40),
  },
  { requiredKeys: ['name'] },
);
const events = fc.array(
  fc.tuple(host, text).map(([name, message]) => eventOf(name, message)),
  { maxLength: 3 },
);
const fence = fc.option(fc.record({ name: fenceName, token: fc.nat(3) }), { nil: undefined, freq: 3 });
const options = fc.record({ fence, events });

const operation = fc.oneof(
  fc.record({
    does: fc.constant('specs' as const),
    changes: fc.array(specChange, { maxLength: 4 }),
    options,
  }),
  fc.record({
    does: fc.constant('statuses' as const),
    changes: fc.array(statusChange, { maxLength: 4 }),
    options,
  }),
  fc.record({ does: fc.constant('events' as const), events, fence }),
  fc.record({ does: fc.constant('advance' as const), name: fenceName }),
  fc.record({
    does: fc.constant('list events' as const),
    host: fc.option(host, { nil: undefined }),
    limit: fc.nat(6),
    afterId: fc.nat(20),
  }),
  fc.record({ does: fc.constant('watch' as const), behind: fc.nat(6) }),
  fc.record({ does: fc.constant('reopen' as const) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** A call's result, or the code and message of its refusal. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    return { refused: error.code, message: error.message };
  }
}

async function perform(store: Store, operation: Operation): Promise<unknown> {
  switch (operation.does) {
    case 'specs': {
      const writes: SpecWrite[] = [];
      for (const { seen, ...change } of operation.changes) {
        const current = (await store.get(change.name))?.specRevision ?? 0;
        const expectedSpecRevision = { current, none: 0, newer: current + 1 }[seen];
        writes.push(specWrite(change.name, { ...change, expectedSpecRevision }));
      }
      return store.writeSpecs(writes, withoutAbsent(operation.options));
    }
    case 'statuses':
      return store.writeStatuses(operation.changes satisfies StatusWrite[], withoutAbsent(operation.options));
    case 'events':
      return store.appendEvents(
        operation.events,
        operation.fence === undefined ? {} : { fence: operation.fence },
      );
    case 'advance':
      return store.advanceFence(operation.name);
    case 'list events': {
      const { host: of, limit, afterId } = operation;
      return store.listEvents(of === undefined ? { limit, afterId } : { host: of, limit, afterId });
    }
    case 'watch':
      return watched(store, operation.behind);
    case 'reopen':
      return undefined;
  }
}

function withoutAbsent(given: {
  fence: WriteOptions['fence'];
  events: NonNullable<WriteOptions['events']>;
}): WriteOptions {
  return given.fence === undefined ? { events: given.events } : { events: given.events, fence: given.fence };
}

/** All that a watch tells which starts `behind` revisions ago. */
async function watched(store: Store, behind: number): Promise<unknown> {
  const { revision, records } = await store.list();
  const expected = records.filter((record) => record.revision > revision - behind).length;
  const abort = new AbortController();
  const seen: unknown[] = [];
  if (expected === 0) return seen;
  for await (const record of store.watch(revision - behind, abort.signal)) {
    seen.push(record);
    if (seen.length === expected) abort.abort();
  }
  return seen;
}

describe('MemoryStore and SqliteStore', () => {
  it('give the same answers to any calls, reopened or restored at any time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        const folder = await mkdtemp(join(tmpdir(), 'lockstep-model-'));
        const path = join(folder, 'store.db');
        let model = new MemoryStore();
        let store = await SqliteStore.open(path);
        try {
          for (const next of operations) {
            if (next.does === 'reopen') {
              model = MemoryStore.restore(model.snapshot());
              await store.close();
              store = await SqliteStore.open(path);
            }
            const expected = await outcomeOf(perform(model, next));
            expect(await outcomeOf(perform(store, next))).toEqual(expected);
            expect(await store.list()).toEqual(await model.list());
            const all = { limit: 1_000 };
            expect(await store.listEvents(all)).toEqual(await model.listEvents(all));
          }
        } finally {
          await store.close();
          await rm(folder, { recursive: true });
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a snapshot of MemoryStore', () => {
  it('restores what was there when it was taken, and does not change with the store', async () => {
    const store = new MemoryStore();
    await store.writeSpecs([specWrite('a')], { events: [eventOf('a', 'created')] });
    const token = await store.advanceFence('leader');
    const before = await store.list();
    const backup = store.snapshot();
    await store.writeSpecs([specWrite('b')], { events: [eventOf('b', 'created')] });
    await store.advanceFence('leader');

    const restored = MemoryStore.restore(backup);
    expect(await restored.list()).toEqual(before);
    expect(await restored.listEvents({ limit: 10 })).toHaveLength(1);
    await expect(restored.appendEvents([], { fence: { name: 'leader', token } })).resolves.toBeUndefined();
    expect((await store.list()).records).toHaveLength(2);
  });

  it('can be taken of a closed store, as a restarted controller finds it', async () => {
    const store = new MemoryStore();
    await store.writeSpecs([specWrite('a')]);
    const held = await store.list();
    await store.close();
    expect(await MemoryStore.restore(store.snapshot()).list()).toEqual(held);
  });
});
