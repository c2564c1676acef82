import { beforeEach, describe, expect, it } from 'vitest';
import { Agents } from '../../controller/agents.ts';
import { claimOnline } from '../../controller/host-status.ts';
import { Hosts } from '../../controller/hosts.ts';
import type { Wish } from '../../controller/spec-change.ts';
import { LockstepError } from '../../desired-state/errors.ts';
import { ANNOTATIONS, type Spec } from '../../desired-state/host.ts';
import { MemoryStore } from '../../desired-state/store/memory.ts';
import type { HostRecord, Store } from '../../desired-state/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { helloOf } from './fixtures/agent-end.ts';
import { FlakyStore } from './fixtures/flaky-store.ts';
import { RecordingLog } from './fixtures/recording-log.ts';

const ALICE = { actor: 'alice', network: 'local' };
const LOCK: Wish = { locked: true, servicesEnabled: false };
const UNLOCK: Wish = { locked: false, servicesEnabled: true };
const LOCKED: Spec = { locked: true, servicesEnabled: false };
const UNLOCKED: Spec = { locked: false, servicesEnabled: true };

let store: FlakyStore;
let clock: FakeClock;
let log: RecordingLog;
let hosts: Hosts;
let agents: Agents;

beforeEach(() => {
  store = new FlakyStore(new MemoryStore());
  clock = new FakeClock();
  log = new RecordingLog();
  hosts = new Hosts({ store, clock, log });
  agents = new Agents({ store, clock, log });
});

async function record(name: string): Promise<HostRecord> {
  const found = await store.get(name);
  if (found === undefined) throw new Error(`expected a record of ${name}`);
  return found;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof LockstepError ? error.code : `no LockstepError: ${String(error)}`;
}

async function eventReasons(host: string): Promise<readonly string[]> {
  return (await hosts.events({ host, limit: 100 })).map(({ reason }) => reason);
}

describe('declare', () => {
  it('makes a new host locked with services disabled, at generation 1', async () => {
    const change = await hosts.declare({ name: 'compute-0', labels: { site: 'lab' } }, ALICE);
    expect(change).toEqual({ name: 'compute-0', outcome: 'declared', generation: 1, spec: LOCKED });
    expect((await hosts.get('compute-0')).metadata.labels).toEqual({ site: 'lab' });
    expect(await eventReasons('compute-0')).toEqual(['Declared']);
  });

  it('changes nothing when the same is declared again, and merges labels', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED, labels: { site: 'lab' } }, ALICE);
    expect((await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE)).outcome).toBe('unchanged');
    expect((await hosts.declare({ name: 'compute-0' }, ALICE)).outcome).toBe('unchanged');
    const relabelled = await hosts.declare({ name: 'compute-0', labels: { rack: '3' } }, ALICE);
    expect(relabelled).toMatchObject({ outcome: 'relabelled', generation: 1 });
    expect((await record('compute-0')).labels).toEqual({ site: 'lab', rack: '3' });
  });

  it('refuses another spec for a host that is there, naming lock and unlock', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    const declared = hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await expect(declared).rejects.toThrow(/use lock or unlock/);
    expect(await codeOf(hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE))).toBe('Conflict');
    expect((await record('compute-0')).spec).toEqual(LOCKED);
  });

  it('brings a deleted host back as it was, above every generation it had, and says so', async () => {
    await hosts.declare({ name: 'compute-0', labels: { site: 'lab' } }, ALICE);
    await hosts.change({ names: ['compute-0'] }, UNLOCK, { ...ALICE, reason: 'repaired' });
    await hosts.remove('compute-0', { force: false }, ALICE);
    const back = await hosts.declare({ name: 'compute-0', labels: { rack: '3' } }, ALICE);
    expect(back).toMatchObject({ outcome: 'declared', generation: 3, spec: UNLOCKED });
    const { labels, annotations } = await record('compute-0');
    expect(labels).toEqual({ site: 'lab', rack: '3' });
    expect(annotations).not.toHaveProperty(ANNOTATIONS.reason);
    const [event] = await hosts.events({ host: 'compute-0', limit: 1 });
    expect(event).toMatchObject({
      reason: 'Declared',
      generation: 3,
      message: 'brought back as it was: unlocked, services enabled; by alice over local',
    });
  });

  it('brings a deleted host back as is said, where something is said', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    const back = await hosts.declare({ name: 'compute-0', spec: LOCKED }, ALICE);
    expect(back).toMatchObject({ outcome: 'declared', generation: 2, spec: LOCKED });
    const [event] = await hosts.events({ host: 'compute-0', limit: 1 });
    expect(event?.message).toBe('locked, services disabled; by alice over local');
  });
});

