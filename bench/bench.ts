// What every measurement is given: its folders, its programs and how it was asked to measure. All that it makes ends with it.
import type { Folders } from './folders.ts';
import { type ProcessorTime, processorTime } from './proc.ts';
import { endScriptsOf, type Programs } from './programs.ts';
import type { BrokenRow, Row, RowResult } from './row.ts';

export interface Bench {
  /** Aborts when the bench is to end. */
  readonly signal: AbortSignal;
  readonly programs: Programs;
  readonly folders: Folders;
  /** Where the programs are as `npm run build` makes them: built when this is asked for the first time. @throws LockstepError `Failed`. */
  readonly builtBin: () => Promise<string>;
  /** Seeded: the same pauses in each run. */
  readonly random: () => number;
  /** `full` repetitions, or `quick` ones where that was asked for. */
  readonly count: (full: number, quick: number) => number;
  /** A line of progress for the person who waits. */
  readonly say: (line: string) => void;
}

/** Rows that are measured together. */
export interface Measurement {
  /** For --only. */
  readonly name: string;
  readonly rows: readonly Row[];
  /** @returns a result for each of `rows`. @throws LockstepError when something did not work: then none of them has figures. */
  run(bench: Bench): Promise<readonly RowResult[]>;
}

/** Never throws: what breaks is said in the rows. */
export async function runMeasurement(
  { rows, run }: Measurement,
  bench: Bench,
): Promise<readonly (RowResult | BrokenRow)[]> {
  const before = processorTime();
  try {
    const results = await run(bench);
    const stolen = describeStolen(before, processorTime());
    return results.map((result) => ({ ...result, notes: [...result.notes, ...stolen] }));
  } catch (error) {
    const broke = error instanceof Error ? error.message : String(error);
    return rows.map((row) => ({ row, broke }));
  } finally {
    await bench.programs.endAll();
    await endScriptsOf(bench.folders.memory);
    bench.folders.remove();
  }
}

/** A machine of its own has nobody to lose time to: then nothing is said. */
export function describeStolen(before: ProcessorTime, after: ProcessorTime): readonly string[] {
  const stolenMs = after.stolenMs - before.stolenMs;
  if (stolenMs === 0) return [];
  const percent = (100 * stolenMs) / (after.allMs - before.allMs);
  return [
    `Meanwhile ${percent.toFixed(2)} % of the processors' time was wanted here and given to other machines by the hypervisor, some ms at a time: who waited then waited for that, too.`,
  ];
}
