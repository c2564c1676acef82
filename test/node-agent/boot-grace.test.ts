import { describe, expect, it } from 'vitest';
import { BootGrace, isNewBoot } from '../../node-agent/boot-grace.ts';
import { DiskRig } from '../support/disk-rig.ts';
import { FakeClock } from '../support/fake-clock.ts';

const RUN_DIR = '/run/lockstep';

function setUp(isNew = true) {
  const clock = new FakeClock();
  const rig = new DiskRig();
  let overs = 0;
  const grace = new BootGrace(
    {
      disk: rig.disk,
      clock,
      runDir: RUN_DIR,
      bootId: 'boot-2',
      graceMs: 2_000,
      onOver: () => {
        overs += 1;
      },
    },
    isNew,
  );
  /** Lets the disk do what it was asked for. */
  const settleDisk = () =>
    rig.run(() => rig.disk.list(RUN_DIR)).then(() => rig.run(() => rig.disk.list('/')));
  const isNewNow = (bootId = 'boot-2') => rig.run(() => isNewBoot(rig.disk, RUN_DIR, bootId));
  return { clock, rig, grace, overs: () => overs, settleDisk, isNewNow };
}

describe('BootGrace', () => {
  it('passes by itself, and asks for a look then', async () => {
    const { clock, grace, overs } = setUp();
    await clock.advance(1_999);
    expect([grace.isOver, overs()]).toEqual([false, 0]);
    await clock.advance(1);
    expect([grace.isOver, overs()]).toEqual([true, 1]);
  });

  it('F10: is over once a controller answered, once', async () => {
    const { clock, grace, overs } = setUp();
    grace.end();
    grace.end();
    expect(clock.timers).toBe(0);
    await clock.advance(10_000);
    expect([grace.isOver, overs()]).toEqual([true, 1]);
  });

  it('is over from the start when the agent alone restarted', () => {
    const { clock, grace, overs } = setUp(false);
    expect([grace.isOver, overs(), clock.timers]).toEqual([true, 0, 0]);
  });

  it('records the boot only when it is over: an agent that crashed before has its grace again', async () => {
    const { rig, grace, isNewNow } = setUp();
    expect(await isNewNow()).toBe(true);
    grace.end();
    while (rig.sim.contentNow(`${RUN_DIR}/boot-id`) === undefined) await isNewNow();
    expect(await isNewNow()).toBe(false);
    expect(await isNewNow('boot-3')).toBe(true);
  });

  it('F10: takes a record that cannot be read for none', async () => {
    const { rig, grace, isNewNow } = setUp();
    grace.end();
    while (rig.sim.contentNow(`${RUN_DIR}/boot-id`) === undefined) await isNewNow();
    rig.sim.faults.add({ code: 'EIO', under: RUN_DIR });
    expect(await isNewNow()).toBe(true);
  });

  it('is over although the boot cannot be recorded', async () => {
    const { rig, grace, settleDisk } = setUp();
    rig.sim.faults.add({ code: 'ENOSPC', under: RUN_DIR });
    grace.end();
    await settleDisk();
    expect(grace.isOver).toBe(true);
  });

  it('asks for nothing once it is stopped', async () => {
    const { clock, grace, overs } = setUp();
    grace.stop();
    await clock.advance(10_000);
    expect([overs(), clock.timers]).toEqual([0, 0]);
  });
});
