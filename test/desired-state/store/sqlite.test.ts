// Opening the embedded store: durable and alone each time, and never at the cost of what a file holds.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockstepError } from '../../../desired-state/errors.ts';
import { MAX_GENERATION } from '../../../desired-state/generation.ts';
import { SCHEMA_VERSION } from '../../../desired-state/store/sqlite/sqlite-migrations.ts';
import { SqliteStore } from '../../../desired-state/store/sqlite/sqlite-store.ts';
import { changeOf, eventOf, specWrite, statusAt, UNLOCKED } from '../../conformance/store-fixtures.ts';
import { Faults } from './faulty-database.ts';

let folder = '';
let path = '';
const stores: SqliteStore[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-sqlite-'));
  path = join(folder, 'store.db');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const store of stores.splice(0)) await store.close();
  await rm(folder, { recursive: true });
});

async function open(faults = new Faults()): Promise<SqliteStore> {
  const store = await SqliteStore.open(path, faults.open);
  stores.push(store);
  return store;
}

/** The LockstepError that `promise` rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<LockstepError> {
  const reason = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (reason instanceof LockstepError) return reason;
  throw new Error('expected a LockstepError', { cause: reason });
}

/** What stands in the folder, byte for byte, but for the lock table that even a reader of a WAL database makes. */
function filesIn(where: string): Record<string, string> {
  const names = readdirSync(where).filter((name) => !name.endsWith('-shm'));
  const files = names.map((name) => [name, readFileSync(join(where, name)).toString('base64')] as const);
  // A reader of a WAL database also makes an empty log when there is none.
  return Object.fromEntries(files.filter(([name, content]) => !(name.endsWith('-wal') && content === '')));
}

/** A closed store with enough hosts and events for a few dozen pages. */
async function fillAndClose(): Promise<void> {
  const store = await open();
  const names = Array.from({ length: 100 }, (_, i) => `host-${i}`);
  const annotations = { note: 'x'.repeat(800) };
  await store.writeSpecs(
    names.map((name) => specWrite(name, { annotations })),
    { events: names.map((name) => eventOf(name, 'created')) },
  );
  await store.close();
}

/** The files of a store as a crash leaves them: changes that stand in the log only. */
async function crashAfterWriting(): Promise<void> {
  const crashed = join(folder, 'crashed');
  mkdirSync(crashed);
  path = join(crashed, 'store.db');
  const store = await open();
  await store.writeSpecs([specWrite('a')]);
  const copy = join(folder, 'copy');
  cpSync(crashed, copy, { recursive: true });
  path = join(copy, 'store.db');
  await store.close();
}

