import { beforeEach, describe, expect, it } from 'vitest';
import { Agents } from '../../../controller/agents.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { ManifestSync } from '../../../controller/manifests/manifest-sync.ts';
import { NoManifests } from '../../../controller/manifests/no-manifests.ts';
import { MAX_GENERATION } from '../../../desired-state/generation.ts';
import { ANNOTATIONS } from '../../../desired-state/host.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { FakeClock, middle } from '../../support/fake-clock.ts';
import { FlakyStore } from '../fixtures/flaky-store.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';
import { FakeManifestFolder, manifestText } from './fixtures/fake-manifest-folder.ts';

const ALICE = { actor: 'alice', network: 'local' };
const UNLOCK = { locked: false, servicesEnabled: true };
const SILENT = { passAsked: () => {}, passBegan: () => {}, passEnded: () => {} };

let memory: MemoryStore;
let store: FlakyStore;
let clock: FakeClock;
let log: RecordingLog;
let hosts: Hosts;
let agents: Agents;
let folder: FakeManifestFolder;
let sync: ManifestSync;

beforeEach(() => {
  memory = new MemoryStore();
  clock = new FakeClock();
  log = new RecordingLog();
  folder = new FakeManifestFolder();
  control();
});

/** A controller on what is stored now, as after a restart. */
function control(): void {
  memory = MemoryStore.restore(memory.snapshot());
  store = new FlakyStore(memory);
  hosts = new Hosts({ store, clock, log });
  agents = new Agents({ store, clock, log });
  sync = new ManifestSync({ ...parts(), folder: '/m', files: folder, watch: folder, turn: async () => {} });
}

function parts() {
  return { hosts, store, clock, random: middle, log, monitor: SILENT };
}

async function start(): Promise<void> {
  sync.start();
  await clock.advance(500);
}

async function restart(): Promise<void> {
  await sync.stop();
  control();
  await start();
}

/** Through a hint and the quiet that follows it. */
async function hinted(): Promise<void> {
  folder.hint();
  await clock.advance(500);
}

async function annotations(host: string) {
  return (await store.get(host))?.annotations;
}

const owner = async (host: string) => (await annotations(host))?.[ANNOTATIONS.manifest];
const isLocked = async (host: string) => (await store.get(host))?.spec.locked;
const states = () =>
  sync.list().items.map(({ file, state, hosts: names }) => `${file} ${state} ${names.join()}`);

async function told(): Promise<readonly string[]> {
  const events = await store.listEvents({ limit: 1_000 });
  return events
    .filter(({ reason }) => reason.startsWith('Manifest'))
    .map(({ host, reason }) => `${host} ${reason}`);
}

