// docs/performance.md: the table, the machine, and row by row what was measured. Pure.
import type { Cells } from './figures.ts';
import { cellsOf } from './figures.ts';
import { describeMachine, type Machine } from './machine.ts';
import type { BrokenRow, RowResult } from './row.ts';

export interface PageOptions {
  readonly results: readonly (RowResult | BrokenRow)[];
  readonly machine: Machine;
  /** RFC 3339. */
  readonly at: string;
  /** What repeats it. */
  readonly command: string;
  readonly isQuick: boolean;
}

/** The whole file. */
export function renderPage({ results, machine, at, command, isQuick }: PageOptions): string {
  return [
    '# Performance',
    '',
    `Written by \`${command}\` on ${at.slice(0, 10)}: each figure beside what it is compared with, measured in the same run and in turns.`,
    ...(isQuick ? ['', '**Quick: too few repetitions to say how fast anything is.**'] : []),
    '',
    ...describeMachine(machine),
    '',
    'p50/p99/max (n), by nearest rank; what did not come within 5 s would be counted as MISSED.',
    '',
    ...renderMarkdownTable(results.map(cellsOf)),
    '',
    'Every comparator named "bare Node" is the least that could do the same work: no checks, no log, no report, no order, nothing remembered.',
    '',
    ...results.flatMap(renderRow),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

const HEADERS = ['what', 'target', 'Lockstep', 'beside it', 'verdict'];

function renderMarkdownTable(rows: readonly Cells[]): readonly string[] {
  const lines = rows.map(({ what, target, lockstep, comparators, verdict }) => [
    what,
    target,
    lockstep,
    comparators.map(escapeCell).join('<br>'),
    verdict,
  ]);
  return [
    renderLine(HEADERS),
    renderLine(HEADERS.map(() => '---')),
    ...lines.map((line) => renderLine(line.map((cell, column) => (column === 3 ? cell : escapeCell(cell))))),
  ];
}

function renderLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Text stays text: `<=` would begin a tag to some readers of markdown, `|` ends a cell. */
function escapeCell(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function renderRow(result: RowResult | BrokenRow): readonly string[] {
  const notes = 'notes' in result ? result.notes : [`It broke: ${result.broke}`];
  return [
    `## ${capitalised(result.row.what)}`,
    '',
    result.row.method,
    '',
    ...(notes.length === 0 ? [] : [...notes.map((note) => `- ${note}`), '']),
  ];
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
