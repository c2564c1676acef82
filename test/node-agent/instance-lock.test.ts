import { describe, expect, it } from 'vitest';
import { LockstepError } from '../../desired-state/errors.ts';
import { watchLock } from '../../node-agent/instance-lock.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const RESYNC_MS = 5_000;

/** @param takenAt looks, counted from 1, that find it held by another agent. */
function setUp(takenAt: readonly number[] = []) {
  const clock = new FakeClock();
  let looks = 0;
  const lost: unknown[] = [];
  const watch = watchLock({
    lock: {
      renew: async () => {
        looks += 1;
        if (takenAt.includes(looks)) throw new LockstepError('Conflict', `taken at look ${looks}`);
      },
      release: () => {},
    },
    clock,
    resyncIntervalMs: RESYNC_MS,
  });
  void watch.lost.then((conflict) => lost.push(conflict));
  return { clock, watch, lost, looks: () => looks };
}

describe('the watch over the instance lock', () => {
  it('looks twice a resync, and loses nothing that is held', async () => {
    const { clock, lost, looks } = setUp();
    await clock.advance(10 * RESYNC_MS);
    expect([looks(), lost]).toEqual([20, []]);
  });

  it('I6: tells of an agent that has it at two looks in a row, within a resync, and looks no more', async () => {
    const { clock, lost, looks } = setUp([1, 2]);
    await clock.advance(RESYNC_MS);
    expect(lost).toMatchObject([{ code: 'Conflict', message: 'taken at look 2' }]);
    await clock.advance(10 * RESYNC_MS);
    expect([looks(), clock.timers]).toEqual([2, 0]);
  });

  it('I6: gives way to none that held it for a moment only, such as one that is refused by another folder', async () => {
    const { clock, lost, looks } = setUp([1, 3, 5, 7]);
    await clock.advance(5 * RESYNC_MS);
    expect([looks(), lost]).toEqual([10, []]);
  });

  it('ends its looks when it is stopped', async () => {
    const { clock, watch, looks } = setUp();
    await watch.stop();
    await clock.advance(10 * RESYNC_MS);
    await settle();
    expect([looks(), clock.timers]).toEqual([0, 0]);
  });
});