describe('change', () => {
  it('says who changed it, when and why, and forgets an older reason', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await clock.advance(1_000);
    await hosts.change({ names: ['compute-0'] }, UNLOCK, { ...ALICE, reason: 'repaired' });
    expect((await record('compute-0')).annotations).toEqual({
      [ANNOTATIONS.changedBy]: 'alice',
      [ANNOTATIONS.changedAt]: '2026-01-01T00:00:01.000Z',
      [ANNOTATIONS.reason]: 'repaired',
    });
    await hosts.change({ names: ['compute-0'] }, LOCK, { actor: 'bob', network: 'local' });
    expect((await record('compute-0')).annotations).not.toHaveProperty(ANNOTATIONS.reason);
    const [, , last] = await hosts.events({ host: 'compute-0', limit: 10 });
    expect(last).toMatchObject({ reason: 'Locked', actor: 'bob', generation: 3 });
  });

  it('records another reason for what is so already, under the same generation', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED, labels: { site: 'lab' } }, ALICE);
    const lock = (actor: string, reason?: string) =>
      hosts.change({ all: true }, LOCK, { actor, network: 'local', reason });
    await lock('alice', 'disk swap');
    await clock.advance(1_000);
    const [change] = await lock('bob', 'fan, too');
    expect(change).toEqual({ name: 'compute-0', outcome: 'relabelled', generation: 2, spec: LOCKED });
    expect(await record('compute-0')).toMatchObject({
      generation: 2,
      labels: { site: 'lab' },
      annotations: {
        [ANNOTATIONS.changedBy]: 'bob',
        [ANNOTATIONS.changedAt]: '2026-01-01T00:00:01.000Z',
        [ANNOTATIONS.reason]: 'fan, too',
      },
    });
    const before = (await record('compute-0')).revision;
    for (const reason of ['fan, too', undefined]) {
      expect(await lock('eve', reason)).toMatchObject([{ outcome: 'unchanged', generation: 2 }]);
    }
    expect((await record('compute-0')).revision).toBe(before);
    expect(await eventReasons('compute-0')).toEqual(['Declared', 'Locked', 'ReasonChanged']);
    const [event] = await hosts.events({ host: 'compute-0', limit: 1 });
    expect(event).toMatchObject({
      generation: 2,
      actor: 'bob',
      message: 'locked, services disabled; by bob over local: fan, too',
    });
    expect(log.of('host reason changed')).toHaveLength(1);
  });

  it.each<[string, Spec, Wish, Spec, string]>([
    ['lock', UNLOCKED, LOCK, LOCKED, 'Locked'],
    ['unlock', LOCKED, UNLOCK, UNLOCKED, 'Unlocked'],
    ['lock, keeping services', UNLOCKED, { locked: true }, { locked: true, servicesEnabled: true }, 'Locked'],
    ['enable', LOCKED, { servicesEnabled: true }, { locked: true, servicesEnabled: true }, 'ServicesEnabled'],
    [
      'disable',
      UNLOCKED,
      { servicesEnabled: false },
      { locked: false, servicesEnabled: false },
      'ServicesDisabled',
    ],
  ])('%s', async (_name, before, wish, after, reason) => {
    await hosts.declare({ name: 'compute-0', spec: before }, ALICE);
    const [change] = await hosts.change({ names: ['compute-0'] }, wish, ALICE);
    expect(change).toEqual({ name: 'compute-0', outcome: 'changed', generation: 2, spec: after });
    expect((await eventReasons('compute-0')).at(-1)).toBe(reason);
    expect(await hosts.change({ names: ['compute-0'] }, wish, ALICE)).toEqual([
      { name: 'compute-0', outcome: 'unchanged', generation: 2, spec: after },
    ]);
    expect(await eventReasons('compute-0')).toHaveLength(2);
  });

  it('changes nothing at all when one of the names is unknown', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    const change = hosts.change({ names: ['compute-0', 'compute-9', 'compute-8'] }, LOCK, ALICE);
    await expect(change).rejects.toThrow('hosts compute-9, compute-8: not found');
    expect((await record('compute-0')).spec).toEqual(UNLOCKED);
  });

  it('speaks of the hosts that have all labels, or of all', async () => {
    await hosts.declare({ name: 'a', spec: UNLOCKED, labels: { site: 'lab', rack: '1' } }, ALICE);
    await hosts.declare({ name: 'b', spec: UNLOCKED, labels: { site: 'lab' } }, ALICE);
    await hosts.declare({ name: 'c', spec: UNLOCKED }, ALICE);
    const byLabel = await hosts.change({ labels: { site: 'lab', rack: '1' } }, LOCK, ALICE);
    expect(byLabel.map(({ name }) => name)).toEqual(['a']);
    const all = await hosts.change({ all: true }, LOCK, ALICE);
    expect(all.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'a unchanged',
      'b changed',
      'c changed',
    ]);
    expect(await codeOf(hosts.change({ labels: { site: 'moon' } }, LOCK, ALICE))).toBe('NotFound');
  });

  it('writes 300 hosts in three transactions, each name once', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `h${index}`);
    for (const name of names) await hosts.declare({ name }, ALICE);
    const before = store.calls.get('writeSpecs') ?? 0;
    const changes = await hosts.change({ names: [...names, 'h0', 'h1'] }, UNLOCK, ALICE);
    expect((store.calls.get('writeSpecs') ?? 0) - before).toBe(3);
    expect(changes.map(({ name }) => name)).toEqual(names);
    expect(changes.every(({ outcome }) => outcome === 'changed')).toBe(true);
  });

  it('reads again and retries when somebody else writes first, and gives up after a while', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    let rivals = 2;
    const rivalled: Store = Object.assign(Object.create(store), {
      writeSpecs: async (...args: Parameters<Store['writeSpecs']>) => {
        if (rivals > 0) {
          rivals -= 1;
          await hosts.declare({ name: 'compute-0', labels: { rival: `r${rivals}` } }, ALICE);
        }
        return store.writeSpecs(...args);
      },
    });
    const racing = new Hosts({ store: rivalled, clock, log });
    const [change] = await racing.change({ names: ['compute-0'] }, LOCK, ALICE);
    expect(change).toMatchObject({ outcome: 'changed', generation: 2, spec: LOCKED });
    expect((await record('compute-0')).labels).toEqual({ rival: 'r0' });
    rivals = 1_000;
    expect(await codeOf(racing.change({ names: ['compute-0'] }, UNLOCK, ALICE))).toBe('Conflict');
  });

  it('F12 logs each lock and unlock once, with the network that brought it', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await hosts.change({ names: ['compute-0'] }, LOCK, { actor: 'alice', network: 'management' });
    await hosts.change({ names: ['compute-0'] }, LOCK, { actor: 'alice', network: 'management' });
    await hosts.change({ names: ['compute-0'] }, UNLOCK, { actor: 'alice', network: 'cluster' });
    expect(log.of('host locked')).toMatchObject([
      { level: 'info', fields: { host: 'compute-0', network: 'management', generation: 2 } },
    ]);
    expect(log.of('host unlocked')).toMatchObject([
      { level: 'info', fields: { host: 'compute-0', network: 'cluster', generation: 3 } },
    ]);
    const messages = (await hosts.events({ host: 'compute-0', limit: 9 })).map(({ message }) => message);
    expect(messages[1]).toBe('locked, services disabled; by alice over management');
  });
});

