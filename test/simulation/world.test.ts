import PQueue from 'p-queue';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../reconcilers/loop/clock.ts';
import { runTinyHost } from './tiny-host.ts';
import { Prng } from './world/prng.ts';
import { SimClock } from './world/sim-clock.ts';
import { SimLog } from './world/sim-log.ts';
import { SimProcess } from './world/sim-process.ts';

describe('the seeded randomness', () => {
  it('draws the same from the same seed and something else from another', () => {
    const draws = (seed: number) => {
      const prng = new Prng(seed);
      return Array.from({ length: 20 }, () => prng.next());
    };
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
  });

  it('forks streams that do not depend on how much was drawn before', () => {
    const [fresh, used] = [new Prng('seed'), new Prng('seed')];
    used.next();
    expect(used.fork('disk').next()).toBe(fresh.fork('disk').next());
    expect(fresh.fork('disk').next()).not.toBe(fresh.fork('network').next());
  });

  it('is even enough: each of ten numbers comes up about a tenth of the time', () => {
    const prng = new Prng(3);
    const counts = new Map<number, number>();
    for (let draw = 0; draw < 100_000; draw += 1) {
      const value = prng.int(0, 9);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect(counts.size).toBe(10);
    expect(Math.min(...counts.values())).toBeGreaterThan(9_500);
    expect(Math.max(...counts.values())).toBeLessThan(10_500);
  });
});

describe('the simulated clock', () => {
  it('runs events in order of time, equal ones as they were set, and says when it is', async () => {
    const clock = new SimClock({ startsAt: 1_000_000 });
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name} at ${clock.monotonicMs()}`);
    clock.setTimer(20, note('c'));
    clock.setTimer(10, note('a'));
    clock.setTimer(10, note('b'));
    clock.setTimer(10, note('cancelled'))();
    clock.setTimer(31, note('too late'));
    await clock.runFor(30);
    expect(seen).toEqual(['a at 10', 'b at 10', 'c at 20']);
    expect([clock.monotonicMs(), clock.now()]).toEqual([30, 1_000_030]);
  });

  it('begins an event only when everything that the one before made runnable has run', async () => {
    const clock = new SimClock();
    const queue = new PQueue({ concurrency: 2 });
    const seen: string[] = [];
    async function* chain() {
      for (let link = 0; link < 500; link += 1) yield await Promise.resolve(link);
    }
    const long = async (name: string) => {
      for await (const link of chain()) await queue.add(async () => await Promise.all([link, null]));
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      seen.push(name);
    };
    clock.setTimer(1, () => void long('first'));
    clock.setTimer(1, () => void long('second'));
    clock.setTimer(1, () => seen.push('third'));
    await clock.runFor(1);
    expect(seen).toEqual(['first', 'second', 'third']);
  });

  it('calls step listeners after each event, when it is quite done', async () => {
    const clock = new SimClock();
    let deep = 0;
    const seen: number[] = [];
    clock.onStep(() => seen.push(deep));
    for (let event = 0; event < 3; event += 1) {
      clock.setTimer(event, async () => {
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
        deep += 1;
      });
    }
    await clock.runFor(10);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('stops at the step after which a condition holds', async () => {
    const clock = new SimClock();
    let count = 0;
    const tick = () => {
      count += 1;
      clock.setTimer(10, tick);
    };
    tick();
    expect(await clock.runUntil(() => count === 4, 1_000)).toBe(true);
    expect(clock.monotonicMs()).toBe(30);
    expect(await clock.runUntil(() => count < 0, 100)).toBe(false);
    expect(clock.monotonicMs()).toBe(130);
  });

  it('ends a livelock as a failure', async () => {
    const clock = new SimClock({ maxStepsPerSecond: 1_000 });
    const spin = () => void clock.setTimer(0, spin);
    spin();
    await expect(clock.runFor(1)).rejects.toThrow('livelock');
    const busy = new SimClock({ maxStepsPerSecond: 1_000 });
    const work = () => void busy.setTimer(2, work);
    work();
    await busy.runFor(60_000);
    expect(busy.steps).toBe(30_000);
  });

  it('fails a run with what an event or a step listener throws', async () => {
    const clock = new SimClock();
    clock.setTimer(1, () => {
      throw new Error('uncaught');
    });
    await expect(clock.runFor(5)).rejects.toThrow('uncaught');
    clock.onStep(() => {
      throw new Error('invariant');
    });
    clock.setTimer(1, () => {});
    await expect(clock.runFor(5)).rejects.toThrow('invariant');
  });

  it('finds whatever waits for the real world', async () => {
    const clock = new SimClock();
    clock.setTimer(1, () => setImmediate(() => clock.setTimer(1, () => {})));
    await clock.runFor(1_000);
    await expect(clock.assertNothingReal()).rejects.toThrow('real world');
    await clock.assertNothingReal();
  });
});

describe('a simulated process', () => {
  it('takes its timers and its I/O with it, whatever they waited for', async () => {
    const clock = new SimClock();
    const process = new SimProcess('agent', clock);
    const seen: string[] = [];
    const forever = new AbortController().signal;
    const live = async () => {
      for (;;) {
        seen.push(`slept at ${clock.monotonicMs()}`);
        await sleep(process.clock, 10, forever);
        await process.io(5, () => seen.push(`wrote at ${clock.monotonicMs()}`));
      }
    };
    void live();
    clock.setTimer(27, () => process.kill());
    await clock.runFor(1_000);
    expect(seen).toEqual(['slept at 0', 'wrote at 15', 'slept at 15']);
  });

  it('has no effect any more on the world, though its code runs on to the end of its turn', async () => {
    const clock = new SimClock();
    const process = new SimProcess('agent', clock);
    const log = new SimLog(clock);
    const deaths: string[] = [];
    const seen: string[] = [];
    process.onDeath((death) => deaths.push(death));
    void process.io(1, () => {
      process.kill('power-cut');
      process.kill();
      process.clock.setTimer(0, () => seen.push('timer'));
      void process.io(0, () => seen.push('io'));
      log.for(process).info({}, 'a last word');
    });
    await clock.runFor(10);
    expect([deaths, seen, log.lines()]).toEqual([['power-cut'], [], []]);
  });

  it('has a wall clock that may jump while its monotonic one does not', () => {
    const clock = new SimClock({ startsAt: 5_000 });
    const process = new SimProcess('agent', clock);
    process.jumpWall(-3_000);
    expect([process.clock.now(), process.clock.monotonicMs(), clock.now()]).toEqual([2_000, 0, 5_000]);
  });
});

describe('the simulated log', () => {
  it('keeps the newest lines and counts all', () => {
    const clock = new SimClock();
    const log = new SimLog(clock, 3);
    const agent = log.for(new SimProcess('agent', clock));
    const heard: unknown[] = [];
    log.onLine((line) => heard.push(line.fields.generation));
    for (const generation of [1, 2, 3, 4, 5]) agent.info({ generation }, 'locked');
    agent.debug({}, 'each pass');
    expect(log.count('info', 'locked')).toBe(5);
    expect(log.lines().map(({ fields }) => fields.generation)).toEqual([3, 4, 5]);
    expect(heard).toEqual([1, 2, 3, 4, 5]);
    expect(log.report(1)).toBe('       0.000 agent info: locked {"generation":5}');
  });
});

describe('a tiny host in the world', () => {
  it('makes of the same seed the identical trace, and of another seed another', async () => {
    const [first, again, other] = [
      await runTinyHost(7, 60),
      await runTinyHost(7, 60),
      await runTinyHost(8, 60),
    ];
    expect(again).toEqual(first);
    expect(other.trace).not.toBe(first.trace);
    expect(first.acknowledged).toBeGreaterThan(5);
  });

  it('loses nothing in 60 seeds while it syncs before it acknowledges', async () => {
    for (let seed = 0; seed < 60; seed += 1) {
      expect((await runTinyHost(seed, 60)).losses, `seed ${seed}`).toEqual([]);
    }
  });

  for (const sabotage of ['no file sync', 'no folder sync', 'acknowledges first'] as const) {
    it(`is caught when sabotaged: ${sabotage}`, async () => {
      let seed = 0;
      while ((await runTinyHost(seed, 60, sabotage)).losses.length === 0) {
        seed += 1;
        expect(seed, 'seeds without a loss').toBeLessThan(300);
      }
    });
  }
});
