import { describe, expect, it } from 'vitest';
import { ResyncDeadlines } from '../../../node-agent/metrics/resync-deadlines.ts';

/** Begins and ends of passes over the flags, ms, with a resync of 5 s; the times at which a miss was told. */
function missesOf(passes: readonly (readonly [beganMs: number, endedMs: number])[]): readonly number[] {
  const deadlines = new ResyncDeadlines(5_000);
  return passes.flatMap(([beganMs, endedMs]) => [
    ...(deadlines.began('flags', beganMs) ? [beganMs] : []),
    ...(deadlines.ended('flags', endedMs) ? [endedMs] : []),
  ]);
}

describe('ResyncDeadlines', () => {
  it.each<[string, Parameters<typeof missesOf>[0], readonly number[]]>([
    ['the first pass, however late', [[90_000, 90_001]], []],
    [
      'passes once per interval',
      [
        [0, 1],
        [5_000, 5_001],
        [10_000, 10_001],
      ],
      [],
    ],
    [
      'a pass that is a tenth of the interval late',
      [
        [0, 1],
        [5_500, 5_501],
      ],
      [],
    ],
    [
      'a pass that is later than that',
      [
        [0, 1],
        [5_501, 5_502],
        [10_500, 10_501],
      ],
      [5_501],
    ],
    [
      'extra passes in between',
      [
        [0, 1],
        [10, 11],
        [20, 21],
        [5_000, 5_001],
      ],
      [],
    ],
    [
      'a pass as long as the interval',
      [
        [0, 5_000],
        [5_000, 5_001],
      ],
      [],
    ],
    [
      'a pass that takes longer, once and at its end',
      [
        [0, 7_000],
        [7_000, 7_001],
        [10_000, 10_001],
      ],
      [7_000],
    ],
    [
      'each of several long passes',
      [
        [0, 7_000],
        [7_000, 14_000],
        [14_000, 14_001],
      ],
      [7_000, 14_000],
    ],
    [
      'a late pass after a long one',
      [
        [0, 7_000],
        [7_000, 7_001],
        [13_000, 13_001],
      ],
      [7_000, 13_000],
    ],
  ])('takes %s for what it is', (_, passes, misses) => {
    expect(missesOf(passes)).toEqual(misses);
  });

  it('tells flags and services apart', () => {
    const deadlines = new ResyncDeadlines(5_000);
    deadlines.began('flags', 0);
    deadlines.began('services', 0);
    expect(deadlines.began('flags', 5_000)).toBe(false);
    expect(deadlines.ended('services', 6_000)).toBe(true);
    expect(deadlines.ended('flags', 6_000)).toBe(false);
  });
});
