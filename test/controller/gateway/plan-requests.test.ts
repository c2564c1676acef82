import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentGateway } from '../../../controller/gateway/agent-gateway.ts';
import { Hosts } from '../../../controller/hosts.ts';
import type { LockstepError } from '../../../desired-state/errors.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import type { AgentMessage } from '../../../desired-state/wire.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { AgentEnd, heartbeatOf, helloOf } from '../fixtures/agent-end.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';

const ALICE = { actor: 'alice', network: 'local' };
const STEPS = ['create volatile: the host is locked and the flag is missing'];

let clock: FakeClock;
let log: RecordingLog;
let hosts: Hosts;
let gateway: AgentGateway;

beforeEach(async () => {
  const store = new MemoryStore();
  clock = new FakeClock();
  log = new RecordingLog();
  hosts = new Hosts({ store, clock, log });
  gateway = new AgentGateway({ hosts, store, clock, log });
  await gateway.start();
});

afterEach(async () => {
  await gateway.stop();
});

async function connect(network = 'local'): Promise<AgentEnd> {
  const agent = new AgentEnd();
  gateway.accept(agent.connection, network);
  await agent.say(helloOf('compute-0'));
  return agent;
}

/** The ids of the plans that the agent was asked for. */
function asked(agent: AgentEnd): readonly string[] {
  return agent.heard.flatMap((message) => (message.type === 'plan-request' ? [message.id] : []));
}

/** Asks, and lets the request reach the agent. */
async function ask(): Promise<{ readonly outcome: Promise<unknown> }> {
  const outcome = gateway
    .planOf('compute-0')
    .catch((error: LockstepError) => `${error.code}: ${error.message}`);
  await settle();
  return { outcome };
}

function planOf(id: string | undefined, steps: string[] = STEPS): AgentMessage {
  return { type: 'plan', id: id ?? '', steps, blocked: [] };
}

describe('the plan of a host', () => {
  it('is what its agent answers to that very request', async () => {
    const agent = await connect();
    const first = await ask();
    const second = await ask();
    const [one, two] = asked(agent);
    await agent.say(planOf(two, []));
    await agent.say(planOf(one));
    expect(await first.outcome).toEqual({
      apiVersion: 'lockstep/v1',
      kind: 'Plan',
      host: 'compute-0',
      steps: STEPS,
      blocked: [],
    });
    expect(await second.outcome).toMatchObject({ steps: [] });
  });

  it('of a host that is not there is NotFound', async () => {
    expect(await (await ask()).outcome).toMatch(/^NotFound: host compute-0: not found/);
    const agent = await connect();
    agent.close();
    await clock.advance(1_000);
    await hosts.remove('compute-0', { force: true }, ALICE);
    expect(await (await ask()).outcome).toMatch(/^NotFound: /);
  });

  it('of a host that never connected, or went away, says so and what to do', async () => {
    await hosts.declare({ name: 'compute-0' }, ALICE);
    expect(await (await ask()).outcome).toBe(
      'Unavailable: host compute-0 is offline: the agent has never connected; `lockstep describe host compute-0` shows what was last known of it',
    );
    const agent = await connect();
    agent.close();
    await settle();
    expect(await (await ask()).outcome).toMatch(/is offline: the agent closed its last connection; /);
  });

  it('fails after 10 s without an answer, and a late answer changes nothing', async () => {
    const agent = await connect();
    const { outcome } = await ask();
    await clock.advance(9_999);
    expect(asked(agent)).toHaveLength(1);
    await clock.advance(1);
    expect(await outcome).toMatch(
      /^Unavailable: host compute-0: its agent is connected and did not answer within 10 s/,
    );
    expect(await agent.say(planOf(asked(agent)[0]))).toEqual([
      { type: 'nack', re: 'plan', message: 'nobody waits for plan 1' },
    ]);
    const again = await ask();
    await agent.say(planOf(asked(agent)[1]));
    expect(await again.outcome).toMatchObject({ steps: STEPS });
  });

  it('is not waited for once the agent refuses, and the asker hears why', async () => {
    const agent = await connect();
    const { outcome } = await ask();
    await agent.say({ type: 'nack', re: 'plan-request', message: 'the scripts folder cannot be read' });
    expect(await outcome).toBe(
      "Unavailable: host compute-0: its agent can't make a plan: the scripts folder cannot be read",
    );
    expect(log.of('agent refused a message')).toEqual([]);
    await agent.say({ type: 'nack', re: 'plan-request', message: 'again' });
    expect(log.of('agent refused a message')).toHaveLength(1);
  });

  it('is asked for over the connection that was heard of last', async () => {
    const cluster = await connect('cluster');
    const management = await connect('management');
    await clock.advance(1_000);
    await management.say(heartbeatOf(1));
    const { outcome } = await ask();
    expect(asked(cluster)).toEqual([]);
    await management.say(planOf(asked(management)[0]));
    expect(await outcome).toMatchObject({ steps: STEPS });
  });

  it('comes over the other network when a connection ends meanwhile, within the same 10 s', async () => {
    const management = await connect('management');
    const cluster = await connect('cluster');
    await clock.advance(1_000);
    await management.say(heartbeatOf(1));
    const first = await ask();
    await clock.advance(6_000);
    management.close();
    await settle();
    await cluster.say(planOf(asked(cluster)[0]));
    expect(await first.outcome).toMatchObject({ steps: STEPS });

    const again = await connect('management');
    await clock.advance(1);
    await again.say(heartbeatOf(1));
    const second = await ask();
    await clock.advance(6_000);
    again.close();
    await clock.advance(4_000);
    expect(await second.outcome).toMatch(/did not answer within 10 s/);
  });

  it('of a host whose last connection ends before the answer says that it is offline', async () => {
    const agent = await connect();
    const { outcome } = await ask();
    agent.close();
    expect(await outcome).toMatch(/^Unavailable: host compute-0 is offline: its agent is not connected; /);
  });

  it('is asked for 8 times at once at most, and no timer stays behind', async () => {
    const agent = await connect();
    const timersBefore = clock.timers;
    const outcomes = [];
    for (let count = 0; count < 8; count += 1) outcomes.push((await ask()).outcome);
    expect(await (await ask()).outcome).toMatch(/^Unavailable: .*asked for 8 plans already/);
    for (const id of asked(agent)) await agent.say(planOf(id));
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ steps: STEPS });
    expect(clock.timers).toBe(timersBefore);
    expect(asked(agent)).toHaveLength(8);
  });

  it('that nobody asked for is answered with a nack, and nothing else comes of it', async () => {
    const agent = await connect();
    expect(await agent.say(planOf('42'))).toEqual([
      { type: 'nack', re: 'plan', message: 'nobody waits for plan 42' },
    ]);
    expect(agent.closed).toBeUndefined();
  });
});
