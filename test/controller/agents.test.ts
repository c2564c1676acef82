import { beforeEach, describe, expect, it } from 'vitest';
import { Agents } from '../../controller/agents.ts';
import { claimOnline } from '../../controller/host-status.ts';
import { Hosts } from '../../controller/hosts.ts';
import { MAX_GENERATION } from '../../desired-state/generation.ts';
import { describeSpec, type Spec } from '../../desired-state/host.ts';
import { MemoryStore } from '../../desired-state/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { helloOf, statusOf } from './fixtures/agent-end.ts';
import { RecordingLog } from './fixtures/recording-log.ts';

const ALICE = { actor: 'alice', network: 'local' };
const LOCKED: Spec = { locked: true, servicesEnabled: false };
const UNLOCKED: Spec = { locked: false, servicesEnabled: true };

let store: MemoryStore;
let hosts: Hosts;
let agents: Agents;

beforeEach(() => {
  store = new MemoryStore();
  const parts = { store, clock: new FakeClock(), log: new RecordingLog() };
  hosts = new Hosts(parts);
  agents = new Agents(parts);
});

async function eventReasons(host: string): Promise<readonly string[]> {
  return (await hosts.events({ host, limit: 100 })).map(({ reason }) => reason);
}

describe('welcome', () => {
  it('adopts an unknown host with exactly what its agent remembers', async () => {
    const adopted = await agents.welcome(helloOf('compute-0', { generation: 7, spec: UNLOCKED }), 'local');
    expect(adopted).toMatchObject({ generation: 7, spec: UNLOCKED, deleted: false });
    expect(await eventReasons('compute-0')).toEqual(['Adopted']);
    const [event] = await hosts.events({ host: 'compute-0', limit: 1 });
    expect(event).toMatchObject({ generation: 7, actor: 'agent' });
  });

  it('I10: takes an agent at the last generation there is, and says what to do when its host is changed', async () => {
    await agents.welcome(helloOf('compute-0', { generation: MAX_GENERATION, spec: LOCKED }), 'local');
    const contrary = helloOf('compute-0', { generation: MAX_GENERATION, spec: UNLOCKED });
    expect(await agents.welcome(contrary, 'local')).toMatchObject({ generation: MAX_GENERATION });
    const changed = hosts.change({ names: ['compute-0'] }, { locked: false }, ALICE);
    await expect(changed).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringMatching(/^host compute-0: expected its highest generation below .* backup/),
    });
  });

  it('registers a host that only knows it is locked as locked, above its generation', async () => {
    const registered = await agents.welcome(helloOf('compute-0', { generation: 7, spec: null }), 'local');
    expect(registered).toMatchObject({ generation: 8, spec: LOCKED });
    expect(await eventReasons('compute-0')).toEqual(['Registered']);
  });

  it.each([null, { generation: 0, spec: null }])(
    'registers a host that remembers %j as locked',
    async (remembers) => {
      const registered = await agents.welcome(helloOf('compute-0', remembers), 'local');
      expect(registered).toMatchObject({ generation: 1, spec: LOCKED });
    },
  );

  it('notes what a known host remembers, and never lowers it', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await agents.welcome(helloOf('compute-0', { generation: 5, spec: LOCKED }), 'local');
    await agents.welcome(helloOf('compute-0', { generation: 2, spec: LOCKED }), 'local');
    expect(await store.get('compute-0')).toMatchObject({ generation: 1, reportedGeneration: 5 });
  });

  it('refuses a deleted host that still holds a spec, and numbers its return above it', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    const welcome = agents.welcome(helloOf('compute-0', { generation: 6, spec: UNLOCKED }), 'local');
    await expect(welcome).rejects.toThrow(/lockstep declare compute-0/);
    await expect(hosts.get('compute-0')).rejects.toMatchObject({ code: 'NotFound' });
    expect((await hosts.declare({ name: 'compute-0' }, ALICE)).generation).toBe(7);
  });

  it.each<[string, number, Spec | null, number, Spec]>([
    ['unlocked since', 6, UNLOCKED, 7, UNLOCKED],
    ['unlocked under the same number', 1, UNLOCKED, 3, UNLOCKED],
    ['as it was', 1, LOCKED, 2, LOCKED],
  ])('brings a deleted host back as its agent kept it: %s', async (_name, generation, spec, number, back) => {
    await hosts.declare({ name: 'compute-0', spec: LOCKED, labels: { site: 'lab' } }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    const hello = helloOf('compute-0', { generation, spec });
    const said = `brings it back as it was: ${describeSpec(back)}`;
    await expect(agents.welcome(hello, 'local')).rejects.toThrow(said);
    const tombstone = await store.get('compute-0');
    await expect(agents.welcome(hello, 'local')).rejects.toThrow(said);
    expect(await store.get('compute-0')).toEqual(tombstone);
    expect(tombstone?.deleted).toBe(true);
    const declared = await hosts.declare({ name: 'compute-0' }, ALICE);
    expect(declared).toMatchObject({ generation: number, spec: back });
    expect((await hosts.get('compute-0')).metadata.labels).toEqual({ site: 'lab' });
  });

  it('brings a deleted host back as it was when its agent is behind, or knows less', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await hosts.change({ all: true }, { locked: true, servicesEnabled: false }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    for (const remembers of [
      { generation: 1, spec: UNLOCKED },
      { generation: 0, spec: null },
    ]) {
      await expect(agents.welcome(helloOf('compute-0', remembers), 'local')).rejects.toThrow('was deleted');
    }
    expect(await eventReasons('compute-0')).toEqual(['Declared', 'Locked', 'Deleted']);
    expect(await hosts.declare({ name: 'compute-0' }, ALICE)).toMatchObject({ spec: LOCKED });
  });

  it('brings a deleted host back locked when a newer flag of it says so', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    const hello = helloOf('compute-0', { generation: 4, spec: null });
    await expect(agents.welcome(hello, 'local')).rejects.toThrow('locked, services enabled');
    expect(await eventReasons('compute-0')).toEqual(['Declared', 'Deleted', 'KeptByAgent']);
    const back = await hosts.declare({ name: 'compute-0' }, ALICE);
    expect(back).toMatchObject({ generation: 5, spec: { locked: true, servicesEnabled: true } });
  });

  it('registers a deleted host that was installed anew', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    const registered = await agents.welcome(helloOf('compute-0', null), 'local');
    expect(registered).toMatchObject({ generation: 2, spec: LOCKED, deleted: false });
  });

  it('welcomes two agents of one unknown host at once as one host', async () => {
    const hello = helloOf('compute-0', { generation: 7, spec: UNLOCKED });
    const [first, second] = await Promise.all([agents.welcome(hello, 'a'), agents.welcome(hello, 'b')]);
    expect([first.generation, second.generation]).toEqual([7, 7]);
    expect(await eventReasons('compute-0')).toEqual(['Adopted']);
  });
});

