// Rows that were parsed before are not parsed again, and nothing but their bytes says that they are the same.
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { SqliteStore } from '../../../desired-state/store/sqlite/sqlite-store.ts';
import { changeOf, specWrite, statusAt, UNLOCKED } from '../../conformance/store-fixtures.ts';
import { tempFolder } from '../../controller/fixtures/temp-folder.ts';
import { Faults } from './faulty-database.ts';

let faults: Faults;
let store: SqliteStore;

beforeEach(async () => {
  faults = new Faults();
  store = await SqliteStore.open(join(tempFolder(), 'store.db'), faults.open);
  onTestFinished(() => store.close());
  await store.writeSpecs([specWrite('a'), specWrite('b')]);
  await store.writeStatuses([{ name: 'a', status: statusAt(1) }]);
});

async function listed(name: string) {
  return (await store.list()).records.find((record) => record.name === name);
}

describe('a host that nobody wrote', () => {
  it('is the same to every reader, and none of them can change it', async () => {
    const first = await store.get('a');
    expect(await store.get('a')).toBe(first);
    expect(await listed('a')).toBe(first);
    const watched = store.watch(0, new AbortController().signal)[Symbol.asyncIterator]();
    const news = [await watched.next(), await watched.next()].map(({ value }) => value);
    await watched.return?.();
    expect(news).toContain(first);
    expect(() => first?.status?.conditions.pop()).toThrow(TypeError);
    expect(() => Object.assign(first?.spec ?? {}, { locked: false })).toThrow(TypeError);
  });

  it('stays so when another is written', async () => {
    const before = await listed('a');
    await store.writeStatuses([{ name: 'b', status: statusAt(1) }]);
    expect(await listed('a')).toBe(before);
    expect((await listed('b'))?.status).toEqual(statusAt(1));
  });
});

it('a host that was written is read anew', async () => {
  const before = await listed('a');
  if (before === undefined) throw new Error('expected host a in the list');
  await store.writeSpecs([changeOf(before, { spec: UNLOCKED })]);
  expect(await listed('a')).toMatchObject({ generation: 2, spec: UNLOCKED });
  expect(await store.get('a')).toMatchObject({ generation: 2, spec: UNLOCKED });
});

it.each([
  ['status', `status = '{}'`, /status\.observedGeneration/],
  ['spec', `spec = '{"locked":1,"servicesEnabled":true}'`, /spec\.locked: expected boolean/],
  ['labels', `labels = '[]'`, /labels/],
  ['annotations', `annotations = '{"a":1}'`, /annotations/],
  ['generation', 'generation = -1', /generation/],
  ['deleted', 'deleted = 2', /deleted/],
  ['reportedGeneration', 'reportedGeneration = -1', /reportedGeneration/],
  ['specRevision', 'specRevision = 0', /specRevision/],
])('I10: a row damaged after it was read is found at the next read: %s', async (_what, assignment, found) => {
  await store.list();
  // Neither the revision nor anything else that the store counts tells of it.
  faults.database?.exec(`UPDATE hosts SET ${assignment} WHERE name = 'a'`);
  await expect(store.list()).rejects.toThrow(found);
  await expect(store.get('a')).rejects.toMatchObject({
    code: 'Failed',
    message: expect.stringMatching(found),
  });
  expect(await store.get('b')).toMatchObject({ name: 'b' });
});

it('a row that was mended is read again', async () => {
  const before = await listed('a');
  faults.database?.exec(`UPDATE hosts SET generation = -1 WHERE name = 'a'`);
  await expect(store.list()).rejects.toThrow();
  faults.database?.exec(`UPDATE hosts SET generation = 1 WHERE name = 'a'`);
  expect(await listed('a')).toEqual(before);
});
