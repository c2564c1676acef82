// lockstep events, in this process.
import { expect, it } from 'vitest';
import { type HostEvent, NO_HOST } from '../../../../desired-state/events.ts';
import { CliRig } from '../../fixtures/cli-rig.ts';

const AT = '2026-01-01T00:00:00.000Z';

function eventOf(host: string, reason: string): HostEvent {
  return {
    host,
    type: 'Warning',
    reason,
    message: 'x',
    generation: 0,
    at: AT,
    firstAt: AT,
    count: 1,
    actor: 'controller',
  };
}

it('events - shows those about the controller itself alone', async () => {
  const rig = await CliRig.start();
  await rig.store.appendEvents([eventOf(NO_HOST, 'ManifestRefused'), eventOf('a', 'AgentRefused')]);
  const { code, out } = await rig.run(['events', '-']);
  expect(code).toBe(0);
  expect(out.filter((line) => line.includes('Refused'))).toEqual([
    expect.stringContaining('ManifestRefused'),
  ]);
});

it('events of what is neither a host nor the controller is wrong usage', async () => {
  const rig = await CliRig.start();
  expect((await rig.run(['events', '--', '-a'])).code).toBe(2);
});

it.each(['0x10', '1e2', '3.0', ' 3', '+3', '', '0', '10001'])(
  'a limit is a number in decimal digits: %j is none',
  async (text) => {
    const rig = await CliRig.start();
    const { code, err } = await rig.run(['events', `--limit=${text}`]);
    expect(code).toBe(2);
    expect(err.join('')).toContain('Expected a whole number from 1 to 10000.');
  },
);

it('a limit is how many of the newest are shown', async () => {
  const rig = await CliRig.start();
  for (const name of ['a', 'b', 'c']) await rig.hosts.declare({ name }, { actor: 'alice', network: 'local' });
  expect((await rig.run(['events', '-n', '02'])).out).toHaveLength(3);
});
