// When a folder that somebody works in is quiet enough to be taken: a checkout, an upload or an editor changes several files, and no half of that counts.
import type { FolderListing } from './manifest-files.ts';

/** Nothing changed for that long, ms: a writer that pauses for longer is heard half-way. */
export const QUIET_MS = 100;
/** A folder that is never quiet is taken as it stands that often, ms. */
const MAX_RESTLESS_MS = 2_000;

export class FolderQuiet {
  #last: FolderListing | undefined;
  #changedAtMs = 0;
  #restlessSinceMs: number | undefined;

  /** Takes in what a look found. @param nowMs monotonic. @returns whether it may be taken now; if not, look again in {@link QUIET_MS}. */
  isQuiet(listing: FolderListing, nowMs: number): boolean {
    if (this.#last === undefined || !isSame(this.#last, listing)) {
      this.#changedAtMs = nowMs;
      this.#restlessSinceMs ??= nowMs;
    }
    this.#last = listing;
    const isOverdue = this.#restlessSinceMs !== undefined && nowMs - this.#restlessSinceMs >= MAX_RESTLESS_MS;
    if (nowMs - this.#changedAtMs < QUIET_MS && !isOverdue) return false;
    this.#restlessSinceMs = undefined;
    return true;
  }
}

function isSame(a: FolderListing, b: FolderListing): boolean {
  if (a.files.length !== b.files.length || a.unreadable.length !== b.unreadable.length) return false;
  const areFilesSame = a.files.every(({ file, version }, index) => {
    const other = b.files[index];
    return other !== undefined && other.file === file && other.version === version;
  });
  return (
    areFilesSame &&
    a.unreadable.every(({ file, why }, index) => {
      const other = b.unreadable[index];
      return other !== undefined && other.file === file && other.why === why;
    })
  );
}
