import { describe, expect, it } from 'vitest';
import type { AgentMessage } from '../../desired-state/wire.ts';
import { ControllerLink } from '../../node-agent/controller-link.ts';
import { FakeClock, middle, settle } from '../support/fake-clock.ts';
import { FakeTransport } from '../support/fake-connection.ts';
import { FakeLog } from '../support/fake-log.ts';

const ACK = { type: 'ack', re: 'heartbeat', generation: 7 } as const;
const DESIRED = {
  type: 'desired',
  generation: 8,
  spec: { locked: true, servicesEnabled: false },
} as const;

function setUp() {
  const clock = new FakeClock();
  const log = new FakeLog();
  const transport = new FakeTransport(() => clock.monotonicMs());
  /** What the listener was told. */
  const told: string[] = [];
  let reply: (message: AgentMessage) => void = () => {};
  const link = new ControllerLink({
    transport,
    clock,
    log,
    random: middle,
    listener: {
      hello: (network) => ({
        type: 'hello',
        protocol: 1,
        host: 'compute-0',
        bootId: 'boot-1',
        agentVersion: '0.1.0',
        network,
        features: [],
        roles: ['worker'],
        remembers: null,
      }),
      heartbeat: () => ({ bootId: 'boot-1', observedGeneration: 7 }),
      onDesired: ({ generation }, network) => told.push(`desired ${generation} over ${network}`),
      onAck: (generation, network) => told.push(`ack ${generation} over ${network}`),
      onPlanRequest: ({ id }, answer) => {
        told.push(`plan ${id}`);
        reply = answer;
      },
      onConnected: () => told.push('connected'),
      onLost: (network) => told.push(`lost ${network}`),
    },
  });
  const connect = async () => {
    link.start();
    await settle();
    await settle();
  };
  /** Lets time pass with a controller that answers. */
  const live = async (ms: number) => {
    for (let at = 0; at < ms; at += 1_000) {
      transport.peer.say(ACK);
      await clock.advance(Math.min(1_000, ms - at));
    }
  };
  return { clock, log, transport, told, link, connect, live, answer: (m: AgentMessage) => reply(m) };
}

