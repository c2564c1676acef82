import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentGateway } from '../../../controller/gateway/agent-gateway.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { findCondition } from '../../../desired-state/conditions.ts';
import type { Spec } from '../../../desired-state/host.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import type { Remembered } from '../../../desired-state/wire.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { AgentEnd, heartbeatOf, helloOf, statusOf } from '../fixtures/agent-end.ts';
import { FlakyStore } from '../fixtures/flaky-store.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';

const ALICE = { actor: 'alice', network: 'local' };
const LOCKED: Spec = { locked: true, servicesEnabled: false };
const UNLOCKED: Spec = { locked: false, servicesEnabled: true };

let store: FlakyStore;
let clock: FakeClock;
let log: RecordingLog;
let hosts: Hosts;
let gateway: AgentGateway;

beforeEach(async () => {
  store = new FlakyStore(new MemoryStore());
  clock = new FakeClock();
  log = new RecordingLog();
  hosts = new Hosts({ store, clock, log });
  gateway = new AgentGateway({ hosts, store, clock, log });
  await gateway.start();
});

afterEach(async () => {
  await gateway.stop();
});

function dial(network = 'local', to = gateway): AgentEnd {
  const agent = new AgentEnd();
  to.accept(agent.connection, network);
  return agent;
}

async function connect(host: string, remembers: Remembered | null = null, network = 'local') {
  const agent = dial(network);
  await agent.say(helloOf(host, remembers));
  return agent;
}

async function online(host: string): Promise<string> {
  const condition = findCondition((await hosts.get(host)).status.conditions, 'Online');
  return `${condition?.status}/${condition?.reason}`;
}

function lock(host: string) {
  return hosts.change({ names: [host] }, LOCKED, { ...ALICE, reason: 'repair' });
}

function unlock(host: string) {
  return hosts.change({ names: [host] }, UNLOCKED, ALICE);
}

describe('hello', () => {
  it('is always answered with the desired state, its reason and since when', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    await lock('compute-0');
    const agent = await connect('compute-0', { generation: 2, spec: LOCKED });
    expect(agent.heard).toEqual([
      { type: 'desired', generation: 2, spec: LOCKED, reason: 'repair', since: '2026-01-01T00:00:00.000Z' },
    ]);
    expect(gateway.isConnected('compute-0')).toBe(true);
    expect(await online('compute-0')).toBe('True/Connected');
  });

  it('registers a host that nobody declared as locked', async () => {
    const agent = await connect('compute-0');
    expect(agent.heard).toMatchObject([{ type: 'desired', generation: 1, spec: LOCKED }]);
  });

  it('has to come within 5 s', async () => {
    const agent = dial();
    await clock.advance(4_999);
    expect(agent.closed).toBeUndefined();
    await clock.advance(1);
    expect(agent.closed).toBe('no hello');
    expect(agent.heard).toMatchObject([{ type: 'nack', re: 'hello' }]);
  });

  it('has to come first, and once', async () => {
    const agent = dial();
    expect(await agent.say(heartbeatOf(1))).toMatchObject([{ type: 'nack', re: 'heartbeat' }]);
    await agent.say(helloOf('compute-0'));
    expect(await agent.say(helloOf('compute-1'))).toMatchObject([{ type: 'nack', re: 'hello' }]);
    expect(agent.closed).toBeUndefined();
    expect(gateway.isConnected('compute-1')).toBe(false);
  });

  it('of another protocol is refused, naming both', async () => {
    const agent = dial();
    await agent.say({ ...helloOf('compute-0'), protocol: 2 });
    expect(agent.heard).toMatchObject([
      { type: 'nack', re: 'hello', message: expect.stringMatching(/expected protocol 1, found 2/) },
    ]);
    expect(agent.closed).toBe('another protocol');
  });

  it('of a deleted host is refused, saying how to bring it back', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    await hosts.remove('compute-0', { force: false }, ALICE);
    const agent = await connect('compute-0', { generation: 1, spec: LOCKED });
    expect(agent.heard).toMatchObject([
      { type: 'nack', re: 'hello', message: expect.stringContaining('lockstep declare compute-0') },
    ]);
    expect(agent.closed).toBe('hello refused');
    expect(gateway.isConnected('compute-0')).toBe(false);
  });

  it("of a deleted host is told once in that host's events, however often its agent dials", async () => {
    const told = async () => {
      const events = await hosts.events({ host: 'compute-0', limit: 100 });
      return events.filter(({ reason }) => reason === 'AgentRefused');
    };
    for (const times of [1, 2]) {
      await hosts.declare({ name: 'compute-0' }, ALICE);
      await hosts.remove('compute-0', { force: true }, ALICE);
      for (let dialled = 0; dialled < 3; dialled += 1) {
        await connect('compute-0', { generation: 1, spec: LOCKED });
        await clock.advance(120_000);
      }
      expect(await told()).toHaveLength(times);
    }
    expect((await told())[1]).toMatchObject({
      type: 'Warning',
      generation: 2,
      actor: 'controller',
      message:
        'host compute-0 was deleted from this controller at generation 2: `lockstep declare compute-0` brings it back as it was: locked, services disabled',
    });
  });

  it('of another protocol is told in the events of its host, if there is one', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    for (const host of ['compute-0', 'compute-9']) {
      await dial().say({ ...helloOf(host), protocol: 2 });
    }
    const events = await hosts.events({ limit: 100 });
    expect(events.map(({ host, reason }) => `${host} ${reason}`)).toEqual([
      'compute-0 Declared',
      'compute-0 AgentRefused',
    ]);
  });

  it('is refused while the store is away, and the next one is taken', async () => {
    store.failing.add('all');
    const refused = await connect('compute-0');
    expect(refused.closed).toBe('hello refused');
    store.failing.clear();
    expect(await hosts.events({ limit: 100 })).toEqual([]);
    const agent = await connect('compute-0');
    expect(agent.heard).toMatchObject([{ type: 'desired' }]);
  });
});

