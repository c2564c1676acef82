// Knows what folders lie on, memory, a disk of this machine or something else. Whoever asks is answered at once, by what is known; only who wants to learn waits.
import { statfs } from 'node:fs/promises';

/** memory: nothing on it waits for a device. local: a disk of this machine, where a look at an entry is answered from memory once it was looked at. */
export type Medium = 'memory' | 'local' | 'other';

/** By `f_type` of statfs(2): tmpfs and ramfs; ext2 to ext4, XFS, Btrfs and F2FS (linux/magic.h). Whatever else is there may be a network's. */
const MEDIA: ReadonlyMap<number, Medium> = new Map([
  [0x01021994, 'memory'],
  [0x858458f6, 'memory'],
  [0xef53, 'local'],
  [0x58465342, 'local'],
  [0x9123683e, 'local'],
  [0xf2f52010, 'local'],
]);
/** An answer is asked for anew after that long, ms: something else may have been mounted there. Below the resync (5 s), so that each renews it for the next one. */
const FRESH_MS = 4_000;
/** An answer older than that counts no more: whoever was asked anew hangs. */
const STALE_MS = 10_000;
/** Folders remembered at most; the one known longest is forgotten first. */
const MAX_FOLDERS = 256;

interface Answer {
  readonly medium: Medium;
  readonly atMs: number;
}

export class FolderMedia {
  readonly #nowMs: () => number;
  readonly #answers = new Map<string, Answer>();
  readonly #asking = new Map<string, Promise<void>>();

  /** @param nowMs monotonic ms. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** What `folder` lies on, as far as is known: `other` the first time, after 10 s without a look, and for as long as it can't be looked at. */
  of(folder: string): Medium {
    const answer = this.#answers.get(folder);
    const ageMs = answer === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() - answer.atMs;
    if (ageMs > FRESH_MS) void this.learn(folder);
    return answer === undefined || ageMs > STALE_MS ? 'other' : answer.medium;
  }

  /** Asks, or waits for the answer that is under way. Never rejects. */
  learn(folder: string): Promise<void> {
    const asking = this.#asking.get(folder) ?? this.#ask(folder);
    this.#asking.set(folder, asking);
    return asking;
  }

  async #ask(folder: string): Promise<void> {
    const medium = await statfs(folder).then(
      ({ type }): Medium => MEDIA.get(type) ?? 'other',
      () => undefined,
    );
    this.#asking.delete(folder);
    this.#answers.delete(folder);
    // A folder that is not there yet is made sooner than an answer gets old: the next one who needs it asks again.
    if (medium === undefined) return;
    this.#answers.set(folder, { medium, atMs: this.#nowMs() });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_FOLDERS && oldest !== undefined) this.#answers.delete(oldest);
  }
}