describe('ControllerLink', () => {
  it('says hello first, then tells that it is connected', async () => {
    const { transport, told, link, connect } = setUp();
    expect(link.state.state).toBe('disconnected');
    expect(link.send({ type: 'nack', re: 'x', message: '' })).toBe(false);
    await connect();
    expect(transport.peer.heard).toEqual([
      expect.objectContaining({ type: 'hello', network: 'management', remembers: null }),
    ]);
    expect(told).toEqual(['connected']);
    expect(link.state).toMatchObject({ state: 'connected', network: 'management', message: '' });
  });

  it('sends a heartbeat every 5 s, numbered upwards', async () => {
    const { transport, connect, live } = setUp();
    await connect();
    await live(20_000);
    const beats = transport.peer.heard.filter((message) => message.type === 'heartbeat');
    expect(beats.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(beats[0]).toMatchObject({ bootId: 'boot-1', observedGeneration: 7 });
  });

  it('hands on what the controller says', async () => {
    const { transport, told, connect } = setUp();
    await connect();
    transport.peer.say(DESIRED);
    transport.peer.say(ACK);
    expect(told.slice(1)).toEqual(['desired 8 over management', 'ack 7 over management']);
  });

  it('hands on a request for a plan, with the way back', async () => {
    const { transport, told, connect, answer } = setUp();
    await connect();
    transport.peer.say({ type: 'plan-request', id: 'p1' });
    expect(told).toContain('plan p1');
    answer({ type: 'plan', id: 'p1', steps: ['create volatile: it is missing'], blocked: [] });
    expect(transport.peer.types).toEqual(['hello', 'plan']);
  });

  it('ends a connection whose other end fell silent, within 20 s, and dials again', async () => {
    const { clock, transport, told, connect, live } = setUp();
    await connect();
    await live(30_000);
    await clock.advance(10_000);
    expect(transport.peers[0]?.closed).toBeUndefined();
    await clock.advance(10_000);
    expect(transport.peers[0]?.closed).toBe('nothing heard for 15000 ms');
    expect(told).toContain('lost management');
    await clock.advance(1_000);
    expect(transport.peers).toHaveLength(2);
    expect(transport.peer.types[0]).toBe('hello');
  });

  it('sends nothing, and says so, while there is no connection', async () => {
    const { transport, link, connect } = setUp();
    await connect();
    const nack = { type: 'nack', re: 'x', message: '' } as const;
    expect(link.send(nack)).toBe(true);
    transport.peer.close('bye');
    await settle();
    expect(link.send(nack)).toBe(false);
  });

  it('keeps a connection over which anything at all is heard', async () => {
    const { transport, connect, live } = setUp();
    await connect();
    await live(120_000);
    expect(transport.peers).toHaveLength(1);
  });

  it('dials again for ever, with jitter, never more than 5 s apart', async () => {
    const { clock, transport, connect } = setUp();
    transport.refusal = 'connect ECONNREFUSED';
    await connect();
    await clock.advance(60_000);
    const waits = transport.dialledAtMs.map((at, n) => at - (transport.dialledAtMs[n - 1] ?? 0)).slice(1);
    expect(waits.slice(0, 7)).toEqual([75, 150, 300, 600, 1_200, 2_400, 3_750]);
    expect(Math.max(...waits)).toBe(3_750);
  });

  it('dials at once again after a good connection, and backs off from one that is ended over and over', async () => {
    const { clock, transport, connect, live } = setUp();
    transport.refusal = 'connect ECONNREFUSED';
    await connect();
    await clock.advance(30_000);
    transport.refusal = undefined;
    await clock.advance(5_000);
    await live(11_000);
    const endedAtMs = clock.monotonicMs();
    transport.peer.close('the controller stops');
    await clock.advance(100);
    expect(transport.dialledAtMs.at(-1)).toBe(endedAtMs + 75);
    const waits: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const from = clock.monotonicMs();
      transport.peer.close('not you');
      await clock.advance(2_000);
      waits.push((transport.dialledAtMs.at(-1) ?? 0) - from);
    }
    expect(waits).toEqual([150, 300, 600, 1_200]);
  });

  it('I7: logs that there is no controller once, however often it dials in vain', async () => {
    const { clock, log, transport, told, link, connect } = setUp();
    transport.refusal = 'connect ECONNREFUSED';
    await connect();
    await clock.advance(60_000);
    expect(log.at('warn')).toEqual(['no controller']);
    expect(told).toEqual(['lost management']);
    expect(link.state).toMatchObject({ state: 'disconnected', message: 'connect ECONNREFUSED' });
    transport.refusal = undefined;
    await clock.advance(5_000);
    transport.peer.close('bye');
    await clock.advance(50);
    expect(log.at('warn')).toEqual(['no controller', 'no controller']);
    expect(link.state.message).toBe('bye');
  });

  it('I7: says why a controller turns it away, and logs it once, however often it is', async () => {
    const { clock, log, transport, link, connect } = setUp();
    const refusal = 'host compute-0 was deleted from this controller';
    await connect();
    for (let dialled = 0; dialled < 4; dialled += 1) {
      transport.peer.say({ type: 'nack', re: 'hello', message: refusal });
      transport.peer.close('hello refused');
      await settle();
      expect(link.state).toMatchObject({ state: 'disconnected', message: `hello refused: ${refusal}` });
      await clock.advance(5_000);
    }
    expect(transport.peers).toHaveLength(5);
    expect(log.at('warn')).toEqual(['the controller refused a message', 'no controller']);
    expect(log.at('info')).toEqual(['connected to a controller']);
    transport.peer.say(ACK);
    expect(log.at('info')).toEqual(['connected to a controller', 'connected to a controller']);
    transport.peer.close('hello refused');
    await settle();
    expect(link.state.message).toBe('hello refused');
    expect(log.of('no controller')).toHaveLength(5);
    expect(log.at('warn')).toHaveLength(3);
  });

  it('does not blame a refusal for the end of a connection that went on after it, nor for a dial in vain', async () => {
    const { clock, transport, link, connect } = setUp();
    await connect();
    transport.peer.say({ type: 'nack', re: 'plan', message: 'nobody waits for plan p1' });
    transport.peer.say(ACK);
    transport.peer.close('bye');
    await settle();
    expect(link.state.message).toBe('bye');
    await clock.advance(5_000);
    transport.peer.say({ type: 'nack', re: 'hello', message: 'not you' });
    transport.refusal = 'connect ECONNREFUSED';
    transport.peer.close('hello refused');
    await clock.advance(5_000);
    expect(link.state.message).toBe('connect ECONNREFUSED');
  });

  it('F13: refuses a message of an unknown type each time, logs it once, and goes on', async () => {
    const { log, transport, told, connect } = setUp();
    await connect();
    transport.peer.say('{"type":"self-destruct","in":5}');
    transport.peer.say('{"type":"self-destruct"}');
    transport.peer.say('{"type":"reboot"}');
    transport.peer.say(DESIRED);
    expect(log.of('unknown command').map(({ fields }) => fields.type)).toEqual(['self-destruct', 'reboot']);
    expect(transport.peer.heard.slice(1)).toEqual([
      expect.objectContaining({ type: 'nack', re: 'self-destruct' }),
      expect.objectContaining({ type: 'nack', re: 'self-destruct' }),
      expect.objectContaining({ type: 'nack', re: 'reboot' }),
    ]);
    expect(told.at(-1)).toBe('desired 8 over management');
  });

  it('F13: logs a bounded number of unknown types, and refuses them all', async () => {
    const { log, transport, connect } = setUp();
    await connect();
    for (let n = 0; n < 1_000; n += 1) transport.peer.say(JSON.stringify({ type: `x${n}` }));
    expect(log.of('unknown command').length).toBeLessThanOrEqual(64);
    expect(transport.peer.types.filter((type) => type === 'nack')).toHaveLength(1_000);
  });

  it.each([
    ['no JSON', 'hello?'],
    ['no object', '[1]'],
    ['no type', '{"generation":8}'],
    ['a type that is no word', '{"type":{}}'],
    ['a type beyond all bounds', JSON.stringify({ type: 'x'.repeat(100) })],
    ['a desired state without a spec', '{"type":"desired","generation":8}'],
    [
      'a broken generation',
      '{"type":"desired","generation":-1,"spec":{"locked":true,"servicesEnabled":true}}',
    ],
    ['a spec of words', '{"type":"desired","generation":8,"spec":{"locked":"no","servicesEnabled":"no"}}'],
    ['a huge text', `"${'x'.repeat(100_000)}"`],
  ])('I10: refuses a message that is %s, and goes on', async (_what, text) => {
    const { transport, told, connect } = setUp();
    await connect();
    transport.peer.say(text);
    expect(transport.peer.heard.slice(1)).toEqual([
      expect.objectContaining({ type: 'nack', re: 'malformed' }),
    ]);
    transport.peer.say(DESIRED);
    expect(told.slice(1)).toEqual(['desired 8 over management']);
  });

  it('I10: logs malformed messages at most once a minute', async () => {
    const { clock, log, transport, connect } = setUp();
    await connect();
    for (let n = 0; n < 100; n += 1) {
      transport.peer.say('nonsense');
      await clock.advance(1_000);
    }
    expect(log.of('malformed message')).toHaveLength(2);
  });

  it('ignores fields that it does not know', async () => {
    const { transport, told, connect } = setUp();
    await connect();
    transport.peer.say(
      JSON.stringify({ ...DESIRED, priority: 'high', spec: { ...DESIRED.spec, powered: true } }),
    );
    expect(told.at(-1)).toBe('desired 8 over management');
  });

  it('says good bye when it stops, and neither dials nor tells anything any more', async () => {
    const { clock, transport, told, link, connect } = setUp();
    await connect();
    const { peer } = transport;
    await link.stop();
    expect(peer.closed).toBe('the agent stops');
    const before = told.length;
    await clock.advance(60_000);
    expect(transport.peers).toHaveLength(1);
    expect(told.slice(before)).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('gives up a dial that hangs when it stops, and one that it waits to begin', async () => {
    const hanging = setUp();
    hanging.transport.hangs = true;
    await hanging.connect();
    await hanging.link.stop();
    const waiting = setUp();
    waiting.transport.refusal = 'connect ECONNREFUSED';
    await waiting.connect();
    await waiting.link.stop();
    await waiting.clock.advance(60_000);
    expect(waiting.transport.dialledAtMs).toHaveLength(1);
  });
});
