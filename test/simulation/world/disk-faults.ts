// What can be wrong with a simulated disk: calls that fail, and calls that hang.
import type { Disk } from '../../../node-agent/disk.ts';
import type { Errno } from './inodes.ts';
import type { Prng } from './prng.ts';

export type DiskOperation = keyof Disk;

export interface DiskFault {
  readonly code: Errno;
  /** Paths that begin with this text; left out: all. Compared with the path as the caller wrote it. */
  readonly under?: string;
  /** Left out: those that this code fits (a full disk still reads, renames and removes). */
  readonly operations?: readonly DiskOperation[];
  /** Left out: 1. */
  readonly chance?: number;
  /** Only the nth matching call from now, 1 is the next, and only once. */
  readonly nth?: number;
}

const CHANGES = ['makeFolder', 'create', 'rename', 'remove'] as const;
const FITTING: Partial<Record<Errno, readonly DiskOperation[]>> = {
  ENOSPC: ['makeFolder', 'create'],
  EROFS: CHANGES,
};

export class DiskFaults {
  /** Every latency times this; 1 is a healthy disk. */
  slowness = 1;
  readonly #prng: Prng;
  readonly #faults = new Set<{ readonly fault: DiskFault; seen: number }>();
  readonly #holds = new Set<{ readonly under: string; readonly held: (() => void)[] }>();

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** Returns what takes it back. */
  add(fault: DiskFault): () => void {
    const entry = { fault, seen: 0 };
    this.#faults.add(entry);
    return () => this.#faults.delete(entry);
  }

  /** From now on calls below `under` hang; the returned function lets them through, in order, and ends it. */
  hold(under: string): () => void {
    const hold = { under, held: [] };
    this.#holds.add(hold);
    return () => this.#release(hold);
  }

  /** A healthy disk again: held calls go through. */
  clear(): void {
    this.slowness = 1;
    this.#faults.clear();
    for (const hold of [...this.#holds]) this.#release(hold);
  }

  /** How this call fails, if it does. A call that `writes` nothing, such as making a folder that is there, is not hurt by a full or read-only disk. */
  codeFor(operation: DiskOperation, paths: readonly string[], writes: boolean): Errno | undefined {
    for (const entry of this.#faults) {
      const { code, under = '', operations = FITTING[code], chance = 1, nth } = entry.fault;
      if (!writes && FITTING[code] !== undefined) continue;
      if (operations !== undefined && !operations.includes(operation)) continue;
      if (!paths.some((path) => path.startsWith(under))) continue;
      entry.seen += 1;
      if (nth !== undefined && entry.seen !== nth) continue;
      if (nth !== undefined) this.#faults.delete(entry);
      if (chance === 1 || this.#prng.chance(chance)) return code;
    }
    return undefined;
  }

  /** True when the call has to wait: `proceed` is then called once it may go on. */
  holds(paths: readonly string[], proceed: () => void): boolean {
    for (const { under, held } of this.#holds) {
      if (!paths.some((path) => path.startsWith(under))) continue;
      held.push(proceed);
      return true;
    }
    return false;
  }

  #release(hold: { readonly under: string; readonly held: (() => void)[] }): void {
    this.#holds.delete(hold);
    for (const proceed of hold.held.splice(0)) proceed();
  }
}