describe('a change of the spec', () => {
  it('is pushed at once, to that host only', async () => {
    const [one, two] = [await connect('compute-0'), await connect('compute-1')];
    await unlock('compute-0');
    await settle();
    expect(one.heard.at(-1)).toMatchObject({ type: 'desired', generation: 2, spec: UNLOCKED });
    expect(two.heard).toHaveLength(1);
  });

  it('goes over every network that the host is connected by', async () => {
    const [one, two] = [
      await connect('compute-0', null, 'management'),
      await connect('compute-0', { generation: 1, spec: LOCKED }, 'cluster'),
    ];
    await unlock('compute-0');
    await settle();
    expect(one.heard.at(-1)).toMatchObject({ type: 'desired', generation: 2 });
    expect(two.heard.at(-1)).toMatchObject({ type: 'desired', generation: 2 });
  });

  it('made between the welcome and the join is not missed', async () => {
    await hosts.declare({ name: 'compute-0', spec: LOCKED }, ALICE);
    const agent = dial();
    const answered = agent.say(helloOf('compute-0', { generation: 1, spec: LOCKED }));
    await unlock('compute-0');
    await answered;
    await settle();
    expect(agent.heard.at(-1)).toMatchObject({ type: 'desired', generation: 2 });
  });

  it('still arrives after the watch of the store failed', async () => {
    const agent = await connect('compute-0');
    store.failing.add('watch');
    await unlock('compute-0');
    await settle();
    store.failing.clear();
    await clock.advance(5_000);
    expect(agent.heard.at(-1)).toMatchObject({ type: 'desired', generation: 2 });
    await lock('compute-0');
    await settle();
    expect(agent.heard.at(-1)).toMatchObject({ type: 'desired', generation: 3 });
  });

  it('that is only another reason is not told: the flags keep the reason of the change that made them', async () => {
    await hosts.declare({ name: 'compute-0', spec: UNLOCKED }, ALICE);
    const agent = await connect('compute-0', { generation: 1, spec: UNLOCKED });
    await lock('compute-0');
    await hosts.change({ all: true }, LOCKED, { ...ALICE, reason: 'fan, too' });
    await agent.say(heartbeatOf(2));
    const told = agent.heard.filter((message) => message.type === 'desired');
    expect(told.map(({ generation, reason }) => `${generation} ${reason}`)).toEqual([
      '1 undefined',
      '2 repair',
    ]);
  });

  it('that deletes the host ends the connection, saying why', async () => {
    const agent = await connect('compute-0');
    await hosts.remove('compute-0', { force: true }, ALICE);
    await settle();
    expect(agent.heard.at(-1)).toMatchObject({ type: 'nack', message: expect.stringContaining('deleted') });
    expect(agent.closed).toBe('host deleted');
    expect(gateway.isConnected('compute-0')).toBe(false);
  });
});

