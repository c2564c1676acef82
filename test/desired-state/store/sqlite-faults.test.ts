// The embedded store on a disk that fails: whatever statement it hits, the store is as it was before the write, and usable.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, SCHEMA_VERSION } from '../../../desired-state/store/sqlite/sqlite-migrations.ts';
import { SqliteStore } from '../../../desired-state/store/sqlite/sqlite-store.ts';
import { MAX_EVENTS_PER_HOST, type Store } from '../../../desired-state/store/store.ts';
import { changeOf, eventOf, specWrite, statusAt, UNLOCKED } from '../../conformance/store-fixtures.ts';
import { Faults } from './faulty-database.ts';

let folder = '';
let path = '';
let faults: Faults;
let store: SqliteStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-sqlite-'));
  path = join(folder, 'store.db');
  faults = new Faults();
  store = await SqliteStore.open(path, faults.open);
  // `full` has as many events as are kept, so that one more also drops one.
  const events = Array.from({ length: MAX_EVENTS_PER_HOST }, (_, i) => eventOf('full', String(i)));
  await store.writeSpecs([specWrite('full'), specWrite('other')], { events });
  await store.advanceFence('leader');
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const everything = async (from: Store) => ({
  ...(await from.list()),
  events: await from.listEvents({ limit: 100_000 }),
});

type Write = (to: Store) => Promise<unknown>;
const fence = { name: 'leader', token: 1 };
const events = [eventOf('full', 'new'), eventOf('other', 'new')];
const writes: Readonly<Record<string, Write>> = {
  writeSpecs: async (to) => {
    const full = await to.get('full');
    if (full === undefined) throw new Error('full is not there');
    return to.writeSpecs([changeOf(full, { spec: UNLOCKED }), specWrite('new')], { fence, events });
  },
  writeStatuses: (to) =>
    to.writeStatuses(
      [
        { name: 'full', status: statusAt(1), reportedGeneration: 9 },
        { name: 'other', status: statusAt(1) },
      ],
      { fence, events },
    ),
  appendEvents: (to) => to.appendEvents(events, { fence }),
};

describe.each(Object.entries(writes))('%s', (_, write) => {
  it.each([
    ['once', false],
    ['and all after it, the rollback too', true],
  ])(
    'I1: leaves the previous state and a usable store, whichever statement fails: %s',
    async (_how, persistent) => {
      const before = await everything(store);
      let failures = 0;
      for (let n = 1; ; n += 1) {
        faults.failAt(n, persistent);
        const outcome = await write(store).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (!faults.heal()) {
          expect(outcome).toBeUndefined();
          break;
        }
        expect(outcome).toMatchObject({ code: 'Unavailable' });
        if (!persistent) expect(faults.database?.isTransaction).toBe(false);
        expect(await everything(store)).toEqual(before);
        failures += 1;
      }
      expect(failures).toBeGreaterThan(5);

      const after = await everything(store);
      expect(after).not.toEqual(before);
      await store.close();
      store = await SqliteStore.open(path);
      expect(await everything(store)).toEqual(after);
    },
  );
});

describe('advanceFence', () => {
  it('hands out no token twice, whichever statement fails', async () => {
    for (let n = 1; ; n += 1) {
      faults.failAt(n, false);
      const token = await store.advanceFence('leader').catch(() => undefined);
      if (!faults.heal()) {
        expect(token).toBe(2);
        break;
      }
      expect(token).toBeUndefined();
      await expect(store.appendEvents([], { fence })).resolves.toBeUndefined();
    }
  });
});

