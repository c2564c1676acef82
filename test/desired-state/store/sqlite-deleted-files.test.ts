// The embedded store's files are deleted or replaced while it is open: what it held comes back, and nothing is called stored that would be lost.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from '../../../desired-state/store/sqlite/sqlite-store.ts';
import { eventOf, specWrite, UNLOCKED } from '../../conformance/store-fixtures.ts';
import { Faults } from './faulty-database.ts';

let folder = '';
let path = '';
const stores: SqliteStore[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-deleted-'));
  path = join(folder, 'data', 'store.db');
  mkdirSync(join(folder, 'data'));
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await rm(folder, { recursive: true });
});

async function open(faults = new Faults()): Promise<SqliteStore> {
  const store = await SqliteStore.open(path, faults.open);
  stores.push(store);
  return store;
}

/** A store that holds the hosts `a` and `b`, of which the second stands in the log alone. */
async function openFilled(faults?: Faults): Promise<SqliteStore> {
  const first = await open();
  await first.writeSpecs([specWrite('a', { spec: UNLOCKED })], { events: [eventOf('a', 'created')] });
  await first.close();
  const store = await open(faults);
  await store.writeSpecs([specWrite('b')], { events: [eventOf('b', 'created')] });
  return store;
}

/** What a store opened on the files as they are now would hold, were the process to end now. */
async function heldByFiles() {
  await stores.pop()?.close();
  const store = await open();
  const { revision, records } = await store.list();
  return {
    revision,
    hosts: records.map(({ name, generation }) => `${name} ${generation}`),
    events: (await store.listEvents({ limit: 10 })).map(({ host, id }) => `${host} ${id}`),
  };
}

const WHOLE = { revision: 2, hosts: ['a 1', 'b 1'], events: ['a 1', 'b 2'] };

/** Ways to lose files, by what is deleted. */
const DEEDS = {
  'the data folder': () => {
    rmSync(join(folder, 'data'), { recursive: true });
    // Whoever keeps the folder makes it again; the store does not.
    mkdirSync(join(folder, 'data'));
  },
  'the database': () => rmSync(path),
  'its log': () => rmSync(`${path}-wal`),
  'database and log': () => {
    rmSync(path);
    rmSync(`${path}-wal`);
  },
} as const;

describe.each(Object.entries(DEEDS))('%s is deleted under an open store', (_what, deed) => {
  it('I1: refuses to store what would be lost, and reads on', async () => {
    const store = await openFilled();
    deed();
    await expect(store.writeSpecs([specWrite('c')])).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/store\.db: .*they were deleted; nothing of this change was stored/),
    });
    await expect(store.appendEvents([eventOf('a', 'lost')])).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await store.get('c')).toBeUndefined();
    expect((await store.list()).records.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('I1: puts all of it back, and goes on', async () => {
    const store = await openFilled();
    deed();
    expect(await store.check()).toBe('mended');
    expect(await store.check()).toBe('kept');
    await store.writeSpecs([specWrite('c')], { events: [eventOf('c', 'created')] });
    expect(await heldByFiles()).toEqual({
      revision: 3,
      hosts: ['a 1', 'b 1', 'c 1'],
      events: ['a 1', 'b 2', 'c 3'],
    });
  });

  it('keeps everyone else out again', async () => {
    const store = await openFilled();
    deed();
    await store.check();
    await expect(SqliteStore.open(path, new Faults().open)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await store.check()).toBe('kept');
  });

  it('a watch goes on over it', async () => {
    const store = await openFilled();
    const stop = new AbortController();
    const watch = store.watch(1, stop.signal)[Symbol.asyncIterator]();
    expect((await watch.next()).value.name).toBe('b');
    deed();
    await store.check();
    const next = watch.next();
    await store.writeSpecs([specWrite('c')]);
    expect((await next).value.name).toBe('c');
    stop.abort();
  });

  it('loses nothing when any one statement of putting it back fails, and does it the next time', async () => {
    for (let n = 1; ; n += 1) {
      const faults = new Faults();
      const store = await openFilled(faults);
      deed();
      faults.failAt(n, false);
      const first = await store.check().catch(() => 'failed' as const);
      const failed = faults.heal();
      if (failed) expect(first).toBe('failed');
      expect(await store.check()).toBe(failed ? 'mended' : 'kept');
      expect(await heldByFiles()).toEqual(WHOLE);
      await stores.pop()?.close();
      rmSync(join(folder, 'data'), { recursive: true });
      mkdirSync(join(folder, 'data'));
      if (!failed) return expect(n).toBeGreaterThan(1);
    }
  });
});

describe('another file in the place of the database', () => {
  it('is left alone, and nothing is stored until somebody decides', async () => {
    const store = await openFilled();
    rmSync(path);
    writeFileSync(path, 'a backup, say');
    const refusal = { code: 'Unavailable', message: expect.stringMatching(/Restart the controller to use/) };
    await expect(store.check()).rejects.toMatchObject(refusal);
    await expect(store.writeSpecs([specWrite('c')])).rejects.toMatchObject(refusal);
    renameSync(path, `${path}.aside`);
    expect(await store.check()).toBe('mended');
    expect(await heldByFiles()).toEqual(WHOLE);
  });

  it('leaves nothing of its own beside the store', async () => {
    const store = await openFilled();
    rmSync(path);
    await store.check();
    // The lock table is what a reader makes, such as the look at the file before it is opened.
    const names = readdirSync(join(folder, 'data')).filter((name) => !name.endsWith('-shm'));
    expect(names.sort()).toEqual(['store.db', 'store.db-wal']);
  });
});

it('a missing folder is not made by the store, which says what it lacks and keeps what it holds', async () => {
  const store = await openFilled();
  rmSync(join(folder, 'data'), { recursive: true });
  await expect(store.check()).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('ENOENT'),
  });
  expect(existsSync(join(folder, 'data'))).toBe(false);
  mkdirSync(join(folder, 'data'));
  expect(await store.check()).toBe('mended');
  expect(await heldByFiles()).toEqual(WHOLE);
});