describe('the manifests folder', () => {
  it('makes hosts as their files say, and says who did it', async () => {
    folder.write('lab.yaml', manifestText('h1', '!h2'));
    await start();
    expect([await isLocked('h1'), await isLocked('h2')]).toEqual([true, false]);
    expect(await annotations('h1')).toMatchObject({
      [ANNOTATIONS.manifest]: 'lab.yaml',
      [ANNOTATIONS.changedBy]: 'manifest lab.yaml',
    });
    expect(sync.list()).toMatchObject({ kind: 'ManifestFileList', folder: '/m', message: '' });
    expect(states()).toEqual(['lab.yaml Applied h1,h2']);
  });

  it('follows a hint within a moment, and sees at the resync what no hint told', async () => {
    folder.write('lab.yaml', manifestText('h1'));
    await start();
    folder.write('lab.yaml', manifestText('!h1'));
    await hinted();
    expect(await isLocked('h1')).toBe(false);
    folder.write('lab.yaml', manifestText('h1'));
    await clock.advance(5_200);
    expect(await isLocked('h1')).toBe(true);
  });

  it('puts right what differs in the store, whatever made it differ', async () => {
    folder.write('lab.yaml', manifestText('h1'));
    await start();
    const record = await store.get('h1');
    if (record === undefined) throw new Error('expected h1');
    const { name, labels, specRevision } = record;
    await store.writeSpecs([
      { name, labels, annotations: {}, deleted: false, expectedSpecRevision: specRevision, spec: UNLOCK },
    ]);
    await clock.advance(5_000);
    expect([await isLocked('h1'), await owner('h1')]).toEqual([true, 'lab.yaml']);
  });

  it('I7 writes, reads and tells nothing while nothing changes', async () => {
    folder.write('lab.yaml', manifestText('h1'));
    folder.write('bad.yaml', 'nonsense');
    await start();
    const { revision } = memory.snapshot();
    const lines = log.lines.filter(({ level }) => level !== 'debug').length;
    const before = { reads: folder.reads.length, told: await told() };
    await clock.advance(60_000);
    expect(memory.snapshot().revision).toBe(revision);
    expect({ reads: folder.reads.length, told: await told() }).toEqual(before);
    expect(log.lines.filter(({ level }) => level !== 'debug')).toHaveLength(lines);
  });

  it('takes nothing while somebody writes, and looks at a busy folder all the same', async () => {
    await start();
    for (let turn = 0; turn < 15; turn += 1) {
      folder.write('lab.yaml', manifestText(turn % 2 === 0 ? 'h1' : '!h1'));
      folder.hint();
      await clock.advance(90);
    }
    expect(await store.get('h1')).toBeUndefined();
    expect(states()).toEqual(['lab.yaml Pending ']);
    for (let turn = 0; turn < 15; turn += 1) {
      folder.write('lab.yaml', manifestText(turn % 2 === 0 ? 'h1' : '!h1'));
      folder.hint();
      await clock.advance(90);
    }
    expect(await store.get('h1')).toBeDefined();
  });

  it('leaves a host as it is when its file is removed, and then people may change it', async () => {
    folder.write('lab.yaml', manifestText('!h1'));
    await start();
    folder.remove('lab.yaml');
    await hinted();
    await expect(hosts.change({ names: ['h1'] }, { locked: true }, ALICE)).rejects.toThrow(/lab\.yaml/);
    await clock.advance(6_000);
    expect([await isLocked('h1'), await owner('h1')]).toEqual([false, undefined]);
    await hosts.change({ names: ['h1'] }, { locked: true }, ALICE);
    await clock.advance(10_000);
    expect(await isLocked('h1')).toBe(true);
    expect(log.of('host declared by no manifest any more')).toHaveLength(1);
  });

  it('keeps hold of the hosts of a file that comes back', async () => {
    folder.write('lab.yaml', manifestText('h1'));
    await start();
    const { revision } = memory.snapshot();
    folder.remove('lab.yaml');
    await hinted();
    folder.write('lab.yaml', manifestText('h1'));
    await clock.advance(20_000);
    expect(memory.snapshot().revision).toBe(revision);
  });
});

describe('I10 a broken file', () => {
  beforeEach(async () => {
    folder.write('lab.yaml', manifestText('!h1', 'h2'));
    await start();
    folder.write('lab.yaml', 'metadata: [');
    await hinted();
  });

  it('keeps the last good state, and whom it belongs to', async () => {
    expect([await isLocked('h1'), await owner('h1')]).toEqual([false, 'lab.yaml']);
    expect(states()).toEqual(['lab.yaml Refused h1,h2']);
    expect(sync.list().items[0]?.message).toMatch(/^lab\.yaml, line 1: expected YAML, found/);
    await expect(hosts.change({ names: ['h1'] }, { locked: true }, ALICE)).rejects.toThrow(/lab\.yaml/);
  });

  it('keeps them over a restart of the controller', async () => {
    await restart();
    await clock.advance(30_000);
    expect([await isLocked('h1'), await owner('h1'), await owner('h2')]).toEqual([
      false,
      'lab.yaml',
      'lab.yaml',
    ]);
    expect(states()).toEqual(['lab.yaml Refused h1,h2']);
  });

  it('is told once as broken and once as good again, by event and by log', async () => {
    await clock.advance(30_000);
    folder.write('lab.yaml', manifestText('!h1', 'h2'));
    await hinted();
    await clock.advance(30_000);
    expect(await told()).toEqual([
      'h1 ManifestRefused',
      'h2 ManifestRefused',
      'h1 ManifestAccepted',
      'h2 ManifestAccepted',
    ]);
    expect(log.of('manifest refused')).toMatchObject([
      { level: 'warn', fields: { file: 'lab.yaml', hosts: 2 } },
    ]);
    expect(log.of('manifest accepted')).toHaveLength(1);
    expect(states()).toEqual(['lab.yaml Applied h1,h2']);
  });

  it('is told as an event of no host when it never declared any', async () => {
    folder.write('other.yaml', 'nonsense');
    await hinted();
    folder.remove('other.yaml');
    await hinted();
    expect((await told()).slice(2)).toEqual(['- ManifestRefused', '- ManifestGone']);
  });

  it('is told again once the store takes events again, and logged no second time', async () => {
    store.failing.add('appendEvents');
    folder.write('lab.yaml', 'spec: {');
    await hinted();
    store.failing.clear();
    await clock.advance(5_000);
    expect(await told()).toHaveLength(4);
    expect(log.of('manifest refused')).toHaveLength(2);
  });
});