describe('heartbeat and status', () => {
  it('are answered with the current generation', async () => {
    const agent = await connect('compute-0');
    expect(await agent.say(heartbeatOf(1))).toEqual([{ type: 'ack', re: 'heartbeat', generation: 1 }]);
    const answer = await agent.say({ type: 'status', status: statusOf(1) });
    expect(answer).toEqual([{ type: 'ack', re: 'status', generation: 1 }]);
    expect((await hosts.get('compute-0')).status).toMatchObject({ observedGeneration: 1, bootId: 'boot-1' });
  });

  it('are answered with the desired state while the agent is behind', async () => {
    const agent = await connect('compute-0');
    expect(await agent.say(heartbeatOf(0))).toMatchObject([{ type: 'desired', generation: 1 }]);
    const answer = await agent.say({ type: 'status', status: statusOf(0) });
    expect(answer).toMatchObject([{ type: 'desired', generation: 1 }]);
  });

  it('of an agent that knows better than the store change nothing, and are noted', async () => {
    const agent = await connect('compute-0');
    expect(await agent.say(heartbeatOf(4))).toEqual([{ type: 'ack', re: 'heartbeat', generation: 1 }]);
    expect(await store.get('compute-0')).toMatchObject({ generation: 1, reportedGeneration: 4 });
  });

  it('that say nothing new are not written', async () => {
    const agent = await connect('compute-0');
    await agent.say({ type: 'status', status: statusOf(1) });
    const writes = store.calls.get('writeStatuses');
    await agent.say({ type: 'status', status: statusOf(1) });
    for (let beat = 0; beat < 12; beat += 1) await agent.say(heartbeatOf(1, beat));
    expect(store.calls.get('writeStatuses')).toBe(writes);
  });

  it('are kept while the store is away, the newest only, and written when it is back', async () => {
    const agent = await connect('compute-0');
    store.failing.add('writeStatuses');
    await agent.say({ type: 'status', status: statusOf(1, { bootId: 'boot-2' }) });
    await agent.say({ type: 'status', status: statusOf(1, { bootId: 'boot-3' }) });
    await clock.advance(10_000);
    await agent.say(heartbeatOf(1));
    expect((await hosts.get('compute-0')).status.bootId).toBe('');
    store.failing.clear();
    await clock.advance(5_000);
    expect((await hosts.get('compute-0')).status.bootId).toBe('boot-3');
    expect(log.of('status not written yet, trying again')).toHaveLength(1);
  });

  it('of one host wait for no other host', async () => {
    const [slow, quick] = [await connect('compute-0'), await connect('compute-1')];
    store.failing.add('writeStatuses');
    await slow.say({ type: 'status', status: statusOf(1) });
    store.failing.clear();
    await quick.say({ type: 'status', status: statusOf(1) });
    expect((await hosts.get('compute-1')).status.observedGeneration).toBe(1);
  });
});

it('keeps the events of an agent', async () => {
  const agent = await connect('compute-0');
  const at = '2026-01-01T00:00:00.000Z';
  const event = {
    type: 'Normal',
    reason: 'FlagRecreated',
    message: 'volatile flag was gone',
    generation: 1,
    latencyMs: 1.5,
  } as const;
  expect(await agent.say({ type: 'event', event, at, firstAt: at, count: 2 })).toEqual([]);
  const [, stored] = await hosts.events({ host: 'compute-0', limit: 10 });
  expect(stored).toMatchObject({ ...event, host: 'compute-0', count: 2, actor: 'agent' });
});