describe('status', () => {
  it('is Ready once the agent is connected and reports its generation', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await agents.setOnline('compute-0', claimOnline('Connected', 1));
    await agents.report('compute-0', statusOf(1));
    const { conditions } = (await hosts.get('compute-0')).status;
    expect(conditions[0]).toMatchObject({ type: 'Ready', status: 'True' });
    expect(await store.get('compute-0')).toMatchObject({ reportedGeneration: 1 });
  });

  it('is written only when it changed', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await agents.setOnline('compute-0', claimOnline('Connected', 1));
    await agents.report('compute-0', statusOf(1));
    const before = await store.get('compute-0');
    await agents.report('compute-0', statusOf(1));
    await agents.setOnline('compute-0', claimOnline('Connected', 1));
    expect(await store.get('compute-0')).toMatchObject({ revision: before?.revision });
  });

  it('takes neither Online nor Ready from an agent', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    const lie = {
      type: 'Online',
      status: 'True',
      reason: 'Connected',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    } as const;
    await agents.report('compute-0', statusOf(1, { conditions: [lie, { ...lie, type: 'Ready' }] }));
    const { conditions } = (await hosts.get('compute-0')).status;
    expect(conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Ready=Unknown',
      'Online=False',
    ]);
  });

  it('never calls a host ready by what its agent reports of another spec', async () => {
    await hosts.declare({ name: 'compute-0', spec: LOCKED }, ALICE);
    await agents.welcome(helloOf('compute-0', { generation: 1, spec: UNLOCKED }), 'local');
    await agents.setOnline('compute-0', claimOnline('Connected', 1));
    await agents.report('compute-0', statusOf(1));
    const [ready] = (await hosts.get('compute-0')).status.conditions;
    expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason: 'StoreBehind' });
  });
});
