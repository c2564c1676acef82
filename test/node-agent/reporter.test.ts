// When a status goes to controllers and to people on the host, seen from outside of a whole agent; what is in one is host-report.test.ts'.
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../desired-state/conditions.ts';
import { AgentRig, LOCKED, STATE_DIR, UNLOCKED } from '../support/agent-rig.ts';

/** Hears every status from now on in which something else is said of the flags than in the one before: `2 True AsDesired`. */
function statusesOf(rig: AgentRig): { readonly atMs: number; readonly text: string }[] {
  const heard: { atMs: number; text: string }[] = [];
  rig.controller.onHeard(({ atMs, message }) => {
    if (message.type !== 'status') return;
    const { observedGeneration, conditions } = message.status;
    const { status, reason } = findCondition(conditions, 'FlagsInSync') ?? { status: 'not', reason: 'there' };
    const text = `${observedGeneration} ${status} ${reason}`;
    if (heard.at(-1)?.text !== text) heard.push({ atMs, text });
  });
  return heard;
}

describe('the status of a change that is being applied', () => {
  it('is told to controllers when it is applied, and not before', async () => {
    const rig = new AgentRig({ services: [] });
    await rig.settle(UNLOCKED);
    const heard = statusesOf(rig);
    rig.controller.declare(LOCKED);
    await rig.run(2_000);
    expect(rig.flags).toBe('both');
    expect(heard.map(({ text }) => text)).toEqual(['2 True AsDesired']);
  });

  it('is seen by people on the host at once', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.disk.faults.hold(STATE_DIR);
    rig.controller.declare(LOCKED);
    await rig.run(20);
    expect(rig.status?.desired).toMatchObject({ generation: 2, locked: true });
    expect(rig.status?.acknowledgedGeneration).toBe(1);
  });

  it('is told to controllers after 100 ms all the same when a disk hangs, and again when it is applied', async () => {
    const rig = new AgentRig({ services: [] });
    await rig.settle(UNLOCKED);
    const heard = statusesOf(rig);
    const release = rig.disk.faults.hold(STATE_DIR);
    const declaredAtMs = rig.clock.monotonicMs();
    rig.controller.declare(LOCKED);
    await rig.run(95);
    expect(heard).toEqual([]);
    await rig.run(15);
    expect(heard.map(({ text }) => text)).toEqual(['1 False Pending']);
    expect((heard[0]?.atMs ?? 0) - declaredAtMs).toBeGreaterThanOrEqual(100);
    release();
    await rig.run(1_000);
    // The flags were looked at long before the copies were done: they count after another look.
    const texts = ['1 False Pending', '1 False Correcting', '2 True AsDesired'];
    expect(heard.map(({ text }) => text)).toEqual(texts);
    // The next one is kept back again.
    rig.controller.declare(UNLOCKED);
    await rig.run(2_000);
    expect(heard.slice(3).map(({ text }) => text)).toEqual(['3 True AsDesired']);
  });

  it('is told when it cannot be remembered, and what goes on does not wait for it', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    const heard = statusesOf(rig);
    rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    rig.controller.declare(LOCKED);
    await rig.run(120);
    expect(heard.at(-1)?.text).toBe('1 False NotRemembered');
    // The service stops meanwhile: that is told when it happens.
    await rig.run(5_000);
    expect(rig.running).toEqual([]);
    expect(rig.controller.of('status').at(-1)?.status.services).toMatchObject([{ state: 'stopped' }]);
  });

  it('is told to a controller that connects meanwhile', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    const heard = statusesOf(rig);
    rig.disk.faults.hold(STATE_DIR);
    rig.controller.declare(LOCKED);
    await rig.run(10);
    for (const network of rig.networks) network.cut();
    await rig.run(3_000);
    // By then the pass waits no more for the disk that hangs.
    expect(heard.map(({ text }) => text)).toEqual(['1 False NotRemembered']);
  });
});
