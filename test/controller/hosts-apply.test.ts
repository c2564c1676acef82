// Hosts.apply and Hosts.release on a store: batches, all or nothing, others writing meanwhile.
import { beforeEach, describe, expect, it } from 'vitest';
import { Agents } from '../../controller/agents.ts';
import { Hosts } from '../../controller/hosts.ts';
import type { Application } from '../../controller/manifest-change.ts';
import { ANNOTATIONS, type Spec } from '../../desired-state/host.ts';
import { MemoryStore } from '../../desired-state/store/memory.ts';
import type { Store } from '../../desired-state/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { helloOf } from './fixtures/agent-end.ts';
import { FlakyStore } from './fixtures/flaky-store.ts';
import { RecordingLog } from './fixtures/recording-log.ts';

const ALICE = { actor: 'alice', network: 'local' };
const LOCKED: Spec = { locked: true, servicesEnabled: false };
const UNLOCKED: Spec = { locked: false, servicesEnabled: true };
const FILE = 'lab.yaml';

let store: FlakyStore;
let log: RecordingLog;
let hosts: Hosts;

beforeEach(() => {
  store = new FlakyStore(new MemoryStore());
  log = new RecordingLog();
  hosts = hostsOn(store);
});

function hostsOn(anyStore: Store): Hosts {
  return new Hosts({ store: anyStore, clock: new FakeClock(), log });
}

function application(
  name: string,
  { spec = LOCKED, generation, file }: { spec?: Spec; generation?: number; file?: string } = {},
): Application {
  const metadata = generation === undefined ? { name } : { name, generation };
  return { manifest: { apiVersion: 'lockstep/v1', kind: 'Host', metadata, spec }, file, isExplicit: true };
}

/** h-000, h-001, ... */
function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `h-${String(index).padStart(3, '0')}`);
}

async function stored(): Promise<readonly string[]> {
  return (await store.list()).records.map(({ name }) => name);
}

describe('apply', () => {
  it('says in order what became of each host', async () => {
    await hosts.declare({ name: 'b', spec: UNLOCKED }, ALICE);
    await hosts.declare({ name: 'c', spec: LOCKED }, ALICE);
    const [d, ...others] = [application('d'), application('b'), application('c'), application('a')];
    const relabelled = { ...d, manifest: { ...d.manifest, metadata: { name: 'c', labels: { rack: '3' } } } };
    expect(await hosts.apply([d, ...others], ALICE)).toEqual([
      { name: 'd', outcome: 'declared', generation: 1, spec: LOCKED },
      { name: 'b', outcome: 'changed', generation: 2, spec: LOCKED },
      { name: 'c', outcome: 'unchanged', generation: 1, spec: LOCKED },
      { name: 'a', outcome: 'declared', generation: 1, spec: LOCKED },
    ]);
    expect(await hosts.apply([relabelled], ALICE)).toMatchObject([{ outcome: 'relabelled', generation: 1 }]);
    expect((await hosts.get('c')).metadata.labels).toEqual({ rack: '3' });
  });

  it('declares a host that was deleted, above every generation it had', async () => {
    await hosts.declare({ name: 'a', spec: LOCKED, labels: { site: 'lab' } }, ALICE);
    await hosts.remove('a', { force: false }, ALICE);
    expect(await hosts.apply([application('a')], ALICE)).toEqual([
      { name: 'a', outcome: 'declared', generation: 2, spec: LOCKED },
    ]);
    expect((await hosts.get('a')).metadata.labels).toEqual({});
  });

  it('writes nothing, and logs nothing, when every host is so', async () => {
    const all = names(3).map((name) => application(name));
    await hosts.apply(all, ALICE);
    const [writes, lines] = [store.calls.get('writeSpecs'), log.lines.length];
    expect((await hosts.apply(all, ALICE)).map(({ outcome }) => outcome)).toEqual(Array(3).fill('unchanged'));
    expect([store.calls.get('writeSpecs'), log.lines.length]).toEqual([writes, lines]);
  });

  it('does more hosts than one write takes in batches of 128', async () => {
    const changes = await hosts.apply(
      names(300).map((name) => application(name)),
      ALICE,
    );
    expect(changes.map(({ name }) => name)).toEqual(names(300));
    expect(changes.every(({ outcome }) => outcome === 'declared')).toBe(true);
    expect(store.calls.get('writeSpecs')).toBe(3);
    expect(await stored()).toEqual(names(300));
    expect(log.of('host declared')).toHaveLength(300);
  });

  it('changes no host of a batch of which one is refused', async () => {
    const stale = [application('a'), application('b', { generation: 3 }), application('c')];
    await expect(hosts.apply(stale, ALICE)).rejects.toMatchObject({ code: 'Conflict' });
    expect(await stored()).toEqual([]);
    await hosts.apply([application('b', { file: FILE })], ALICE);
    const byHand = [application('a'), application('b', { spec: UNLOCKED })];
    await expect(hosts.apply(byHand, ALICE)).rejects.toMatchObject({ code: 'Refused' });
    expect(await stored()).toEqual(['b']);
  });

  it('keeps the batches before the one that is refused, and says how many', async () => {
    const all = names(200).map((name, index) => application(name, index === 150 ? { generation: 9 } : {}));
    await expect(hosts.apply(all, ALICE)).rejects.toThrow(
      /^128 of 200 hosts were done before this: host h-150: metadata.generation/,
    );
    expect(await stored()).toEqual(names(128));
  });

  it('keeps nothing of a batch that the store does not take', async () => {
    store.failing.add('writeSpecs');
    await expect(hosts.apply([application('a'), application('b')], ALICE)).rejects.toMatchObject({
      code: 'Unavailable',
    });
    store.failing.clear();
    expect(await stored()).toEqual([]);
  });

  it('gets through to an agent that is ahead of the store', async () => {
    const agents = new Agents({ store, clock: new FakeClock(), log });
    await agents.welcome(helloOf('a', { generation: 3, spec: LOCKED }), 'local');
    await agents.noteGeneration('a', 9);
    const [change] = await hosts.apply([application('a')], ALICE);
    expect(change).toMatchObject({ outcome: 'changed', generation: 10, spec: LOCKED });
  });

  it('logs a lock once, with who brought it over which network', async () => {
    await hosts.declare({ name: 'a', spec: UNLOCKED }, ALICE);
    await hosts.apply([application('a')], { ...ALICE, reason: 'fire' });
    expect(log.of('host locked')).toEqual([
      expect.objectContaining({
        level: 'info',
        fields: expect.objectContaining({ host: 'a', network: 'local', actor: 'alice', reason: 'fire' }),
      }),
    ]);
  });
});

