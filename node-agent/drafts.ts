// Files laid down beside the places that they are to take, whole and synced, before it is their turn: what has to wait for the disk waits at once, and only the renames
// are left to be done in order. A draft counts for nothing, and a crash may leave it; who decides that it takes its place is the step that writes.
import type { Disk } from './disk.ts';

/** Beside each file while it is being written; a crash may leave it, the next write replaces it. */
export const TEMPORARY_SUFFIX = '.lockstep-tmp';

export interface Draft {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

interface Begun extends Draft {
  /** It stands beside its place, synced. Never rejects. */
  readonly isWhole: Promise<boolean>;
}

export class Drafts {
  readonly #disk: Disk;
  readonly #guard: (path: string) => Promise<void>;
  /** One for each file that is written durably: the two copies and the persistent flag. */
  readonly #begun = new Map<string, Begun>();

  constructor(disk: Disk, guard: (path: string) => Promise<void>) {
    this.#disk = disk;
    this.#guard = guard;
  }

  /** Begins to lay it down. What fails is no draft: the write itself will meet the same failure, and tell it. */
  begin(draft: Draft): void {
    this.#begun.set(draft.path, { ...draft, isWhole: this.#layDown(draft) });
  }

  /** Is there a draft of exactly this beside its place, whole? It is the caller's then, and nobody's else. */
  async take({ path, content, mode }: Draft): Promise<boolean> {
    const begun = this.#begun.get(path);
    if (begun === undefined) return false;
    this.#begun.delete(path);
    const isWhole = await begun.isWhole;
    return isWhole && begun.content === content && begun.mode === mode;
  }

  /** Removes those that nobody took. Best effort: the next write replaces what is left. */
  async discard(): Promise<void> {
    const left = [...this.#begun.values()];
    this.#begun.clear();
    await Promise.all(left.map((begun) => this.#remove(begun)));
  }

  async #layDown({ path, content, mode }: Draft): Promise<boolean> {
    try {
      await this.#guard(path);
      await this.#disk.createSynced(path + TEMPORARY_SUFFIX, content, mode);
      return true;
    } catch {
      return false;
    }
  }

  async #remove({ path, isWhole }: Begun): Promise<void> {
    // One that is not whole may have left a part, and what stood in its way was of a crash.
    await isWhole;
    await this.#disk.remove(path + TEMPORARY_SUFFIX).catch(() => undefined);
  }
}
