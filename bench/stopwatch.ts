// Measures from outside: from a deed to the moment when its correction can be seen on the disk. The same for Lockstep and for what it is compared with.
import { setImmediate, setTimeout } from 'node:timers/promises';
import { LockstepError } from '../desired-state/errors.ts';
import type { Bench } from './bench.ts';

/** The promise (I2): what takes longer was missed. */
export const LIMIT_MS = 5_000;
/** What is missed may still come: the next deed needs it. Longer than a resync after the limit. */
const LATE_LIMIT_MS = 15_000;
/**
 * It sleeps that long between two looks, ms; some 0.1 ms with what the kernel adds. It never spins: whoever is to act is woken on the core that the deed was
 * done on, and would wait there for the end of the spinner's time slice, 4 ms.
 */
const LOOK_INTERVAL_MS = 0.05;

export interface Deeds {
  /** For the error when nothing comes. */
  readonly what: string;
  readonly count: number;
  /** Synchronous: the clock starts before it. */
  readonly act: () => void;
  /** One system call or two, so that a look is microseconds. */
  readonly isDone: () => boolean;
  /** Between the moment when one is seen done and the next deed, ms: drawn evenly from here to there, whole milliseconds. */
  readonly pauseMs: { readonly from: number; readonly to: number };
  /** After each deed, outside of what is measured. */
  readonly after?: (elapsedMs: number | undefined) => void;
}

/**
 * From each deed to its correction, ms; undefined: not within 5 s.
 * @throws LockstepError `Failed` when one does not come at all, or the bench ends.
 */
export async function timeDeeds(deeds: Deeds, bench: Bench): Promise<(number | undefined)[]> {
  const { what, count, act, isDone, pauseMs, after } = deeds;
  const samples: (number | undefined)[] = [];
  for (let done = 0; done < count; done++) {
    bench.signal.throwIfAborted();
    const startedMs = performance.now();
    act();
    const elapsedMs = waitUntil(isDone, startedMs, LIMIT_MS);
    samples.push(elapsedMs);
    if (elapsedMs === undefined) await waitLate(what, isDone);
    after?.(elapsedMs);
    await pause(pauseMs.from + Math.floor(bench.random() * (pauseMs.to - pauseMs.from + 1)));
  }
  return samples;
}

/**
 * Blocks until `isDone`.
 * @returns ms since `startedMs` (performance.now()); undefined after `limitMs`.
 */
export function waitUntil(isDone: () => boolean, startedMs: number, limitMs: number): number | undefined {
  for (;;) {
    const isSeen = isDone();
    const elapsedMs = performance.now() - startedMs;
    if (isSeen) return elapsedMs;
    if (elapsedMs > limitMs) return undefined;
    Atomics.wait(NEVER, 0, 0, LOOK_INTERVAL_MS);
  }
}

/** 0: at once, but signals are served. */
export async function pause(ms: number): Promise<void> {
  await (ms < 1 ? setImmediate() : setTimeout(ms));
}

/** A word that nobody wakes: to sleep without the event loop. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

async function waitLate(what: string, isDone: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + LATE_LIMIT_MS;
  while (!isDone()) {
    if (performance.now() > deadlineMs) {
      throw new LockstepError(
        'Failed',
        `${what}: expected a correction within ${LATE_LIMIT_MS + LIMIT_MS} ms, found none`,
      );
    }
    await setTimeout(1);
  }
}
