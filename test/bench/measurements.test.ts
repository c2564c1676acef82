import { describe, expect, it } from 'vitest';
import { MEASUREMENTS } from '../../bench/measurements.ts';

const rows = MEASUREMENTS.flatMap((measurement) => measurement.rows);

describe('the rows of the bench', () => {
  it.each(rows.map((row) => [row.id, row] as const))(
    '%s has a target, a comparator and a word on how it is measured',
    (_, row) => {
      expect(row.targets.length).toBeGreaterThan(0);
      expect(row.comparators.length).toBeGreaterThan(0);
      // A sentence says nothing of from where to where.
      expect(row.method.length).toBeGreaterThan(150);
    },
  );

  it('have names of their own, and so do the measurements', () => {
    const ids = rows.map(({ id }) => id);
    const names = MEASUREMENTS.map(({ name }) => name);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(names).size).toBe(names.length);
  });

  it('hold Lockstep to what the issue promised', () => {
    const promised = rows.map(({ id, unit, targets }) => [
      id,
      ...targets.map(({ statistic, atMost }) => `${statistic} ${atMost} ${unit}`),
    ]);
    expect(promised).toEqual([
      ['volatile-flag', 'p50 2 ms', 'p99 10 ms'],
      ['memory-after-start', 'value 2.8 x'],
      ['memory-after-deletions', 'value 2.8 x'],
      ['persistent-flag', 'p99 15 ms'],
      ['both-flags', 'p99 15 ms'],
      ['lock', 'p99 20 ms'],
      ['service', 'p50 100 ms'],
      ['service-of-many', 'p50 100 ms'],
      ['agent-start', 'p99 300 ms'],
      ['idle', 'value 0.2 % of a core'],
      ['idle-services', 'value 0.2 % of a core'],
      ['many-scripts', 'p99 10 ms'],
      ['thousand-hosts', 'p99 200 ms'],
    ]);
  });
});