function startChild(mode: 'hold' | 'write', fileSizeLimit = 'unlimited') {
  const script = join(import.meta.dirname, 'sqlite-child.ts');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script, mode, path];
  const child = spawn('sh', ['-c', `ulimit -f ${fileSizeLimit}; exec "$@"`, 'sh', ...node], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('durability', () => {
  it('has WAL, synchronous=FULL and the exclusive lock after every open', async () => {
    for (let i = 0; i < 3; i += 1) {
      const faults = new Faults();
      const store = await open(faults);
      const read = (name: string) => Object.values(faults.database?.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      expect(read('journal_mode')).toBe('wal');
      expect(read('synchronous')).toBe(2);
      expect(read('locking_mode')).toBe('exclusive');
      expect(read('user_version')).toBe(SCHEMA_VERSION);
      await store.writeSpecs([specWrite(`host-${i}`)]);
      await store.close();
    }
  });

  it('turns synchronous to FULL where a reopened database has less', async () => {
    await fillAndClose();
    const faults = new Faults();
    stores.push(
      await SqliteStore.open(path, (file, options) => {
        const database = faults.open(file, options);
        database.exec('PRAGMA synchronous = NORMAL');
        return database;
      }),
    );
    expect(faults.database?.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  });

  it('I1: has every accepted write after a kill -9 of its process, and leaves no lock', async () => {
    const { child, lines } = startChild('write');
    let accepted = 0;
    while (accepted < 50) {
      const { value = '' } = await lines.next();
      accepted = Number(/^accepted (\d+)$/.exec(value)?.[1] ?? accepted);
    }
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    for await (const line of lines) accepted = Number(/^accepted (\d+)$/.exec(line)?.[1] ?? accepted);
    await exited;

    const store = await open();
    const { revision, records } = await store.list();
    // The last write may have been accepted without having been printed.
    expect([accepted, accepted + 1]).toContain(revision);
    expect(records).toHaveLength(revision);
    expect(await store.listEvents({ limit: 100_000 })).toHaveLength(revision);
    await store.writeSpecs([specWrite('later')]);
  });
});

describe('one controller at a time', () => {
  it('refuses a second opener in another process by the name of the first, and leaves the first unharmed', async () => {
    const { child, lines } = startChild('hold');
    expect(await lines.next()).toMatchObject({ value: 'open' });
    const error = await errorOf(open());
    expect(error.message).toMatch(new RegExp(`in use by process ${child.pid} \\(.*sqlite-child\\.ts hold`));
    expect(error.message).toMatch(/store\.db: .*only one controller can use a data folder: end that one, or/);
    expect(error.code).toBe('Unavailable');
    await killHard(child);
    await expect((await open()).list()).resolves.toBeDefined();
  });

  it('is refused itself while another holds the store, which goes on writing', async () => {
    const first = await open();
    await first.writeSpecs([specWrite('a')]);
    await expect(SqliteStore.open(path)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(`in use by this same process (${process.pid})`),
    });
    await first.writeSpecs([specWrite('b')]);
    expect((await first.list()).records).toHaveLength(2);
    // The refused opener has not taken the first one's lock with it.
    const script = join(import.meta.dirname, 'sqlite-child.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, 'hold', path], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain(`in use by process ${process.pid}`);
  });

  it('is free again after a close', async () => {
    await (await open()).close();
    await expect((await open()).writeSpecs([specWrite('a')])).resolves.toBeDefined();
  });
});

describe('I10: a file that is no sound store', () => {
  /** Opening is refused with a message about the file that says what to do, and every byte stays. */
  async function expectRefused(found: RegExp): Promise<void> {
    const where = join(path, '..');
    const before = filesIn(where);
    const error = await errorOf(open());
    expect(error.message).toMatch(found);
    expect(error.message).toContain(`${path}: expected`);
    expect(error.message).toMatch(/Nothing was changed.*backup in its place/);
    expect(error.code).toBe('Failed');
    expect(filesIn(where)).toEqual(before);
  }

  it('is refused when it is no database', async () => {
    writeFileSync(path, 'this is a shopping list\n'.repeat(500));
    await expectRefused(/file is not a database/);
  });

  it('is refused when it is empty, as a cut-off file is', async () => {
    await fillAndClose();
    truncateSync(path);
    await expectRefused(/an empty file/);
  });

  it('is refused when it was cut off, wherever', async () => {
    await fillAndClose();
    const content = readFileSync(path);
    for (let size = 1; size < content.length; size += 3_001) {
      writeFileSync(path, content.subarray(0, size));
      await expectRefused(/found: /);
    }
    for (let size = 4_096; size < content.length; size += 4_096) {
      writeFileSync(path, content.subarray(0, size));
      await expectRefused(/found: /);
    }
    writeFileSync(path, content);
    expect((await (await open()).list()).records).toHaveLength(100);
  });

  it('is refused when a page of it was overwritten', async () => {
    await fillAndClose();
    const content = readFileSync(path);
    for (let page = 0; page < content.length / 4_096; page += 1) {
      writeFileSync(path, Buffer.from(content).fill(0xa5, page * 4_096, (page + 1) * 4_096));
      await expectRefused(/found: /);
    }
  });

  it('is refused with the log beside it kept when it was damaged after a crash', async () => {
    await crashAfterWriting();
    writeFileSync(path, Buffer.alloc(8_192, 0xa5));
    expect(Object.keys(filesIn(join(path, '..')))).toEqual(['store.db', 'store.db-wal']);
    await expectRefused(/found: /);
  });

  it('is refused when the database is gone and its log is not', async () => {
    await crashAfterWriting();
    await rm(path);
    await expectRefused(/no such file, but its write-ahead log/);
  });

  it('is refused when it is the SQLite database of another program', async () => {
    const database = new DatabaseSync(path);
    database.exec('CREATE TABLE bookmarks (url TEXT)');
    database.close();
    await expectRefused(/another program's SQLite database/);
  });

  it('is refused when a table was taken out of it, and is free again', async () => {
    await fillAndClose();
    const tamper = () => {
      const database = new DatabaseSync(path);
      database.exec('ALTER TABLE fences RENAME TO gone');
      return database;
    };
    tamper().close();
    await expectRefused(/no such table: fences/);
    new DatabaseSync(path).close();
  });

  it('is refused when it is a folder or a fifo', async () => {
    mkdirSync(path);
    await expect(open()).rejects.toMatchObject({
      code: 'Failed',
      message: expect.stringContaining('a folder'),
    });
    path = join(folder, 'fifo');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    await expect(open()).rejects.toMatchObject({
      code: 'Failed',
      message: expect.stringContaining('neither a file nor a folder'),
    });
  });

  it('is refused when a newer version wrote it, its log included', async () => {
    await crashAfterWriting();
    const faults = new Faults();
    const store = await open(faults);
    faults.database?.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    const newer = join(folder, 'newer');
    cpSync(join(path, '..'), newer, { recursive: true });
    await store.close();
    path = join(newer, 'store.db');
    await expectRefused(
      new RegExp(`version ${SCHEMA_VERSION} or older, found version ${SCHEMA_VERSION + 1}`),
    );
    await expectRefused(/newer Lockstep/);
  });

  it('is refused when its folder is missing', async () => {
    path = join(folder, 'missing', 'store.db');
    await expect(open()).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/missing.store\.db: .*no such file or directory/),
    });
  });

  it('keeps what stands in the log only when it is opened after a crash', async () => {
    await crashAfterWriting();
    expect((await (await open()).list()).records).toHaveLength(1);
  });

  it('leaves nothing beside the file but its log', async () => {
    await fillAndClose();
    expect(Object.keys(filesIn(folder))).toEqual(['store.db']);
  });
});

describe('I10: a store of before generations had a bound', () => {
  it('opens, and its hosts can be changed, though one had reported a huge generation and another had got one', async () => {
    const faults = new Faults();
    const before = await open(faults);
    const { records } = await before.writeSpecs([specWrite('told'), specWrite('got'), specWrite('sound')]);
    await before.writeStatuses(['told', 'got', 'sound'].map((name) => ({ name, status: statusAt(1) })));
    await before.appendEvents([eventOf('told', 'x'), eventOf('sound', 'x')]);
    const huge = Number.MAX_SAFE_INTEGER;
    faults.database?.exec(`
      UPDATE hosts SET reportedGeneration = ${huge}, status = json_set(status, '$.observedGeneration', ${huge}) WHERE name = 'told';
      UPDATE hosts SET generation = ${huge} WHERE name = 'got';
      UPDATE events SET body = json_set(body, '$.generation', ${huge}) WHERE host = 'told';
      PRAGMA user_version = 1;
    `);
    await before.close();
    const store = await open();
    expect(await store.get('told')).toMatchObject({
      generation: 1,
      reportedGeneration: 0,
      status: undefined,
    });
    expect(await store.get('sound')).toMatchObject({ generation: 1, status: statusAt(1) });
    expect(await store.listEvents({ limit: 10 })).toHaveLength(1);
    const changed = await store.writeSpecs(records.map((record) => changeOf(record, { spec: UNLOCKED })));
    expect(changed.records.map(({ name, generation }) => [name, generation]).toSorted()).toEqual([
      ['got', MAX_GENERATION / 2 + 1],
      ['sound', 2],
      ['told', 2],
    ]);
  });
});

describe('I10: an unreadable row', () => {
  const damages: readonly (readonly [string, string, RegExp])[] = [
    ['a spec that is no JSON', `spec = '{"locked":tr'`, /spec: expected JSON/],
    [
      'a spec of another shape',
      `spec = '{"locked":"yes","servicesEnabled":false}'`,
      /spec\.locked: expected boolean/,
    ],
    ['a status of another shape', `status = '{}'`, /status\.observedGeneration/],
    ['a generation above the bound', 'generation = 9007199254740991', /generation: .*found 9007199254740991/],
    ['a generation below 0', 'generation = -1', /generation: .*found -1/],
  ];

  it.each(damages)('names its host and leaves the others usable: %s', async (_, assignment, found) => {
    const faults = new Faults();
    const store = await open(faults);
    const { revision } = await store.writeSpecs([specWrite('good')]);
    const { records } = await store.writeSpecs([specWrite('bad')]);
    await store.writeStatuses([{ name: 'bad', status: statusAt(1) }]);
    faults.database?.exec(`UPDATE hosts SET ${assignment} WHERE name = 'bad'`);

    const error = { code: 'Failed', message: expect.stringMatching(/bad/) };
    await expect(store.get('bad')).rejects.toMatchObject(error);
    await expect(store.get('bad')).rejects.toThrow(found);
    await expect(store.list()).rejects.toMatchObject(error);
    const watched = store.watch(revision, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(watched.next()).rejects.toMatchObject(error);
    const [bad] = records;
    if (bad === undefined) throw new Error('no record came back');
    await expect(store.writeSpecs([changeOf(bad, { spec: UNLOCKED })])).rejects.toMatchObject(error);

    expect(await store.get('good')).toBeDefined();
    await store.writeStatuses([{ name: 'good', status: statusAt(1) }]);
  });

  it('names the host of an unreadable event', async () => {
    const faults = new Faults();
    const store = await open(faults);
    await store.appendEvents([eventOf('good', 'x'), eventOf('bad', 'x')]);
    faults.database?.exec(`UPDATE events SET body = '{}' WHERE host = 'bad'`);
    await expect(store.listEvents({ limit: 10 })).rejects.toMatchObject({
      code: 'Failed',
      message: expect.stringContaining('host bad'),
    });
    expect(await store.listEvents({ host: 'good', limit: 10 })).toHaveLength(1);
  });
});
