// The contract of the Store port as tests, for every adapter. Assumes nothing about revisions but their order, and nothing about when a
// watch hears of a write but that it does.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_GENERATION } from '../../desired-state/generation.ts';
import {
  type HostRecord,
  MAX_EVENTS_PER_HOST,
  MAX_HOSTS_PER_WRITE,
  type SpecWrite,
  type Store,
} from '../../desired-state/store/store.ts';
import { changeOf, eventOf, LOCKED, specWrite, statusAt, UNLOCKED } from './store-fixtures.ts';

/** Reads a watch record by record. */
class Reader {
  readonly #iterator: AsyncIterator<HostRecord>;
  readonly #abort = new AbortController();

  constructor(store: Store, afterRevision: number) {
    this.#iterator = store.watch(afterRevision, this.#abort.signal)[Symbol.asyncIterator]();
  }

  /** The next record; undefined when the watch ended. */
  async next(): Promise<HostRecord | undefined> {
    const result = await this.#iterator.next();
    return result.done === true ? undefined : result.value;
  }

  async until(last: (record: HostRecord) => boolean): Promise<readonly HostRecord[]> {
    const seen: HostRecord[] = [];
    for (;;) {
      const record = await this.next();
      if (record === undefined) throw new Error('the watch ended');
      seen.push(record);
      if (last(record)) return seen;
    }
  }

  abort(): void {
    this.#abort.abort();
  }
}

const namesOf = (records: readonly { readonly name: string }[]) => records.map(({ name }) => name);
const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `host-${String(i).padStart(3, '0')}`);

/**
 * @param openStore opens the store that belongs to `folder`, an empty one at first.
 * @param options durable: a store that is closed and opened again on the same folder holds what it held.
 */
