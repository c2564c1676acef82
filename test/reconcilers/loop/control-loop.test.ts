import { describe, expect, it } from 'vitest';
import { ControlLoop, type Outcome, type Pass } from '../../../reconcilers/loop/control-loop.ts';
import type { LoopMonitor } from '../../../reconcilers/loop/loop-monitor.ts';
import { FakeClock, middle, settle } from '../../support/fake-clock.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { silentMonitor } from '../../support/silent-monitor.ts';

const SETTLED: Outcome = { kind: 'settled', sentence: 'as desired' };
const RETRY: Outcome = { kind: 'retry', sentence: 'the disk is full' };

interface SetUp {
  readonly flags?: (pass: Pass) => Promise<Outcome>;
  readonly services?: (pass: Pass) => Promise<Outcome>;
  readonly monitor?: LoopMonitor<'flags' | 'services'>;
}

/** A loop with what began when, on the monotonic clock. */
function setUp({
  flags = async () => SETTLED,
  services = async () => SETTLED,
  monitor = silentMonitor,
}: SetUp = {}) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const began = { flags: [] as number[], services: [] as number[] };
  const noted = (key: 'flags' | 'services', reconcile: (pass: Pass) => Promise<Outcome>) => (pass: Pass) => {
    began[key].push(clock.monotonicMs());
    return reconcile(pass);
  };
  const loop = new ControlLoop({
    reconcilers: { flags: noted('flags', flags), services: noted('services', services) },
    clock,
    random: middle,
    log,
    resyncIntervalMs: 5_000,
    monitor,
  });
  return { clock, log, began, loop };
}

