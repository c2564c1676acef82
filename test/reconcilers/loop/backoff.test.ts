import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../reconcilers/loop/backoff.ts';

const limits = { baseMs: 100, capMs: 5_000 };
const least = () => 0;
const most = () => 1 - Number.EPSILON;

describe('backoffMs', () => {
  it.each([
    [1, 50, 100],
    [2, 100, 200],
    [3, 200, 400],
    [6, 1_600, 3_200],
    [7, 2_500, 5_000],
    [8, 2_500, 5_000],
    [1_000_000, 2_500, 5_000],
  ])('waits after %i failures between %i and %i ms', (failures, from, to) => {
    expect(backoffMs(failures, limits, least)).toBe(from);
    expect(backoffMs(failures, limits, most)).toBeCloseTo(to, 6);
  });

  it('is never immediate, never longer than the cap, and never shorter than half of what it doubles to', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, baseMs, capMs, random) => {
          const waitMs = backoffMs(failures, { baseMs, capMs }, () => random);
          expect(waitMs).toBeGreaterThanOrEqual(Math.min(baseMs, capMs) / 2);
          expect(waitMs).toBeLessThanOrEqual(capMs);
        },
      ),
    );
  });

  it('spreads hosts that fail together', () => {
    expect(backoffMs(3, limits, () => 0.25)).toBe(250);
    expect(backoffMs(3, limits, () => 0.75)).toBe(350);
  });
});