describe('two files with one host', () => {
  it('are both refused, and the host stays as it was', async () => {
    folder.write('a.yaml', manifestText('!h1', '!h2'));
    await start();
    folder.write('b.yaml', manifestText('h1', 'h3'));
    await hinted();
    expect(states()).toEqual(['a.yaml Refused h1,h2', 'b.yaml Refused h1,h3']);
    expect([await isLocked('h1'), await owner('h1'), await store.get('h3')]).toEqual([
      false,
      'a.yaml',
      undefined,
    ]);
    expect(await told()).toEqual(['h1 ManifestRefused', 'h2 ManifestRefused', '- ManifestRefused']);
    folder.write('a.yaml', manifestText('!h2'));
    await hinted();
    expect(states()).toEqual(['a.yaml Applied h2', 'b.yaml Applied h1,h3']);
    expect([await isLocked('h1'), await owner('h1')]).toEqual([true, 'b.yaml']);
  });
});

describe('I4 a folder that is away', () => {
  beforeEach(async () => {
    folder.write('lab.yaml', manifestText('h1'));
    await start();
    folder.problem = 'expected a folder, found nothing';
    await clock.advance(60_000);
  });

  it('changes and releases nothing, says so once, and heals', async () => {
    expect(await owner('h1')).toBe('lab.yaml');
    expect(sync.list()).toMatchObject({ message: 'expected a folder, found nothing' });
    expect(states()).toEqual(['lab.yaml Applied h1']);
    folder.problem = undefined;
    folder.write('lab.yaml', manifestText('!h1'));
    await clock.advance(5_500);
    expect(await isLocked('h1')).toBe(false);
    expect(sync.list().message).toBe('');
    expect(await told()).toEqual(['- ManifestsUnreadable', '- ManifestsReadable']);
    expect(log.of('manifests folder not readable')).toHaveLength(1);
  });

  it('has not been without a file for as long as it was away', async () => {
    folder.problem = undefined;
    folder.remove('lab.yaml');
    await hinted();
    await clock.advance(3_000);
    folder.problem = 'expected a folder, found nothing';
    await clock.advance(60_000);
    folder.problem = undefined;
    await hinted();
    await clock.advance(3_000);
    expect(await owner('h1')).toBe('lab.yaml');
    await clock.advance(6_000);
    expect(await owner('h1')).toBeUndefined();
  });

  it('changes and releases nothing when the controller starts without it', async () => {
    await restart();
    await agents.noteGeneration('h1', 9);
    await clock.advance(60_000);
    expect(await owner('h1')).toBe('lab.yaml');
    folder.problem = undefined;
    await clock.advance(10_000);
    expect(await store.get('h1')).toMatchObject({
      generation: 1,
      annotations: { [ANNOTATIONS.manifest]: 'lab.yaml' },
    });
  });
});

it('I4 a folder in it that can not be read keeps the hosts of its files, and is no edit when it can be read', async () => {
  folder.write('sub/lab.yaml', manifestText('h1'));
  await start();
  folder.unreadable.set('sub/', 'permission denied');
  await hinted();
  await clock.advance(30_000);
  expect(states()).toEqual(['sub/ Refused h1']);
  expect(await owner('h1')).toBe('sub/lab.yaml');
  expect(await told()).toEqual(['h1 ManifestRefused']);
  await restart();
  await agents.noteGeneration('h1', 9);
  folder.unreadable.clear();
  await hinted();
  expect(states()).toEqual(['sub/lab.yaml Applied h1']);
  expect((await store.get('h1'))?.generation).toBe(1);
});

