// What the bench measures and what came of it, as data: rows, their targets, figures, comparisons. Types and the judgement only; it measures nothing.

type Statistic = 'p50' | 'p99' | 'max' | 'value';
export type Unit = 'ms' | '% of a core' | 'x';

/** The figure's `statistic` may be at most that much, in the row's unit. */
export interface Target {
  readonly statistic: Statistic;
  readonly atMost: number;
}

/** One line of the table, known before anything is measured. */
export interface Row {
  /** Kebab-case, unique. */
  readonly id: string;
  readonly what: string;
  readonly unit: Unit;
  /** The "Speed", which is what was promised. */
  readonly targets: readonly Target[];
  /** What is measured beside it, in the same run. */
  readonly comparators: readonly string[];
  /** For people: from where to where it is measured, how, and what dominates it. */
  readonly method: string;
}

/** Many samples, in the row's unit. `missed`: what did not come within its limit; it is in no other figure. */
export interface Spread {
  readonly kind: 'spread';
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Samples that the three are of. */
  readonly n: number;
  readonly missed: number;
}

/** One figure over a whole period. `detail`: what it was computed from, for people. */
export interface Value {
  readonly kind: 'value';
  readonly value: number;
  readonly detail: string;
}

export type Figures = Spread | Value;

export interface Comparison {
  readonly name: string;
  /** A sentence: it is not on this machine, and why. */
  readonly figures: Figures | string;
}

export interface RowResult {
  readonly row: Row;
  readonly lockstep: Figures;
  readonly comparisons: readonly Comparison[];
  /** Further figures of this run, as sentences. */
  readonly notes: readonly string[];
}

/** A row that gave no figures, and why. */
export interface BrokenRow {
  readonly row: Row;
  readonly broke: string;
}

/** A target that was not met, and what was found instead. */
export interface Failed {
  readonly target: Target;
  readonly found: number;
}

export type Verdict =
  | { readonly kind: 'met' }
  | { readonly kind: 'not met'; readonly failed: readonly Failed[] }
  | { readonly kind: 'missed'; readonly missed: number };

/** Compares what was found with what was promised. A correction that was missed is worse than a slow one. */
export function judge(row: Row, figures: Figures): Verdict {
  if (figures.kind === 'spread' && figures.missed > 0) return { kind: 'missed', missed: figures.missed };
  const failed = row.targets
    .map((target) => ({ target, found: pick(figures, target.statistic) }))
    // Not `>`: NaN meets no target.
    .filter(({ target, found }) => !(found <= target.atMost));
  return failed.length === 0 ? { kind: 'met' } : { kind: 'not met', failed };
}

/** NaN where the figures have no such statistic. */
function pick(figures: Figures, statistic: Statistic): number {
  if (figures.kind === 'value') return statistic === 'value' ? figures.value : Number.NaN;
  return statistic === 'value' ? Number.NaN : figures[statistic];
}