describe('bad messages', () => {
  it('F13 an unknown command is logged once per peer and type, refused, and life goes on', async () => {
    const first = await connect('compute-0');
    const unknown = JSON.stringify({ type: 'reboot', now: true });
    expect(await first.say(unknown)).toMatchObject([{ type: 'nack', re: 'reboot' }]);
    expect(await first.say(unknown)).toMatchObject([{ type: 'nack', re: 'reboot' }]);
    first.close();
    const again = await connect('compute-0', { generation: 1, spec: LOCKED });
    await again.say(unknown);
    await again.say(JSON.stringify({ type: 'dance' }));
    expect(log.of('unknown command').map(({ fields }) => fields)).toEqual([
      { peer: 'compute-0', type: 'reboot' },
      { peer: 'compute-0', type: 'dance' },
    ]);
    expect(await again.say(heartbeatOf(1))).toMatchObject([{ type: 'ack' }]);
  });

  it.each([
    ['no JSON', 'hello?', 'malformed', /expected JSON/],
    ['no type', '{"a":1}', 'malformed', /type: expected string.*found nothing/],
    ['a broken heartbeat', '{"type":"heartbeat"}', 'heartbeat', /sequence: expected/],
    ['null', 'null', 'malformed', /expected object/],
  ])(
    '%s is refused, naming what was expected, and the connection stays',
    async (_name, text, re, expected) => {
      const agent = await connect('compute-0');
      const answer = await agent.say(text);
      expect(answer).toMatchObject([{ type: 'nack', re, message: expect.stringMatching(expected) }]);
      expect(await agent.say(heartbeatOf(1))).toMatchObject([{ type: 'ack' }]);
    },
  );

  it('are logged once a minute with a count, however many come', async () => {
    const agent = await connect('compute-0');
    for (let index = 0; index < 100; index += 1) await agent.say('{');
    await clock.advance(10_000);
    await agent.say('{');
    expect(log.of('malformed message')).toHaveLength(1);
    for (let minute = 0; minute < 6; minute += 1) {
      await agent.say(heartbeatOf(1));
      await clock.advance(10_000);
    }
    await agent.say('{');
    expect(log.of('malformed message')).toHaveLength(2);
    expect(log.of('malformed message')[1]?.fields).toMatchObject({ repeated: 100 });
  });

  it('a flood ends the connection instead of filling the memory', async () => {
    const agent = await connect('compute-0');
    for (let index = 0; index < 1_000; index += 1) agent.post(heartbeatOf(1, index));
    await settle();
    expect(agent.closed).toBe('too many messages');
    expect(agent.heard.at(-1)).toMatchObject({ type: 'nack', re: 'flood' });
  });

  it('a nack from an agent is logged, and not answered', async () => {
    const agent = await connect('compute-0');
    expect(await agent.say({ type: 'nack', re: 'desired', message: 'lower generation' })).toEqual([]);
    expect(log.of('agent refused a message')).toMatchObject([{ fields: { re: 'desired' } }]);
  });
});