describe('I1 a store that is behind its agent', () => {
  beforeEach(async () => {
    folder.write('lab.yaml', manifestText('h1'));
    await start();
    await agents.noteGeneration('h1', 9);
  });
  const generation = async () => (await store.get('h1'))?.generation;

  it('is not numbered anew by a resync, a restart, a touch or a folder that was away', async () => {
    await clock.advance(20_000);
    folder.touch('lab.yaml');
    await hinted();
    folder.problem = 'expected a folder, found nothing';
    await clock.advance(10_000);
    folder.problem = undefined;
    await clock.advance(10_000);
    await restart();
    await clock.advance(20_000);
    expect(await generation()).toBe(1);
  });

  it('is numbered above the agent when somebody edits the file, if only its comments', async () => {
    folder.write('lab.yaml', `${manifestText('h1')}# I mean it\n`);
    await hinted();
    expect(await generation()).toBe(10);
    await agents.noteGeneration('h1', 20);
    await clock.advance(20_000);
    expect(await generation()).toBe(10);
  });

  it('is numbered above the agent by a file that is new, and by one that was broken meanwhile', async () => {
    folder.write('lab.yaml', 'metadata: [');
    await hinted();
    folder.write('lab.yaml', manifestText('h1'));
    await hinted();
    expect(await generation()).toBe(10);
    await agents.noteGeneration('h1', 20);
    folder.remove('lab.yaml');
    folder.write('new.yaml', manifestText('h1'));
    await hinted();
    expect(await generation()).toBe(21);
  });

  it('is numbered above the agent in the end when the store fails at first', async () => {
    store.failing.add('writeSpecs');
    folder.write('lab.yaml', `${manifestText('h1')}# I mean it\n`);
    await hinted();
    expect(states()).toEqual(['lab.yaml Pending h1']);
    store.failing.clear();
    await clock.advance(5_000);
    expect(await generation()).toBe(10);
    expect(states()).toEqual(['lab.yaml Applied h1']);
  });
});

describe('a store that fails', () => {
  it.each(['all', 'list', 'writeSpecs'] as const)(
    'at %s leaves files pending, and is tried again',
    async (call) => {
      folder.write('lab.yaml', manifestText('h1'));
      store.failing.add(call);
      await start();
      expect(states().every((state) => state.startsWith('lab.yaml Pending'))).toBe(true);
      expect(await memory.get('h1')).toBeUndefined();
      store.failing.clear();
      await clock.advance(5_000);
      expect(states()).toEqual(['lab.yaml Applied h1']);
    },
  );

  it('holds back no file by a host of another one that can not be written', async () => {
    folder.write('a.yaml', manifestText('h1'));
    folder.write('b.yaml', manifestText('h2'));
    await start();
    await agents.noteGeneration('h1', MAX_GENERATION);
    folder.write('a.yaml', manifestText('!h1'));
    folder.write('b.yaml', manifestText('!h2'));
    await hinted();
    expect(states()).toEqual(['a.yaml Pending h1', 'b.yaml Applied h2']);
    expect(sync.list().items[0]?.message).toMatch(
      /^a\.yaml: not applied yet, tried again: .*below 1000000000000000/,
    );
    expect([await isLocked('h1'), await isLocked('h2')]).toEqual([true, false]);
  });
});

it('I10 a file that changes while it is read is read again, and its hosts stay meanwhile', async () => {
  folder.write('lab.yaml', manifestText('h1'));
  await start();
  folder.restless.add('lab.yaml');
  folder.write('lab.yaml', manifestText('!h1'));
  folder.write('other.yaml', manifestText('h1'));
  await hinted();
  expect(states()).toEqual(['lab.yaml Pending h1', 'other.yaml Pending h1']);
  expect([await isLocked('h1'), await owner('h1')]).toEqual([true, 'lab.yaml']);
  folder.remove('other.yaml');
  folder.restless.clear();
  await hinted();
  expect(await isLocked('h1')).toBe(false);
});

it('writes 300 hosts of many files in three transactions', async () => {
  for (let at = 0; at < 300; at += 1) folder.write(`f${at}.yaml`, manifestText(`h${at}`));
  await start();
  expect(store.calls.get('writeSpecs')).toBe(3);
  expect((await hosts.list()).items).toHaveLength(300);
});

describe('a controller without a manifests folder', () => {
  it('releases what an earlier one held, once, also when the store fails at first', async () => {
    folder.write('lab.yaml', manifestText('!h1', '!h2'));
    await start();
    await sync.stop();
    const without = new NoManifests(parts());
    store.failing.add('writeSpecs');
    without.start();
    await clock.advance(1_000);
    expect(await owner('h1')).toBe('lab.yaml');
    store.failing.clear();
    await clock.advance(10_000);
    expect([await owner('h1'), await owner('h2'), await isLocked('h1')]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    const events = await store.listEvents({ limit: 100 });
    expect(events.filter(({ reason }) => reason === 'Released').map(({ host }) => host)).toEqual([
      'h1',
      'h2',
    ]);
    expect(without.list()).toMatchObject({ folder: null, message: '', items: [] });
    await without.stop();
  });
});

it('leaves no timer behind when it stops', async () => {
  folder.write('lab.yaml', manifestText('h1'));
  await start();
  folder.hint();
  await sync.stop();
  expect(clock.timers).toBe(0);
});
