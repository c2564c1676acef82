import { describe, expect, it } from 'vitest';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import { keepTimerDue, observeLateness } from '../../runtime/lateness.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A clock whose loop can stand still: what falls due meanwhile fires at its end, in order. */
function setUp() {
  const fake = new FakeClock();
  let lateMs = 0;
  const stallable: Clock = {
    now: () => fake.now() + lateMs,
    monotonicMs: () => fake.monotonicMs() + lateMs,
    setTimer: (ms, fire) => fake.setTimer(ms, fire),
  };
  const stalls: number[] = [];
  const clock = observeLateness(stallable, (stalledMs) => stalls.push(Math.round(stalledMs)));
  return {
    fake,
    clock,
    stalls,
    /** The next timers fire that much after their time. */
    stall(ms: number): void {
      lateMs += ms;
    },
  };
}

describe('observeLateness', () => {
  it('says nothing of timers that are on time, or nearly', async () => {
    const { fake, clock, stalls, stall } = setUp();
    const fired: number[] = [];
    for (const ms of [0, 10, 500]) clock.setTimer(ms, () => fired.push(ms));
    await fake.advance(300);
    stall(99);
    await fake.advance(1_000);
    expect([fired, stalls]).toEqual([[0, 10, 500], []]);
  });

  it('says how late a timer is, before it fires', async () => {
    const { fake, clock, stalls, stall } = setUp();
    let seen: readonly number[] = [];
    clock.setTimer(50, () => {
      seen = [...stalls];
    });
    stall(400);
    await fake.advance(50);
    expect(seen).toEqual([400]);
  });

  it('takes several timers that are late by the same stall for one', async () => {
    const { fake, clock, stalls, stall } = setUp();
    for (const ms of [50, 60, 70, 80]) clock.setTimer(ms, () => {});
    stall(400);
    await fake.advance(80);
    expect(stalls).toEqual([400]);
  });

  it('tells two stalls apart', async () => {
    const { fake, clock, stalls, stall } = setUp();
    clock.setTimer(50, () => {});
    stall(400);
    await fake.advance(50);
    clock.setTimer(50, () => {});
    stall(150);
    await fake.advance(50);
    expect(stalls).toEqual([400, 150]);
  });

  it('lets a timer be cancelled, and tells the time of the clock that it wraps', async () => {
    const { fake, clock, stalls } = setUp();
    const fired: number[] = [];
    clock.setTimer(50, () => fired.push(50))();
    await fake.advance(1_000);
    expect([fired, stalls, clock.monotonicMs(), clock.now()]).toEqual([[], [], 1_000, fake.now()]);
  });
});

describe('keepTimerDue', () => {
  it('sees a stall of an idle program, until it is ended', async () => {
    const { fake, clock, stalls, stall } = setUp();
    const end = keepTimerDue(clock);
    await fake.advance(3_500);
    stall(1_700);
    await fake.advance(1_000);
    expect(stalls).toEqual([1_700]);
    end();
    expect(fake.timers).toBe(0);
  });
});