describe('while somebody else changes the same host', () => {
  /** Hosts of which `meanwhile` runs between reading and writing, the first `times` times. */
  function interrupted(times: number, meanwhile: (other: Hosts) => Promise<unknown>): Hosts {
    const other = hostsOn(store);
    let left = times;
    const racing: Store = Object.assign(Object.create(store), {
      writeSpecs: async (...write: Parameters<Store['writeSpecs']>) => {
        left -= 1;
        if (left >= 0) await meanwhile(other);
        return store.writeSpecs(...write);
      },
    });
    return hostsOn(racing);
  }

  it('plans anew from what is there then', async () => {
    await hosts.declare({ name: 'a', spec: UNLOCKED, labels: { site: 'lab' } }, ALICE);
    const racing = interrupted(1, (other) => other.declare({ name: 'a', labels: { rack: '3' } }, ALICE));
    expect(await racing.apply([application('a')], ALICE)).toMatchObject([
      { outcome: 'changed', generation: 2 },
    ]);
    expect(await hosts.get('a')).toMatchObject({
      spec: LOCKED,
      metadata: { labels: { site: 'lab', rack: '3' } },
    });
  });

  it('holds to the precondition: the change of the other stays', async () => {
    await hosts.declare({ name: 'a', spec: UNLOCKED }, ALICE);
    const keepServices = { locked: true };
    const racing = interrupted(1, (other) => other.change({ names: ['a'] }, keepServices, ALICE));
    const applied = racing.apply([application('a', { generation: 1 })], ALICE);
    await expect(applied).rejects.toMatchObject({ code: 'Conflict' });
    expect((await hosts.get('a')).spec).toEqual({ locked: true, servicesEnabled: true });
  });

  it('gives up when it never ends', async () => {
    await hosts.declare({ name: 'a', spec: UNLOCKED }, ALICE);
    let rack = 0;
    const racing = interrupted(100, (other) => {
      rack += 1;
      return other.declare({ name: 'a', labels: { rack: String(rack) } }, ALICE);
    });
    await expect(racing.apply([application('a')], ALICE)).rejects.toThrow(/host a: others changed it/);
    expect((await hosts.get('a')).spec).toEqual(UNLOCKED);
  });
});

describe('a host that a file declares', () => {
  it('is refused to people until it is released, and is left as it is then', async () => {
    await hosts.apply([application('a', { file: FILE })], { actor: 'controller', network: 'local' });
    const lock = () => hosts.change({ names: ['a'] }, { locked: false, servicesEnabled: true }, ALICE);
    await expect(lock()).rejects.toThrow(/host a: lab.yaml in the manifests folder declares it/);
    await expect(hosts.declare({ name: 'a', spec: UNLOCKED }, ALICE)).rejects.toMatchObject({
      code: 'Refused',
      message: expect.stringMatching(/host a: lab.yaml in the manifests folder declares it/),
    });
    expect(await hosts.declare({ name: 'a', spec: LOCKED }, ALICE)).toMatchObject({ outcome: 'unchanged' });
    await hosts.release(['a', 'nobody'], ALICE);
    expect(await hosts.get('a')).toMatchObject({ spec: LOCKED, metadata: { generation: 1 } });
    expect((await hosts.get('a')).metadata.annotations).not.toHaveProperty([ANNOTATIONS.manifest]);
    expect(await lock()).toMatchObject([{ outcome: 'changed', generation: 2 }]);
    expect((await hosts.events({ host: 'a', limit: 10 })).map(({ reason }) => reason)).toEqual([
      'Declared',
      'Released',
      'Unlocked',
    ]);
  });

  it('is released with more than one write takes', async () => {
    await hosts.apply(
      names(130).map((name) => application(name, { file: FILE })),
      ALICE,
    );
    await hosts.release(names(130), ALICE);
    const { records } = await store.list();
    expect(records.filter(({ annotations }) => ANNOTATIONS.manifest in annotations)).toEqual([]);
  });
});