describe('ControlLoop', () => {
  it('looks at every key at each resync, start to start', async () => {
    const { clock, began, loop } = setUp();
    loop.start();
    await clock.advance(15_000);
    expect(began).toEqual({ flags: [5_000, 10_000, 15_000], services: [5_000, 10_000, 15_000] });
  });

  it('keeps the resync of a key whose look takes long, without a second one at once', async () => {
    const ends: (() => void)[] = [];
    const services = () => new Promise<Outcome>((resolve) => ends.push(() => resolve(SETTLED)));
    const { clock, began, loop } = setUp({ services });
    loop.start();
    await clock.advance(17_000);
    expect(began).toEqual({ flags: [5_000, 10_000, 15_000], services: [5_000] });
    ends[0]?.();
    await clock.advance(0);
    expect(began.services).toEqual([5_000, 17_000]);
  });

  it('looks at once when asked, and once more for all that is asked during a look', async () => {
    const ends: (() => void)[] = [];
    const flags = () => new Promise<Outcome>((resolve) => ends.push(() => resolve(SETTLED)));
    const { clock, began, loop } = setUp({ flags });
    loop.request('flags');
    await settle();
    for (let n = 0; n < 10; n += 1) loop.request('flags');
    ends[0]?.();
    await settle();
    ends[1]?.();
    await clock.advance(1_000);
    expect(began.flags).toEqual([0, 0]);
  });

  it('tells a pass when it was first asked for, for detect-to-repair latencies', async () => {
    const requested: number[] = [];
    const ends: (() => void)[] = [];
    const flags = ({ requestedAtMs }: Pass) => {
      requested.push(requestedAtMs);
      return new Promise<Outcome>((resolve) => ends.push(() => resolve(SETTLED)));
    };
    const { clock, loop } = setUp({ flags });
    loop.request('flags');
    await clock.advance(10);
    loop.request('flags');
    await clock.advance(20);
    loop.request('flags');
    ends[0]?.();
    await settle();
    expect(requested).toEqual([0, 10]);
  });

  it('backs a failing key off with jitter, and never waits longer than the resync for it', async () => {
    const { clock, began, loop } = setUp({ flags: async () => RETRY });
    loop.request('flags');
    await clock.advance(20_000);
    const waits = began.flags.map((at, index) => at - (began.flags[index - 1] ?? 0)).slice(1);
    // Half of it is fixed, and the middle of the other half drawn.
    expect(waits).toEqual([75, 150, 300, 600, 1_200, 2_400, 3_750, 3_750, 3_750, 3_750]);
  });

  it('forgets failures with the first look that does not fail', async () => {
    const outcomes: Outcome[] = [RETRY, RETRY, RETRY, SETTLED, RETRY];
    const { clock, began, loop } = setUp({ flags: async () => outcomes.shift() ?? SETTLED });
    loop.request('flags');
    await clock.advance(2_000);
    expect(began.flags).toEqual([0, 75, 225, 525]);
    loop.request('flags');
    await clock.advance(1_000);
    expect(began.flags.slice(4)).toEqual([2_000, 2_075]);
  });

  it('counts a thrown error as a failure of that key alone', async () => {
    const { clock, log, began, loop } = setUp({
      flags: async () => {
        throw new Error('EIO: i/o error');
      },
    });
    loop.start();
    loop.request('flags');
    await clock.advance(5_000);
    expect(began.flags.length).toBeGreaterThan(3);
    expect(began.services).toEqual([5_000]);
    expect(log.at('warn')).toEqual(['the pass failed: EIO: i/o error']);
  });

  it('I7: warns of the same failure once, of another one again, and of the same one after it was over', async () => {
    const sentences = ['a', 'a', 'b', 'b', 'over', 'b'];
    const { clock, log, loop } = setUp({
      flags: async () => {
        const sentence = sentences.shift() ?? 'over';
        return { kind: sentence === 'over' ? 'settled' : 'retry', sentence };
      },
    });
    for (let n = 0; n < 8; n += 1) {
      loop.request('flags');
      await clock.advance(0);
    }
    expect(log.at('warn')).toEqual(['a', 'b', 'b']);
    await loop.stop();
  });

  it('looks again when something is known to be due, at the resync at the latest', async () => {
    const outcomes: Outcome[] = [
      { kind: 'look-again', afterMs: 300, sentence: 'backed off' },
      { kind: 'look-again', afterMs: 60_000, sentence: 'backed off' },
    ];
    const { clock, began, loop } = setUp({ services: async () => outcomes.shift() ?? SETTLED });
    loop.request('services');
    await clock.advance(30_000);
    expect(began.services).toEqual([0, 300, 5_300]);
  });

  it('drops the look that was due when another one came before it', async () => {
    const outcomes: Outcome[] = [{ kind: 'look-again', afterMs: 300, sentence: 'backed off' }];
    const { clock, began, loop } = setUp({ services: async () => outcomes.shift() ?? SETTLED });
    loop.request('services');
    await clock.advance(100);
    loop.request('services');
    await clock.advance(4_000);
    expect(began.services).toEqual([0, 100]);
  });

  it('looks at once when something happens', async () => {
    const { began, loop } = setUp();
    loop.hint('flags');
    await settle();
    loop.hint('flags');
    await settle();
    expect(began.flags).toEqual([0, 0]);
  });

  it('leaves what happens while a failure is backed off to the retry: its own writes happen too', async () => {
    const { clock, began, loop } = setUp({ flags: async () => RETRY });
    loop.request('flags');
    for (let ms = 0; ms < 500; ms += 10) {
      await clock.advance(10);
      loop.hint('flags');
    }
    expect(began.flags).toEqual([0, 75, 225]);
  });

  it('leaves to the retry what happens during a look that fails again', async () => {
    let writes = 0;
    const { clock, began, loop } = setUp({
      flags: async () => {
        writes += 1;
        if (writes < 50) loop.hint('flags');
        return RETRY;
      },
    });
    loop.request('flags');
    await clock.advance(1_000);
    expect(began.flags.length).toBeLessThan(10);
  });

  it('looks once more for what happens during the look that succeeds after a failure', async () => {
    const outcomes = [RETRY, SETTLED];
    const { clock, began, loop } = setUp({
      flags: async () => {
        const outcome = outcomes.shift();
        if (outcome?.kind === 'settled') loop.hint('flags');
        return outcome ?? SETTLED;
      },
    });
    loop.request('flags');
    await clock.advance(1_000);
    expect(began.flags).toEqual([0, 75, 75]);
  });

  it.each([
    { when: 'before its last look', hintedAt: [0, 1], began: [0] },
    { when: 'after its last look', hintedAt: [2], began: [0, 0] },
    { when: 'before and after its last look', hintedAt: [0, 1, 2], began: [0, 0] },
  ])('looks again for what happens during a pass only when that has not seen it: $when', async (given) => {
    const { hintedAt } = given;
    let looks = 0;
    const { clock, began, loop } = setUp({
      flags: async ({ looking }) => {
        const hint = (n: number) => {
          if (began.flags.length === 1 && hintedAt.includes(n)) loop.hint('flags');
        };
        hint(0);
        for (const n of [1, 2]) {
          looking();
          looks += 1;
          hint(n);
        }
        return SETTLED;
      },
    });
    loop.request('flags');
    await clock.advance(1_000);
    expect(began.flags).toEqual(given.began);
    expect(looks).toBe(2 * given.began.length);
  });

  it('keeps what is asked for during a pass although the pass looks after that', async () => {
    const { clock, began, loop } = setUp({
      flags: async ({ looking }) => {
        if (began.flags.length === 1) loop.request('flags');
        looking();
        return SETTLED;
      },
    });
    loop.request('flags');
    await clock.advance(1_000);
    expect(began.flags).toEqual([0, 0]);
  });

  it('keeps what happens to one key while the pass of another looks', async () => {
    const { promise, resolve: look } = Promise.withResolvers<void>();
    const ends: (() => void)[] = [];
    const { clock, began, loop } = setUp({
      flags: async ({ looking }) => {
        await promise;
        looking();
        return SETTLED;
      },
      services: () => new Promise<Outcome>((resolve) => ends.push(() => resolve(SETTLED))),
    });
    loop.request('flags');
    loop.request('services');
    await settle();
    loop.hint('services');
    look();
    await settle();
    ends[0]?.();
    await clock.advance(1_000);
    expect(began).toEqual({ flags: [0], services: [0, 0] });
  });

  it('tells its monitor of each look once: when it is asked for, begins and ends', async () => {
    const told: string[] = [];
    const monitor: LoopMonitor<'flags' | 'services'> = {
      passAsked: (key) => told.push(`${key} asked`),
      passBegan: (key, atMs) => told.push(`${key} began at ${atMs}`),
      passEnded: (key, outcome, atMs) => told.push(`${key} ended at ${atMs}: ${outcome}`),
    };
    const ends: (() => void)[] = [];
    const outcomes = [RETRY, SETTLED];
    const flags = () =>
      new Promise<Outcome>((resolve) => ends.push(() => resolve(outcomes.shift() ?? SETTLED)));
    const { clock, loop } = setUp({ flags, monitor });
    loop.request('flags');
    await clock.advance(7);
    for (let n = 0; n < 3; n += 1) loop.request('flags');
    ends[0]?.();
    await clock.advance(5);
    ends[1]?.();
    await clock.advance(1);
    expect(told).toEqual([
      'flags asked',
      'flags began at 0',
      'flags asked',
      'flags ended at 7: retry',
      'flags began at 7',
      'flags ended at 12: settled',
    ]);
  });

  it('lets the running look end when it stops, tells it so, and begins no other', async () => {
    const ends: (() => void)[] = [];
    let signal: AbortSignal | undefined;
    const flags = (pass: Pass) => {
      signal = pass.signal;
      return new Promise<Outcome>((resolve) => ends.push(() => resolve(RETRY)));
    };
    const { clock, began, loop } = setUp({ flags });
    loop.start();
    loop.request('flags');
    await settle();
    loop.request('flags');
    let isStopped = false;
    const stopping = loop.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect([isStopped, signal?.aborted]).toEqual([false, true]);
    ends[0]?.();
    await stopping;
    loop.request('flags');
    await clock.advance(30_000);
    expect(began).toEqual({ flags: [0], services: [] });
    expect(clock.timers).toBe(0);
  });
});