describe('opening', () => {
  it('creates the store whole or not at all, whichever statement fails', async () => {
    path = join(folder, 'fresh', 'store.db');
    for (let n = 1; ; n += 1) {
      await rm(join(path, '..'), { recursive: true, force: true });
      mkdirSync(join(path, '..'));
      faults.failAt(n, false);
      const opened = await SqliteStore.open(path, faults.open).catch((error: unknown) => error);
      if (!faults.heal()) {
        expect(opened).toBeInstanceOf(SqliteStore);
        if (opened instanceof SqliteStore) await opened.close();
        break;
      }
      expect(opened).toMatchObject({ code: 'Unavailable' });
      const left = readdirSync(join(path, '..')).filter((name) => !/-(wal|shm)$/.test(name));
      expect([[], ['store.db']]).toContainEqual(left);
      const again = await SqliteStore.open(path);
      await again.writeSpecs([specWrite('a')]);
      await again.close();
    }
  });

  it('leaves a store as it was, whichever statement fails', async () => {
    const before = await everything(store);
    await store.close();
    for (let n = 1; ; n += 1) {
      faults.failAt(n, false);
      const opened = await SqliteStore.open(path, faults.open).catch((error: unknown) => error);
      if (!faults.heal()) {
        if (opened instanceof SqliteStore) store = opened;
        break;
      }
      expect(opened).toMatchObject({ code: 'Unavailable' });
    }
    expect(await everything(store)).toEqual(before);
  });

  it('migrates in one step from any older version, and stays at the old one when a step fails', () => {
    const database = new DatabaseSync(':memory:');
    const version = () => database.prepare('PRAGMA user_version').get();
    migrate(database, 0);
    expect(version()).toEqual({ user_version: SCHEMA_VERSION });
    const steps = Array.from({ length: SCHEMA_VERSION }, () => 'never run again');
    const broken = [...steps, 'CREATE TABLE extra (x)', 'CREATE TABLE extra (y)'];
    expect(() => migrate(database, SCHEMA_VERSION, broken)).toThrow(/extra already exists/);
    expect(version()).toEqual({ user_version: SCHEMA_VERSION });
    expect(() => database.prepare('SELECT * FROM extra')).toThrow(/no such table/);
    const sound = [...steps, 'CREATE TABLE extra (x)', 'ALTER TABLE extra ADD COLUMN y'];
    migrate(database, SCHEMA_VERSION, sound);
    expect(version()).toEqual({ user_version: SCHEMA_VERSION + 2 });
    migrate(database, SCHEMA_VERSION + 2, sound);
    database.close();
  });
});

describe('a full disk', () => {
  it('refuses a write that does not fit, says so, and takes it once there is room', async () => {
    const before = await everything(store);
    const pages = (limit: number) => faults.database?.exec(`PRAGMA max_page_count = ${limit}`);
    const annotations = { note: 'x'.repeat(1_000) };
    const many = Array.from({ length: 128 }, (_, i) => specWrite(`host-${i}`, { annotations }));
    pages(1);
    await expect(store.writeSpecs(many, { events })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/store\.db: the disk is full/),
    });
    expect(await everything(store)).toEqual(before);
    await expect(writes.writeStatuses?.(store)).resolves.toBeDefined();
    pages(1_000_000);
    expect((await store.writeSpecs(many)).records).toHaveLength(128);
  });

  it('I1: that takes part of a write leaves every accepted write, and nothing of the refused one', async () => {
    await store.close();
    // Steps of 1,024 bytes through two frames of the log, each a page of 4,096 bytes and its header.
    for (let blocks = 400; blocks < 418; blocks += 2) {
      const full = join(folder, `full-${blocks}.db`);
      const { accepted, holds } = await writeUntilFull(full, blocks);
      expect(accepted).toBeGreaterThan(0);
      expect(holds).toEqual([accepted, accepted, accepted]);
      const reopened = await SqliteStore.open(full);
      expect((await reopened.list()).revision).toBe(accepted);
      expect((await reopened.list()).records).toHaveLength(accepted);
      await reopened.writeSpecs([specWrite('later')]);
      await reopened.close();
    }
  });
});

/** A child whose files can't grow beyond `blocks` of 512 bytes: what it accepted, and what its store held after the refusal. */
async function writeUntilFull(database: string, blocks: number) {
  const script = join(import.meta.dirname, 'sqlite-child.ts');
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', script, 'write', database];
  const child = spawn('sh', ['-c', `ulimit -f ${blocks}; exec "$@"`, 'sh', ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let accepted = 0;
  let failed = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, ...numbers] = line.split(' ');
    if (word === 'accepted') accepted = Number(numbers[0]);
    if (word === 'failed') failed = line;
    if (word === 'holds') {
      child.kill('SIGKILL');
      await exited;
      expect(failed).toContain('disk I/O error');
      return { accepted, holds: numbers.map(Number) };
    }
  }
  throw new Error('the child ended early');
}
