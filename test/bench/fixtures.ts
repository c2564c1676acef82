// A row and its results, for what renders them.
import type { Row, RowResult } from '../../bench/row.ts';

export const ROW: Row = {
  id: 'flag',
  what: 'flag deleted -> back',
  unit: 'ms',
  targets: [
    { statistic: 'p50', atMost: 2 },
    { statistic: 'p99', atMost: 10 },
  ],
  comparators: ['bare loop', 'monit'],
  method: 'From the deed to its correction.',
};

export const RESULT: RowResult = {
  row: ROW,
  lockstep: { kind: 'spread', p50: 1.234, p99: 9.87, max: 123.4, n: 10_000, missed: 0 },
  comparisons: [
    { name: 'bare loop', figures: { kind: 'spread', p50: 0.05, p99: 4.3, max: 8, n: 200, missed: 0 } },
    { name: 'monit', figures: 'not installed here' },
  ],
  notes: ['Asked first: 3 ms.'],
};

export const MEMORY: RowResult = {
  row: {
    ...ROW,
    id: 'memory',
    what: 'resident memory',
    unit: 'x',
    targets: [{ statistic: 'value', atMost: 2.8 }],
    comparators: ['bare Node'],
  },
  lockstep: { kind: 'value', value: 3.5, detail: '150 MiB' },
  comparisons: [{ name: 'bare Node', figures: { kind: 'value', value: 1, detail: '43 MiB' } }],
  notes: [],
};
