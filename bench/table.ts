// The table on the screen: columns as wide as they need, a comparator a line. Pure.
import type { Cells } from './figures.ts';

/** The lines of it. */
export function renderTable(rows: readonly Cells[]): readonly string[] {
  const blocks = rows.map(linesOf);
  const widths = HEADERS.map((header, column) =>
    Math.max(header.length, ...blocks.flat().map((line) => line[column]?.length ?? 0)),
  );
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [render(HEADERS), rule, ...blocks.flatMap((block) => block.map(render))];
}

/** p50/p99/max (n) is what figures are, where they are not one. */
const HEADERS = ['what', 'target', 'Lockstep: p50/p99/max (n)', 'beside it: p50/p99/max (n)', 'verdict'];

function linesOf({ what, target, lockstep, comparators, verdict }: Cells): readonly (readonly string[])[] {
  const [first = '', ...more] = comparators;
  return [[what, target, lockstep, first, verdict], ...more.map((line) => ['', '', '', line, ''])];
}
