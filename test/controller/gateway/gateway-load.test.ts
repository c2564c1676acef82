import { expect, it } from 'vitest';
import { AgentGateway } from '../../../controller/gateway/agent-gateway.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { AgentEnd, helloOf } from '../fixtures/agent-end.ts';
import { FlakyStore } from '../fixtures/flaky-store.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';

function setUp() {
  const parts = { store: new FlakyStore(new MemoryStore()), clock: new FakeClock(), log: new RecordingLog() };
  const gateway = new AgentGateway({ ...parts, hosts: new Hosts(parts) });
  const connect = async (host: string, network: string) => {
    const agent = new AgentEnd();
    gateway.accept(agent.connection, network);
    await agent.say({ ...helloOf(host), network });
    await settle();
    return agent;
  };
  return { ...parts, gateway, connect };
}

it('counts the agents that have said who they are, by network', async () => {
  const { gateway, connect } = setUp();
  await gateway.start();
  gateway.accept(new AgentEnd().connection, 'cluster');
  const first = await connect('a', 'management');
  await connect('b', 'management');
  await connect('a', 'cluster');
  expect([...gateway.load().connections]).toEqual([
    ['management', 2],
    ['cluster', 1],
  ]);
  first.close();
  expect(gateway.load().connections.get('management')).toBe(1);
  await gateway.stop();
  expect([...gateway.load().connections]).toEqual([]);
});

it('counts messages that wait for their turn, and hosts whose status the store has yet to take', async () => {
  const { gateway, connect, store, clock } = setUp();
  await gateway.start();
  const agent = await connect('a', 'management');
  expect(gateway.load()).toMatchObject({ waitingMessages: 0, hostsToWrite: 0 });
  for (let sequence = 0; sequence < 5; sequence += 1) {
    agent.post({ type: 'heartbeat', sequence, bootId: 'boot-1', observedGeneration: 1 });
  }
  // The first is being dealt with.
  expect(gateway.load().waitingMessages).toBe(4);
  await settle();
  expect(gateway.load().waitingMessages).toBe(0);

  store.failing.add('writeStatuses');
  agent.close();
  await settle();
  expect(gateway.load().hostsToWrite).toBe(1);
  store.failing.clear();
  await clock.advance(10_000);
  expect(gateway.load().hostsToWrite).toBe(0);
  await gateway.stop();
});
