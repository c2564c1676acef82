import { describe, expect, it } from 'vitest';
import { excess, percentile, seededRandom, summarise } from '../../bench/statistics.ts';

describe('summarise', () => {
  it('gives p50, p99 and max by nearest rank, whatever the order', () => {
    const samples = Array.from({ length: 1_000 }, (_, index) => ((index * 7) % 1_000) + 1);
    expect(summarise(samples)).toEqual({
      kind: 'spread',
      p50: 500,
      p99: 990,
      max: 1_000,
      n: 1_000,
      missed: 0,
    });
  });

  it('counts what was missed, and lets it into no other figure', () => {
    expect(summarise([3, undefined, 1, undefined, 2])).toEqual({
      kind: 'spread',
      p50: 2,
      p99: 3,
      max: 3,
      n: 3,
      missed: 2,
    });
  });

  it('says the largest for a p99 of few samples: nothing is interpolated', () => {
    expect(summarise([1, 2, 30])).toMatchObject({ p50: 2, p99: 30, max: 30 });
  });

  it('keeps the samples that it is given in their order', () => {
    const samples = [3, 1, 2];
    summarise(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  it('refuses to say anything of nothing', () => {
    expect(() => summarise([undefined])).toThrow(RangeError);
  });
});

describe('excess', () => {
  it('is the difference of each percentile, with the samples and misses of what is judged', () => {
    const judged = summarise([5, 6, undefined, 30]);
    expect(excess(judged, summarise([1, 2, 27]))).toEqual({
      kind: 'spread',
      p50: 4,
      p99: 3,
      max: 3,
      n: 3,
      missed: 1,
    });
  });
});

describe('percentile', () => {
  it.each([
    [0, 10],
    [1, 10],
    [25, 10],
    [26, 20],
    [50, 20],
    [99, 40],
    [100, 40],
  ])('%i of four samples is %i', (percent, expected) => {
    expect(percentile([10, 20, 30, 40], percent)).toBe(expected);
  });
});

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, others for another', () => {
    const [a, b, c] = [seededRandom(1), seededRandom(1), seededRandom(2)];
    const ten = (random: () => number) => Array.from({ length: 10 }, random);
    const first = ten(a);
    expect(ten(b)).toEqual(first);
    expect(ten(c)).not.toEqual(first);
  });

  it('gives numbers from 0 to below 1, evenly', () => {
    const random = seededRandom(3);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let drawn = 0; drawn < 10_000; drawn++) {
      const tenth = Math.floor(random() * 10);
      tenths[tenth] = (tenths[tenth] ?? Number.NaN) + 1;
    }
    expect(tenths).toHaveLength(10);
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
