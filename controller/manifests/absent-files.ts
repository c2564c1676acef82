// Files that hosts name and that are not there: gone only after a while, since a volume may not be mounted yet, and a checkout deletes before it writes.
import { type FileReading, foldersAbove } from './file-reading.ts';

/** A file that is missing for that long is gone, ms: one resync. A release can wait, and a host that is held is safe. */
const GRACE_MS = 5_000;

export class AbsentFiles {
  #sinceMs: ReadonlyMap<string, number> = new Map();

  /**
   * Those of the `named` files that `readings` say nothing about and that are missing for less than {@link GRACE_MS}.
   * @param nowMs monotonic.
   */
  of(named: readonly string[], readings: readonly FileReading[], nowMs: number): readonly FileReading[] {
    const there = new Set(readings.map(({ file }) => file));
    const isThere = (file: string) => [file, ...foldersAbove(file)].some((path) => there.has(path));
    const absent = [...new Set(named)].filter((file) => !isThere(file));
    this.#sinceMs = new Map(absent.map((file) => [file, this.#sinceMs.get(file) ?? nowMs]));
    return absent
      .filter((file) => nowMs - (this.#sinceMs.get(file) ?? nowMs) < GRACE_MS)
      .map((file) => ({ kind: 'gone', file, why: `${file}: gone` }));
  }

  /** Nothing is known: nothing has been missing. */
  forget(): void {
    this.#sinceMs = new Map();
  }
}
