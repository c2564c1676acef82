// Rows F13 and S4 of requirements.md: what goes over the wire between a real program and the other end of a test.
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { findCondition } from '../../desired-state/conditions.ts';
import { heartbeatOf } from '../controller/fixtures/agent-end.ts';
import { SocketAgent } from '../controller/fixtures/socket-agent.ts';
import { FakeController } from './fixtures/fake-controller.ts';
import { linesOf } from './fixtures/log-lines.ts';
import { HOST, LOCKED, Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { daemon } from './fixtures/scripts.ts';
import { until, within } from './fixtures/wait.ts';

const UNKNOWN = JSON.stringify({ type: 'reboot', urgency: 'high' });

it('F13: a message that the controller does not know is refused each time, logged once, and life goes on', async () => {
  const sandbox = new Sandbox();
  await sandbox.startController();
  const agent = await within('the agent is greeted', SocketAgent.connect(sandbox.socketPath, HOST));
  for (let count = 0; count < 3; count += 1) agent.send(UNKNOWN);
  agent.send(heartbeatOf(1));
  const acks = () => agent.heard.filter(({ type }) => type === 'ack');
  await within(
    'the heartbeat is answered',
    agent.until(() => acks().some((ack) => 're' in ack && ack.re === 'heartbeat')),
  );
  const nacks = agent.heard.filter(({ type }) => type === 'nack');
  expect(nacks).toHaveLength(3);
  for (const nack of nacks) expect(nack).toMatchObject({ re: 'reboot', message: /unknown command "reboot"/ });
  expect(agent.isOpen).toBe(true);
  await sandbox.ask('unlock');
  await within(
    'the unlock arrives',
    agent.until(() => agent.heard.some((message) => message.type === 'desired' && !message.spec.locked)),
  );
  const { stderr } = await sandbox.endController('SIGTERM');
  expect(linesOf(stderr, 'unknown command')).toMatchObject([{ peer: HOST, type: 'reboot' }]);
});

it('F13: a message that the agent does not know is refused each time, logged once, and life goes on', async () => {
  const sandbox = new Sandbox();
  const controller = await FakeController.listen(sandbox.socketPath, LOCKED);
  sandbox.startAgent();
  await until('the agent acknowledges', () =>
    controller.of('status').some(({ status }) => status.observedGeneration === 1),
  );
  for (let count = 0; count < 3; count += 1) controller.say(UNKNOWN);
  await until('each is refused', () => controller.of('nack').length === 3);
  for (const nack of controller.of('nack')) {
    expect(nack.re).toBe('reboot');
    expect(nack.message).toMatch(/unknown command "reboot"/);
  }
  expect(sandbox.presence()).toBe('both');
  controller.declare(UNLOCKED);
  await sandbox.untilFlags('neither');
  const { stderr } = await sandbox.endAgent('SIGTERM');
  expect(linesOf(stderr, 'unknown command')).toMatchObject([{ network: 'local', type: 'reboot' }]);
});

it('S4: a converged host sends heartbeats and nothing else', async () => {
  const sandbox = new Sandbox();
  for (const name of ['10-one', '20-two']) sandbox.service('worker', name, daemon(sandbox, name));
  const controller = await FakeController.listen(sandbox.socketPath, UNLOCKED);
  sandbox.startAgent();
  const others = () => controller.heard.filter(({ type }) => type !== 'heartbeat').length;
  await until('its services are as desired', () =>
    controller
      .of('status')
      .some(({ status }) => findCondition(status.conditions, 'ServicesInSync')?.status === 'True'),
  );
  // Events of the start may come up to a second late each.
  let settled = -1;
  while (settled !== others()) {
    settled = others();
    await setTimeout(3_000);
  }
  const heartbeats = controller.of('heartbeat').length;
  await setTimeout(15_000);
  expect(others()).toBe(settled);
  expect(controller.of('heartbeat').length - heartbeats).toBeGreaterThanOrEqual(2);
  expect(controller.of('heartbeat').length - heartbeats).toBeLessThanOrEqual(4);
});