describe('a store that is behind its agent', () => {
  beforeEach(async () => {
    await hosts.declare({ name: 'compute-0', spec: LOCKED }, ALICE);
    await agents.welcome(helloOf('compute-0', { generation: 9, spec: UNLOCKED }), 'local');
  });

  it('changes nothing by itself', async () => {
    expect(await record('compute-0')).toMatchObject({ generation: 1, reportedGeneration: 9, spec: LOCKED });
  });

  it('numbers the next explicit change above what the agent has', async () => {
    const [change] = await hosts.change({ names: ['compute-0'] }, UNLOCK, ALICE);
    expect(change).toMatchObject({ outcome: 'changed', generation: 10 });
  });

  it('numbers a lock anew even when the store already says locked', async () => {
    const [change] = await hosts.change({ names: ['compute-0'] }, LOCK, ALICE);
    expect(change).toMatchObject({ outcome: 'changed', generation: 10, spec: LOCKED });
    expect((await eventReasons('compute-0')).at(-1)).toBe('Locked');
    const [again] = await hosts.change({ names: ['compute-0'] }, LOCK, ALICE);
    expect(again).toMatchObject({ outcome: 'unchanged', generation: 10 });
  });

  it('says so in Ready instead of letting people wait', async () => {
    await agents.setOnline('compute-0', claimOnline('Connected', 1));
    const [ready] = (await hosts.get('compute-0')).status.conditions;
    expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason: 'StoreBehind' });
  });
});

