import { describe, expect, it } from 'vitest';
import { nowIso, sleep } from '../../../reconcilers/loop/clock.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

describe('sleep', () => {
  it('resolves after its time, not before', async () => {
    const clock = new FakeClock();
    let isOver = false;
    void sleep(clock, 100, new AbortController().signal).then(() => {
      isOver = true;
    });
    await clock.advance(99);
    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(isOver).toBe(true);
  });

  it('resolves at once on abort and leaves no timer', async () => {
    const clock = new FakeClock();
    const aborting = new AbortController();
    const sleeping = sleep(clock, 100, aborting.signal);
    aborting.abort();
    await sleeping;
    await sleep(clock, 100, aborting.signal);
    expect(clock.timers).toBe(0);
  });
});

describe('nowIso', () => {
  it('is the wall clock, in UTC', async () => {
    const clock = new FakeClock();
    await settle();
    expect(nowIso(clock)).toBe('2026-01-01T00:00:00.000Z');
  });
});