export function describeStoreConformance(
  name: string,
  openStore: (folder: string) => Promise<Store>,
  options: { readonly durable: boolean },
): void {
  describe(name, () => {
    let folder = '';
    let store: Store;
    const readers: Reader[] = [];

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'lockstep-store-'));
      store = await openStore(folder);
    });
    afterEach(async () => {
      for (const reader of readers.splice(0)) reader.abort();
      await store.close();
      await rm(folder, { recursive: true });
    });

    const watch = (afterRevision: number): Reader => {
      const reader = new Reader(store, afterRevision);
      readers.push(reader);
      return reader;
    };
    const writeOne = async (write: SpecWrite): Promise<HostRecord> => {
      const [record] = (await store.writeSpecs([write])).records;
      if (record === undefined) throw new Error('no record came back');
      return record;
    };
    const getOne = async (host: string): Promise<HostRecord> => {
      const record = await store.get(host);
      if (record === undefined) throw new Error(`${host} is not there`);
      return record;
    };
    const everything = async () => ({
      ...(await store.list()),
      events: await store.listEvents({ limit: 100_000 }),
    });

    describe('reading', () => {
      it('knows nothing at first', async () => {
        expect(await store.get('compute-0')).toBeUndefined();
        expect((await store.list()).records).toEqual([]);
        expect(await store.listEvents({ limit: 10 })).toEqual([]);
      });

      it('gives back a host exactly as it was written, and by get, list and the write the same', async () => {
        const labels = { site: 'lab', empty: '' };
        const annotations = { 'lockstep/reason': 'disk ünder test \u0000 "quoted" 🔒', empty: '' };
        const { revision, records } = await store.writeSpecs([
          specWrite('compute-0', { labels, annotations }),
        ]);
        const expected: HostRecord = {
          name: 'compute-0',
          generation: 1,
          labels,
          annotations,
          spec: LOCKED,
          deleted: false,
          status: undefined,
          reportedGeneration: 0,
          specRevision: revision,
          revision,
        };
        expect(records).toEqual([expected]);
        expect(await store.get('compute-0')).toEqual(expected);
        expect(await store.list()).toEqual({ revision, records: [expected] });
      });

      it('lists all hosts by name, as of one revision', async () => {
        await store.writeSpecs(['b', 'a-1', 'a', '0'].map((host) => specWrite(host)));
        const { revision } = await store.writeSpecs([specWrite('a0')]);
        const listed = await store.list();
        expect(namesOf(listed.records)).toEqual(['0', 'a', 'a-1', 'a0', 'b']);
        expect(listed.revision).toBe(revision);
      });

      it('does not change when the writer changes what it wrote', async () => {
        const labels: Record<string, string> = { site: 'lab' };
        await store.writeSpecs([specWrite('compute-0', { labels })]);
        labels.site = 'moved';
        expect((await getOne('compute-0')).labels).toEqual({ site: 'lab' });
      });
    });

    describe('writing specs', () => {
      it('gives each write one revision, higher than all before, that all its hosts share', async () => {
        const first = await store.writeSpecs([specWrite('a'), specWrite('b')]);
        const second = await store.writeSpecs([specWrite('c')]);
        expect(first.records.map(({ revision }) => revision)).toEqual([first.revision, first.revision]);
        expect(second.revision).toBeGreaterThan(first.revision);
        expect(first.revision).toBeGreaterThan(0);
      });

      it('answers with the records in the order of the write', async () => {
        const { records } = await store.writeSpecs(['c', 'a', 'b'].map((host) => specWrite(host)));
        expect(namesOf(records)).toEqual(['c', 'a', 'b']);
      });

      it('refuses a write that saw an older spec, and changes nothing', async () => {
        const seen = await writeOne(specWrite('a'));
        await store.writeSpecs([changeOf(seen, { spec: UNLOCKED })]);
        const before = await everything();
        await expect(store.writeSpecs([changeOf(seen, { labels: { late: 'yes' } })])).rejects.toMatchObject({
          code: 'Conflict',
          message: expect.stringContaining('host a'),
        });
        expect(await everything()).toEqual(before);
      });

      it('refuses to create a host that is there, and to change one that is not', async () => {
        await store.writeSpecs([specWrite('a')]);
        await expect(store.writeSpecs([specWrite('a')])).rejects.toMatchObject({ code: 'Conflict' });
        await expect(store.writeSpecs([specWrite('b', { expectedSpecRevision: 1 })])).rejects.toMatchObject({
          code: 'Conflict',
        });
      });

      it('lets exactly one of many concurrent writers of the same revision win', async () => {
        const seen = await writeOne(specWrite('a'));
        const outcomes = await Promise.allSettled(
          numbered(20).map((writer) => store.writeSpecs([changeOf(seen, { annotations: { writer } })])),
        );
        const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(lost).toHaveLength(19);
        for (const { reason } of lost) expect(reason).toMatchObject({ code: 'Conflict' });
        const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
        expect((await getOne('a')).annotations).toEqual({ writer: numbered(20)[winner] });
      });

      it('does not take a status write for a change of the spec', async () => {
        const seen = await writeOne(specWrite('a'));
        await store.writeStatuses([{ name: 'a', status: statusAt(1), reportedGeneration: 1 }]);
        expect((await getOne('a')).specRevision).toBe(seen.specRevision);
        await expect(store.writeSpecs([changeOf(seen, { spec: UNLOCKED })])).resolves.toBeDefined();
      });
    });

    describe('generations', () => {
      it('starts at 1 and rises by 1 with each change of the spec only', async () => {
        const created = await writeOne(specWrite('a'));
        const same = await writeOne(
          changeOf(created, { labels: { x: 'y' }, annotations: { why: 'labels' } }),
        );
        const changed = await writeOne(changeOf(same, { spec: UNLOCKED }));
        const back = await writeOne(changeOf(changed, { spec: LOCKED }));
        expect([created, same, changed, back].map(({ generation }) => generation)).toEqual([1, 1, 2, 3]);
      });

      it('keeps a tombstone with the generation, and numbers the host above it when it comes back', async () => {
        const created = await writeOne(specWrite('a', { labels: { x: 'y' } }));
        const deleted = await writeOne(changeOf(created, { deleted: true }));
        expect(deleted).toMatchObject({ deleted: true, generation: 1 });
        expect(await store.get('a')).toEqual(deleted);
        expect((await store.list()).records).toEqual([deleted]);
        await expect(store.writeSpecs([specWrite('a')])).rejects.toMatchObject({ code: 'Conflict' });
        const lifted = await writeOne(changeOf(deleted, { deleted: false }));
        expect(lifted).toMatchObject({ deleted: false, generation: 2, spec: LOCKED });
      });

      it('numbers a new host above the floor', async () => {
        expect((await writeOne(specWrite('a', { generationFloor: 41 }))).generation).toBe(42);
      });

      it('numbers a change above the floor, and above what the agent reported', async () => {
        const a = await writeOne(specWrite('a'));
        const floored = await writeOne(changeOf(a, { spec: UNLOCKED, generationFloor: 10 }));
        expect(floored.generation).toBe(11);
        const lowFloor = await writeOne(changeOf(floored, { spec: LOCKED, generationFloor: 3 }));
        expect(lowFloor.generation).toBe(12);
        await store.writeStatuses([{ name: 'a', reportedGeneration: 30 }]);
        const reported = await writeOne(changeOf(lowFloor, { spec: UNLOCKED, generationFloor: 20 }));
        expect(reported).toMatchObject({ generation: 31, reportedGeneration: 30 });
      });

      it('keeps the generation of an unchanged spec, whatever the floor', async () => {
        const a = await writeOne(specWrite('a'));
        expect((await writeOne(changeOf(a, { generationFloor: 10 }))).generation).toBe(1);
      });

      it('renumbers an unchanged spec when asked to, by the same rule', async () => {
        const a = await writeOne(specWrite('a'));
        const next = await writeOne(changeOf(a, { renumber: true }));
        expect(next).toMatchObject({ generation: 2, spec: a.spec });
        await store.writeStatuses([{ name: 'a', reportedGeneration: 8 }]);
        const reported = await writeOne(changeOf(next, { renumber: true }));
        expect(reported.generation).toBe(9);
        const floored = await writeOne(changeOf(reported, { renumber: true, generationFloor: 20 }));
        expect(floored.generation).toBe(21);
        expect((await writeOne(changeOf(floored, { renumber: false }))).generation).toBe(21);
        expect((await writeOne(specWrite('b', { renumber: true }))).generation).toBe(1);
      });

      it('refuses a change that no number is left for', async () => {
        const write = specWrite('a', { generationFloor: MAX_GENERATION });
        await expect(store.writeSpecs([write])).rejects.toMatchObject({
          code: 'Invalid',
          message: expect.stringMatching(/^host a: expected its highest generation below .* with sqlite3$/),
        });
        expect(await store.get('a')).toBeUndefined();
      });

      it('refuses a generation above the bound, whoever says it', async () => {
        const created = await writeOne(specWrite('a'));
        for (const generation of [MAX_GENERATION + 1, Number.MAX_SAFE_INTEGER]) {
          const writes = [
            store.writeSpecs([changeOf(created, { generationFloor: generation })]),
            store.writeStatuses([{ name: 'a', reportedGeneration: generation }]),
          ];
          for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'Invalid' });
        }
        expect(await getOne('a')).toEqual(created);
      });
    });

    describe('writing statuses', () => {
      it('keeps the status through changes of the spec, and the spec through changes of the status', async () => {
        const created = await writeOne(specWrite('a'));
        const { revision, records } = await store.writeStatuses([{ name: 'a', status: statusAt(1) }]);
        expect(records).toEqual([{ ...created, status: statusAt(1), revision }]);
        const changed = await writeOne(changeOf(created, { spec: UNLOCKED }));
        expect(changed.status).toEqual(statusAt(1));
      });

      it('lets the last writer win', async () => {
        await store.writeSpecs([specWrite('a')]);
        await store.writeStatuses([{ name: 'a', status: statusAt(2) }]);
        await store.writeStatuses([{ name: 'a', status: statusAt(1) }]);
        expect((await getOne('a')).status).toEqual(statusAt(1));
      });

      it('raises the reported generation and never lowers it, with or without a status', async () => {
        await store.writeSpecs([specWrite('a')]);
        await store.writeStatuses([{ name: 'a', reportedGeneration: 7 }]);
        expect(await getOne('a')).toMatchObject({ reportedGeneration: 7, status: undefined });
        await store.writeStatuses([{ name: 'a', status: statusAt(3), reportedGeneration: 3 }]);
        await store.writeStatuses([{ name: 'a' }]);
        expect(await getOne('a')).toMatchObject({ reportedGeneration: 7, status: { observedGeneration: 3 } });
      });

      it('takes the status of a tombstone', async () => {
        await store.writeSpecs([specWrite('a', { deleted: true })]);
        await store.writeStatuses([{ name: 'a', status: statusAt(1) }]);
        expect(await getOne('a')).toMatchObject({ deleted: true, status: statusAt(1) });
      });

      it('refuses the whole write when one host has no record', async () => {
        await store.writeSpecs([specWrite('a')]);
        const before = await everything();
        const writes = [
          { name: 'a', status: statusAt(1) },
          { name: 'stranger', status: statusAt(1) },
        ];
        await expect(store.writeStatuses(writes, { events: [eventOf('a', 'x')] })).rejects.toMatchObject({
          code: 'NotFound',
          message: expect.stringContaining('stranger'),
        });
        expect(await everything()).toEqual(before);
      });
    });

    describe('batches', () => {
      it(`takes ${MAX_HOSTS_PER_WRITE} hosts in one write`, async () => {
        const names = numbered(MAX_HOSTS_PER_WRITE);
        const { revision, records } = await store.writeSpecs(names.map((host) => specWrite(host)));
        expect(namesOf(records)).toEqual(names);
        expect(await store.list()).toEqual({ revision, records });
        const statuses = await store.writeStatuses(
          names.map((host) => ({ name: host, status: statusAt(1) })),
        );
        expect(statuses.records.every((record) => record.status?.observedGeneration === 1)).toBe(true);
      });

      it('writes nothing when one of many hosts is refused, wherever it stands', async () => {
        await store.writeSpecs([specWrite('taken')]);
        const before = await everything();
        const others = numbered(MAX_HOSTS_PER_WRITE - 1).map((host) => specWrite(host));
        for (const at of [0, 60, others.length]) {
          const writes = others.toSpliced(at, 0, specWrite('taken', { spec: UNLOCKED }));
          const events = [eventOf('taken', 'locked')];
          await expect(store.writeSpecs(writes, { events })).rejects.toMatchObject({ code: 'Conflict' });
          expect(await everything()).toEqual(before);
        }
      });

      it('refuses none, one too many, and the same host twice', async () => {
        const before = await everything();
        const many = numbered(MAX_HOSTS_PER_WRITE + 1);
        for (const names of [[], many, ['a', 'b', 'a']]) {
          await expect(store.writeSpecs(names.map((host) => specWrite(host)))).rejects.toMatchObject({
            code: 'Invalid',
          });
          await expect(store.writeStatuses(names.map((host) => ({ name: host })))).rejects.toMatchObject({
            code: 'Invalid',
          });
        }
        expect(await everything()).toEqual(before);
      });

      it('refuses what it could not read back', async () => {
        await store.writeSpecs([specWrite('a')]);
        const before = await everything();
        const refused = { code: 'Invalid' };
        await expect(store.writeSpecs([specWrite('../etc')])).rejects.toMatchObject(refused);
        await expect(
          store.writeSpecs([specWrite('b', { labels: { 'not a key': '' } })]),
        ).rejects.toMatchObject(refused);
        await expect(store.writeSpecs([specWrite('b', { generationFloor: 0.5 })])).rejects.toMatchObject(
          refused,
        );
        const status = { ...statusAt(1), bootId: 'x'.repeat(129) };
        await expect(store.writeStatuses([{ name: 'a', status }])).rejects.toMatchObject(refused);
        const events = [{ ...eventOf('a', 'x'), at: 'yesterday' }];
        await expect(store.appendEvents(events)).rejects.toMatchObject(refused);
        await expect(store.writeStatuses([{ name: 'a' }], { events })).rejects.toMatchObject(refused);
        expect(await everything()).toEqual(before);
      });
    });

    describe('fences', () => {
      it('numbers the holders of a fence 1, 2, 3, each fence for itself', async () => {
        expect(await store.advanceFence('leader')).toBe(1);
        expect(await store.advanceFence('leader')).toBe(2);
        expect(await store.advanceFence('other')).toBe(1);
      });

      it('lets who holds the newest token write, and nobody else', async () => {
        const old = { name: 'leader', token: await store.advanceFence('leader') };
        await store.writeSpecs([specWrite('a')], { fence: old });
        const held = { name: 'leader', token: await store.advanceFence('leader') };
        const before = await everything();
        const events = [eventOf('a', 'x')];
        for (const fence of [old, { name: 'leader', token: 3 }, { name: 'never-advanced', token: 0 }]) {
          const refused = { code: 'Conflict', message: expect.stringContaining(fence.name) };
          await expect(store.writeSpecs([specWrite('b')], { fence, events })).rejects.toMatchObject(refused);
          await expect(store.writeStatuses([{ name: 'a' }], { fence, events })).rejects.toMatchObject(
            refused,
          );
          await expect(store.appendEvents(events, { fence })).rejects.toMatchObject(refused);
        }
        expect(await everything()).toEqual(before);
        await store.writeSpecs([specWrite('b')], { fence: held });
        await store.writeStatuses([{ name: 'a' }], { fence: held });
        await store.appendEvents(events, { fence: held });
      });

      it('gives concurrent takers different tokens', async () => {
        const tokens = await Promise.all(numbered(10).map(() => store.advanceFence('leader')));
        expect(new Set(tokens).size).toBe(10);
      });
    });

    describe('events', () => {
      it('gives back an event exactly as it was appended, with an id', async () => {
        const { latencyMs: _, ...plain } = eventOf('a', 'no latency \u0000 🔒');
        await store.appendEvents([eventOf('a', 'first'), plain]);
        const [first, second] = await store.listEvents({ limit: 10 });
        expect(first).toEqual({ ...eventOf('a', 'first'), id: expect.any(Number) });
        expect(second).toEqual({ ...plain, id: expect.any(Number) });
      });

      it('lists them newest last, of one host or of all, the newest within the limit', async () => {
        await store.appendEvents([eventOf('a', '1'), eventOf('b', '2')]);
        await store.appendEvents([eventOf('a', '3')]);
        const messages = async (query: Parameters<Store['listEvents']>[0]) =>
          (await store.listEvents(query)).map(({ message }) => message);
        expect(await messages({ limit: 10 })).toEqual(['1', '2', '3']);
        expect(await messages({ limit: 2 })).toEqual(['2', '3']);
        expect(await messages({ limit: 0 })).toEqual([]);
        expect(await messages({ host: 'a', limit: 10 })).toEqual(['1', '3']);
        expect(await messages({ host: 'a', limit: 1 })).toEqual(['3']);
        expect(await messages({ host: 'nobody', limit: 10 })).toEqual([]);
      });

      it('goes on after an id, which rises with each event', async () => {
        await store.appendEvents(['1', '2', '3', '4'].map((message) => eventOf('a', message)));
        const all = await store.listEvents({ limit: 10 });
        const ids = all.map(({ id }) => id);
        expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
        const afterId = ids[1] ?? 0;
        expect(await store.listEvents({ limit: 10, afterId })).toEqual(all.slice(2));
        expect(await store.listEvents({ host: 'a', limit: 1, afterId })).toEqual(all.slice(3));
        expect(await store.listEvents({ limit: 10, afterId: ids[3] ?? 0 })).toEqual([]);
      });

      it('refuses a limit that is no number of events', async () => {
        for (const limit of [-1, 1.5, Number.NaN]) {
          await expect(store.listEvents({ limit })).rejects.toMatchObject({ code: 'Invalid' });
        }
      });

      it('appends them with a write, and not with one that is refused', async () => {
        await store.writeSpecs([specWrite('a')], {
          events: [eventOf('a', 'created'), eventOf('a', 'locked')],
        });
        await store.writeStatuses([{ name: 'a' }], { events: [eventOf('a', 'seen')] });
        await expect(
          store.writeSpecs([specWrite('a')], { events: [eventOf('a', 'never')] }),
        ).rejects.toThrow();
        const events = await store.listEvents({ limit: 10 });
        expect(events.map(({ message }) => message)).toEqual(['created', 'locked', 'seen']);
      });

      it('raises no revision', async () => {
        const { revision } = await store.writeSpecs([specWrite('a')]);
        await store.appendEvents([eventOf('a', 'x')]);
        expect((await store.list()).revision).toBe(revision);
      });

      it('takes events of a host that it does not know, and none at all', async () => {
        await store.appendEvents([]);
        await store.appendEvents([eventOf('stranger', 'x')]);
        expect(await store.listEvents({ host: 'stranger', limit: 10 })).toHaveLength(1);
        expect(await store.get('stranger')).toBeUndefined();
      });

      it(`keeps the newest ${MAX_EVENTS_PER_HOST} of each host`, async () => {
        await store.appendEvents([eventOf('quiet', 'kept')]);
        const many = Array.from({ length: MAX_EVENTS_PER_HOST + 5 }, (_, i) => eventOf('noisy', String(i)));
        await store.appendEvents(many.slice(0, MAX_EVENTS_PER_HOST - 1));
        await store.appendEvents(many.slice(MAX_EVENTS_PER_HOST - 1));
        await store.writeSpecs([specWrite('noisy')], { events: [eventOf('noisy', 'last')] });
        const noisy = await store.listEvents({ host: 'noisy', limit: 100_000 });
        expect(noisy).toHaveLength(MAX_EVENTS_PER_HOST);
        expect([noisy[0]?.message, noisy.at(-2)?.message, noisy.at(-1)?.message]).toEqual([
          '6',
          '1004',
          'last',
        ]);
        expect(await store.listEvents({ host: 'quiet', limit: 10 })).toHaveLength(1);
        expect(await store.listEvents({ limit: 100_000 })).toHaveLength(MAX_EVENTS_PER_HOST + 1);
      });
    });

    describe('watching', () => {
      it('tells first what is there above the revision, in order of revision, then what is written', async () => {
        await store.writeSpecs([specWrite('old')]);
        const { revision } = await store.writeSpecs([specWrite('c')]);
        const b = await writeOne(specWrite('b'));
        const a = await writeOne(specWrite('a'));
        const reader = watch(revision);
        expect([await reader.next(), await reader.next()]).toEqual([b, a]);
        const pending = reader.next();
        const written = await writeOne(changeOf(b, { spec: UNLOCKED }));
        expect(await pending).toEqual(written);
      });

      it('tells every host when it starts from 0, tombstones too', async () => {
        await store.writeSpecs(['b', 'a'].map((host) => specWrite(host)));
        const gone = await writeOne(specWrite('gone', { deleted: true }));
        const seen = await watch(0).until((record) => record.name === 'gone');
        expect(namesOf(seen).toSorted()).toEqual(['a', 'b', 'gone']);
        expect(seen.at(-1)).toEqual(gone);
      });

      it('tells all hosts of one write', async () => {
        const reader = watch(0);
        const pending = reader.next();
        const names = numbered(MAX_HOSTS_PER_WRITE);
        await store.writeSpecs(names.map((host) => specWrite(host)));
        const last = await writeOne(specWrite('last'));
        const seen = [await pending, ...(await reader.until(({ revision }) => revision === last.revision))];
        expect(seen.map((record) => record?.name ?? '').toSorted()).toEqual([...names, 'last'].toSorted());
      });

      it('tells status writes as well', async () => {
        const { revision } = await store.writeSpecs([specWrite('a')]);
        const reader = watch(revision);
        const { records } = await store.writeStatuses([{ name: 'a', status: statusAt(1) }]);
        expect(await reader.next()).toEqual(records[0]);
      });

      it('tells nothing of a write that was refused', async () => {
        const a = await writeOne(specWrite('a'));
        const reader = watch(a.revision);
        const pending = reader.next();
        await expect(store.writeSpecs([specWrite('b'), specWrite('a')])).rejects.toThrow();
        const changed = await writeOne(changeOf(a, { spec: UNLOCKED }));
        expect(await pending).toEqual(changed);
      });

      it('lets a slow reader skip to the newest state, in order of revision', async () => {
        let a = await writeOne(specWrite('a'));
        const slow = watch(0);
        expect(await slow.next()).toEqual(a);
        for (let i = 0; i < 500; i += 1) {
          a = await writeOne(changeOf(a, { spec: i % 2 === 0 ? UNLOCKED : LOCKED }));
          if (i === 250) await store.writeSpecs([specWrite('b')]);
        }
        // Once another watch has heard of the last write, so has this one.
        await watch(a.revision - 1).next();
        const seen = await slow.until(({ revision }) => revision === a.revision);
        // One older state of each host may have been on its way.
        expect(seen.length).toBeLessThanOrEqual(4);
        const revisions = seen.map(({ revision }) => revision);
        expect(revisions).toEqual(revisions.toSorted((x, y) => x - y));
        expect(new Set(namesOf(seen))).toEqual(new Set(['a', 'b']));
        expect(seen.at(-1)).toEqual(a);
      });

      it('serves several readers, each at its own pace', async () => {
        const readers = [watch(0), watch(0), watch(0)];
        const a = await writeOne(specWrite('a'));
        expect(await readers[0]?.next()).toEqual(a);
        const b = await writeOne(specWrite('b'));
        expect(await readers[0]?.next()).toEqual(b);
        expect(await readers[1]?.until(({ name: host }) => host === 'b')).toEqual([a, b]);
        expect(await readers[2]?.until(({ name: host }) => host === 'b')).toEqual([a, b]);
      });

      it('ends without an error when the signal aborts, while it waits or between two records', async () => {
        const waiting = watch(0);
        const pending = waiting.next();
        waiting.abort();
        expect(await pending).toBeUndefined();
        await store.writeSpecs([specWrite('a'), specWrite('b')]);
        const busy = watch(0);
        await busy.next();
        busy.abort();
        expect(await busy.next()).toBeUndefined();
        const never = watch(0);
        never.abort();
        expect(await never.next()).toBeUndefined();
      });
    });

    it('says that what is written lasts, and finds nothing to mend where nobody broke anything', async () => {
      expect(await store.check()).toBe('kept');
      await store.writeSpecs([specWrite('a')]);
      expect(await store.check()).toBe('kept');
    });

    describe('closing', () => {
      it('ends watches, and refuses every later call as Unavailable', async () => {
        await store.writeSpecs([specWrite('a')]);
        const reader = watch(0);
        await reader.next();
        const pending = reader.next();
        await store.close();
        expect(await pending).toBeUndefined();
        const unavailable = { code: 'Unavailable' };
        await expect(store.get('a')).rejects.toMatchObject(unavailable);
        await expect(store.list()).rejects.toMatchObject(unavailable);
        await expect(store.writeSpecs([specWrite('b')])).rejects.toMatchObject(unavailable);
        await expect(store.writeStatuses([{ name: 'a' }])).rejects.toMatchObject(unavailable);
        await expect(store.appendEvents([eventOf('a', 'x')])).rejects.toMatchObject(unavailable);
        await expect(store.listEvents({ limit: 1 })).rejects.toMatchObject(unavailable);
        await expect(store.advanceFence('leader')).rejects.toMatchObject(unavailable);
        await expect(store.check()).rejects.toMatchObject(unavailable);
        await expect(watch(0).next()).rejects.toMatchObject(unavailable);
        await expect(store.close()).resolves.toBeUndefined();
      });
    });

    describe.runIf(options.durable)('reopening', () => {
      it('holds after a reopen what it held, and numbers on from there', async () => {
        const { records } = await store.writeSpecs([specWrite('a', { generationFloor: 6 }), specWrite('b')], {
          events: [eventOf('a', 'created')],
        });
        await store.writeStatuses([{ name: 'a', status: statusAt(7), reportedGeneration: 9 }]);
        const token = await store.advanceFence('leader');
        const before = await everything();
        await store.close();

        store = await openStore(folder);
        expect(await everything()).toEqual(before);
        await expect(store.appendEvents([], { fence: { name: 'leader', token } })).resolves.toBeUndefined();
        const [a] = records;
        if (a === undefined) throw new Error('no record came back');
        const changed = await writeOne(changeOf(a, { spec: UNLOCKED }));
        expect(changed.generation).toBe(10);
        expect(changed.revision).toBeGreaterThan(before.revision);
        await store.appendEvents([eventOf('a', 'later')]);
        const ids = (await store.listEvents({ limit: 10 })).map(({ id }) => id);
        expect(ids[1]).toBeGreaterThan(ids[0] ?? 0);
        expect(await store.advanceFence('leader')).toBe(token + 1);
      });

      it('goes on with a watch from a revision seen before the reopen', async () => {
        const a = await writeOne(specWrite('a'));
        const b = await writeOne(specWrite('b'));
        await store.close();
        store = await openStore(folder);
        const reader = watch(a.revision);
        expect(await reader.next()).toEqual(b);
        const pending = reader.next();
        const c = await writeOne(specWrite('c'));
        expect(await pending).toEqual(c);
      });
    });
  });
}