describe('Online', () => {
  it('is False when the connection closes', async () => {
    const agent = await connect('compute-0');
    agent.close();
    await settle();
    expect(await online('compute-0')).toBe('False/Disconnected');
    expect(gateway.isConnected('compute-0')).toBe(false);
  });

  it('is False, and the connection closed, after 15 s without a message', async () => {
    const agent = await connect('compute-0');
    await clock.advance(10_000);
    await agent.say(heartbeatOf(1));
    await clock.advance(14_999);
    expect(agent.closed).toBeUndefined();
    await clock.advance(1);
    expect(agent.closed).toMatch(/nothing heard/);
    expect(await online('compute-0')).toBe('False/HeartbeatMissed');
  });

  it('stays True while one of two networks lives', async () => {
    const management = await connect('compute-0', null, 'management');
    const cluster = await connect('compute-0', { generation: 1, spec: LOCKED }, 'cluster');
    management.close();
    await settle();
    expect(await online('compute-0')).toBe('True/Connected');
    cluster.close();
    await settle();
    expect(await online('compute-0')).toBe('False/Disconnected');
  });

  it('is logged once per transition', async () => {
    const agent = await connect('compute-0');
    await agent.say(heartbeatOf(1));
    agent.close();
    await settle();
    expect(log.of('host online changed').map(({ fields }) => fields.reason)).toEqual([
      'Connected',
      'Disconnected',
    ]);
  });

  it('is Unknown after a restart of the controller, and False when the agent stays away', async () => {
    await connect('compute-0');
    await connect('compute-1');
    await gateway.stop();
    expect(await online('compute-0')).toBe('True/Connected');

    gateway = new AgentGateway({ hosts, store, clock, log });
    await gateway.start();
    expect(await online('compute-0')).toBe('Unknown/ControllerRestarted');
    await connect('compute-1', { generation: 1, spec: LOCKED });
    expect(await online('compute-1')).toBe('True/Connected');
    const beating = (async () => {
      await clock.advance(15_000);
    })();
    await beating;
    expect(await online('compute-0')).toBe('False/HeartbeatMissed');
  });

  it('is marked before anybody is welcomed, also when the store is away at the start', async () => {
    await connect('compute-0');
    await gateway.stop();
    store.failing.add('list');
    gateway = new AgentGateway({ hosts, store, clock, log });
    const started = gateway.start();
    const agent = dial();
    expect(await agent.say(helloOf('compute-0', { generation: 1, spec: LOCKED }))).toEqual([]);
    store.failing.clear();
    await clock.advance(1_000);
    await started;
    await settle();
    expect(agent.heard).toMatchObject([{ type: 'desired' }]);
    expect(await online('compute-0')).toBe('True/Connected');
  });
});

describe('a second agent for the same host', () => {
  it('wins over the older one on the same network, without a change of Online', async () => {
    const older = await connect('compute-0');
    const newer = await connect('compute-0', { generation: 1, spec: LOCKED });
    expect(older.heard.at(-1)).toMatchObject({ type: 'nack', re: 'hello' });
    expect(older.closed).toMatch(/replaced/);
    expect(newer.closed).toBeUndefined();
    expect(await online('compute-0')).toBe('True/Connected');
    expect(log.of('host online changed')).toHaveLength(1);
  });

  it('is warned of when it keeps happening', async () => {
    for (let time = 0; time < 5; time += 1) await connect('compute-0', { generation: 1, spec: LOCKED });
    await settle();
    const warnings = (await hosts.events({ host: 'compute-0', limit: 9 })).filter(
      ({ type }) => type === 'Warning',
    );
    expect(warnings).toMatchObject([{ reason: 'DuplicateAgent', actor: 'controller' }]);
  });

  it('is no matter when it happens once a minute', async () => {
    for (let time = 0; time < 6; time += 1) {
      const agent = await connect('compute-0', { generation: 1, spec: LOCKED });
      for (let beat = 0; beat < 3; beat += 1) {
        await clock.advance(10_000);
        await agent.say(heartbeatOf(1, beat));
      }
    }
    expect(log.of('host needs a look')).toEqual([]);
  });
});

it('takes a bounded number of connections, and more once some are gone', async () => {
  await gateway.stop();
  gateway = new AgentGateway({ hosts, store, clock, log, maxConnections: 2 });
  await gateway.start();
  const [one] = [dial(), dial()];
  const third = dial();
  expect(third.heard).toMatchObject([{ type: 'nack', message: expect.stringContaining('at most 2') }]);
  expect(third.closed).toBeDefined();
  one?.close();
  expect(dial().closed).toBeUndefined();
});

it('says nothing more, and writes nothing, once it is stopped', async () => {
  const agent = await connect('compute-0');
  await gateway.stop();
  expect(agent.closed).toBe('the controller stops');
  const writes = store.calls.get('writeStatuses');
  await unlock('compute-0');
  await clock.advance(60_000);
  expect(agent.heard).toHaveLength(1);
  expect(store.calls.get('writeStatuses')).toBe(writes);
});
