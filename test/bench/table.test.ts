import { expect, it } from 'vitest';
import { cellsOf } from '../../bench/figures.ts';
import { renderTable } from '../../bench/table.ts';
import { MEMORY, RESULT } from './fixtures.ts';

it('has a column as wide as its widest cell, and a line for each comparator', () => {
  expect(renderTable([RESULT, MEMORY].map(cellsOf)).join('\n')).toMatchInlineSnapshot(`
    "what                  target                     Lockstep: p50/p99/max (n)  beside it: p50/p99/max (n)           verdict
    --------------------  -------------------------  -------------------------  -----------------------------------  -------------------
    flag deleted -> back  p50 <= 2 ms, p99 <= 10 ms  1.23/9.87/123 ms (10000)   bare loop: 0.050/4.30/8.00 ms (200)  met
                                                                                monit: not installed here
    resident memory       <= 2.8 x                   3.50 x (150 MiB)           bare Node: 1.00 x (43 MiB)           not met: 3.50 > 2.8"
  `);
});
