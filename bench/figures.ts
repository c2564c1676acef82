// Figures, targets and verdicts as text: the same in the table on the screen and on the page. Pure.
import {
  type BrokenRow,
  type Failed,
  type Figures,
  judge,
  type Row,
  type RowResult,
  type Target,
  type Unit,
} from './row.ts';

export interface Cells {
  readonly what: string;
  readonly target: string;
  readonly lockstep: string;
  /** A line each. */
  readonly comparators: readonly string[];
  readonly verdict: string;
}

/** One row of either table. */
export function cellsOf(result: RowResult | BrokenRow): Cells {
  const { row } = result;
  const what = row.what;
  const target = row.targets.map((one) => describeTarget(one, row.unit)).join(', ');
  if ('broke' in result)
    return { what, target, lockstep: '-', comparators: [], verdict: `BROKE: ${result.broke}` };
  return {
    what,
    target,
    lockstep: describeFigures(result.lockstep, row.unit),
    comparators: result.comparisons.map(
      ({ name, figures }) =>
        `${name}: ${typeof figures === 'string' ? figures : describeFigures(figures, row.unit)}`,
    ),
    verdict: describeVerdict(row, result.lockstep),
  };
}

/** Everything came, and no row broke. Slow is no failure. */
export function isSound(result: RowResult | BrokenRow): boolean {
  return !('broke' in result) && judge(result.row, result.lockstep).kind !== 'missed';
}

/** `2.53/7.91/18.2 ms (10000)`: p50, p99, max and how many. */
export function describeFigures(figures: Figures, unit: Unit): string {
  if (figures.kind === 'value') {
    const detail = figures.detail === '' ? '' : ` (${figures.detail})`;
    return `${formatNumber(figures.value)} ${unit}${detail}`;
  }
  const { p50, p99, max, n, missed } = figures;
  const lost = missed === 0 ? '' : `, ${missed} MISSED`;
  return `${[p50, p99, max].map(formatNumber).join('/')} ${unit} (${n}${lost})`;
}

/** Three digits that matter; whole from 100 on. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 0.1 || size === 0 ? value.toFixed(2) : value.toFixed(3);
}

function describeTarget({ statistic, atMost }: Target, unit: Unit): string {
  return `${nameOf(statistic)}<= ${atMost} ${unit}`;
}

function describeVerdict(row: Row, figures: Figures): string {
  const verdict = judge(row, figures);
  switch (verdict.kind) {
    case 'met':
      return 'met';
    case 'not met':
      return `not met: ${verdict.failed.map(describeFailed).join(', ')}`;
    case 'missed':
      return `MISSED ${verdict.missed}`;
  }
}

function describeFailed({ target, found }: Failed): string {
  return `${nameOf(target.statistic)}${formatNumber(found)} > ${target.atMost}`;
}

/** With a blank behind it; a figure that stands alone needs no name. */
function nameOf(statistic: Target['statistic']): string {
  return statistic === 'value' ? '' : `${statistic} `;
}
