// Percentiles, and the seeded random numbers that pauses are drawn from. Pure.
import type { Spread } from './row.ts';

/** Of fewer than that the 99th percentile is the slowest of all, which says more of the machine than of what was measured. */
export const SAMPLES_OF_A_P99 = 100;

/** Samples as a row has them; undefined: it did not come within its limit. */
export type Samples = readonly (number | undefined)[];

/** @throws RangeError without any sample that came: there is nothing to say. */
export function summarise(samples: Samples): Spread {
  const came = samples.filter((sample) => sample !== undefined).sort((a, b) => a - b);
  return {
    kind: 'spread',
    p50: percentile(came, 50),
    p99: percentile(came, 99),
    max: percentile(came, 100),
    n: came.length,
    missed: samples.length - came.length,
  };
}

/** How much more `spread` took than `base`, percentile by percentile: what happened to both alike, as the machine's own stalls do, is in neither figure. */
export function excess(spread: Spread, base: Spread): Spread {
  return {
    ...spread,
    p50: spread.p50 - base.p50,
    p99: spread.p99 - base.p99,
    max: spread.max - base.max,
  };
}

/**
 * By nearest rank: the smallest sample that `percent` of all are at most as large as, so always one that was measured.
 * @param sorted ascending. @throws RangeError when there is none.
 */
export function percentile(sorted: readonly number[], percent: number): number {
  const found = sorted[Math.max(Math.ceil((percent / 100) * sorted.length), 1) - 1];
  if (found === undefined)
    throw new RangeError(`expected samples and a percent up to 100, found ${percent} of ${sorted.length}`);
  return found;
}

/** Numbers in [0, 1), the same ones for the same `seed` (mulberry32: 32 bits of state, ample for pauses). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