it('lets a lock through when agent and store call different specs the same generation', async () => {
  await hosts.declare({ name: 'compute-0', spec: LOCKED }, ALICE);
  const hello = helloOf('compute-0', { generation: 1, spec: UNLOCKED });
  await agents.welcome(hello, 'local');
  await agents.welcome(hello, 'local');
  expect(await eventReasons('compute-0')).toEqual(['Declared', 'SpecDisagreement']);
  expect(await record('compute-0')).toMatchObject({ generation: 1, spec: LOCKED });
  const [change] = await hosts.change({ names: ['compute-0'] }, LOCK, ALICE);
  expect(change?.outcome).toBe('changed');
  expect(change?.generation).toBeGreaterThan(1);
});

describe('remove', () => {
  it('is refused while the agent is connected or may be, unless forced', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await agents.setOnline('compute-0', claimOnline('Connected', 1));
    expect(await codeOf(hosts.remove('compute-0', { force: false }, ALICE))).toBe('Refused');
    await agents.markRestarted();
    expect(await codeOf(hosts.remove('compute-0', { force: false }, ALICE))).toBe('Refused');
    await hosts.remove('compute-0', { force: true }, ALICE);
    expect(await codeOf(hosts.get('compute-0'))).toBe('NotFound');
    expect((await hosts.list()).items).toEqual([]);
    expect(await record('compute-0')).toMatchObject({ deleted: true, generation: 1 });
    expect(await eventReasons('compute-0')).toEqual(['Declared', 'Deleted']);
  });

  it('does not find a host twice', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    expect(await codeOf(hosts.remove('compute-0', { force: true }, ALICE))).toBe('NotFound');
    expect(await codeOf(hosts.change({ names: ['compute-0'] }, LOCK, ALICE))).toBe('NotFound');
  });
});

it('shows a host that never connected as offline, its flags unknown', async () => {
  await hosts.declare({ name: 'compute-0' }, ALICE);
  const { status } = await hosts.get('compute-0');
  expect(status).toMatchObject({
    observedGeneration: 0,
    flags: { volatile: 'unknown', persistent: 'unknown' },
    services: [],
  });
  expect(status.conditions).toMatchObject([
    { type: 'Ready', status: 'Unknown', reason: 'NeverConnected' },
    { type: 'Online', status: 'False', reason: 'NeverConnected' },
  ]);
});
