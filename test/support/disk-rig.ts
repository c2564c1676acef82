// A simulated disk for one adapter at a time: calls that fail at the Nth I/O, and a machine that loses its power in the middle of it.
import type { Disk } from '../../node-agent/disk.ts';
import type { DiskOperation } from '../simulation/world/disk-faults.ts';
import { Prng } from '../simulation/world/prng.ts';
import { SimClock } from '../simulation/world/sim-clock.ts';
import { SimDisk } from '../simulation/world/sim-disk.ts';
import { SimProcess } from '../simulation/world/sim-process.ts';

/** Longer than any call takes, ms. */
const LIMIT_MS = 60_000;

export class DiskRig {
  readonly sim: SimDisk;
  readonly disk: Disk;
  readonly #clock = new SimClock();
  readonly #process: SimProcess;
  #failAt: number | undefined;
  #dieAt: number | undefined;
  #calls = 0;
  #mend = () => {};

  constructor(seed = 1) {
    this.sim = new SimDisk(this.#clock, new Prng(seed));
    this.#process = new SimProcess('agent', this.#clock);
    this.disk = counted(this.sim.for(this.#process), (operation, path) => this.#called(operation, path));
  }

  /** Resolves or rejects as `deed` does, in simulated time. */
  async run<T>(deed: () => Promise<T>): Promise<T> {
    let isOver = false;
    const running = deed().finally(() => {
      isOver = true;
    });
    // Looked at below; a rejection before that is no news.
    running.catch(() => {});
    if (!(await this.#clock.runUntil(() => isOver, LIMIT_MS))) throw new Error('it hangs');
    return running;
  }

  /** How many calls of the port `deed` makes. */
  async countCalls(deed: () => Promise<unknown>): Promise<number> {
    const before = this.#calls;
    await this.run(deed);
    return this.#calls - before;
  }

  /** Runs `deed` with its Nth I/O failing, 1 is the first. @returns the error, or undefined when it succeeded all the same. */
  async failingNth(nth: number, deed: () => Promise<unknown>): Promise<unknown> {
    this.#failAt = this.#calls + nth;
    try {
      await this.run(deed);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#failAt = undefined;
      this.#mend();
    }
  }

  /** Runs `deed` until its Nth I/O, in the middle of which the machine loses its power. */
  async powerCutAtNth(nth: number, deed: () => Promise<unknown>): Promise<void> {
    this.#dieAt = this.#calls + nth;
    void deed();
    await this.#clock.runFor(LIMIT_MS);
    this.#process.kill('power-cut');
    this.sim.powerCut();
  }

  #called(operation: DiskOperation, path: string): void {
    this.#calls += 1;
    if (this.#calls === this.#failAt) {
      // Of those under way at once it is this one, or one of its kind and place.
      const undo = this.sim.faults.add({ code: 'EIO', nth: 1, operations: [operation], under: path });
      this.#mend = () => void undo();
    }
    // While the call is under way.
    if (this.#calls === this.#dieAt) this.#clock.setTimer(0, () => this.#process.kill('power-cut'));
  }
}

function counted(disk: Disk, onCall: (operation: DiskOperation, path: string) => void): Disk {
  const counting =
    <A extends readonly [string, ...unknown[]], R>(operation: DiskOperation, call: (...args: A) => R) =>
    (...args: A): R => {
      onCall(operation, args[0]);
      return call(...args);
    };
  const create = counting('create', disk.create);
  const syncFile = counting('syncFile', disk.syncFile);
  return {
    kindOf: counting('kindOf', disk.kindOf),
    entryOf: counting('entryOf', disk.entryOf),
    read: counting('read', disk.read),
    list: counting('list', disk.list),
    makeFolder: counting('makeFolder', disk.makeFolder),
    create,
    // As the simulated disk has it: either half may fail, or be the last.
    createSynced: async (path, content, mode) => {
      await create(path, content, mode);
      await syncFile(path);
    },
    syncFile,
    syncFolder: counting('syncFolder', disk.syncFolder),
    folderVersion: counting('folderVersion', disk.folderVersion),
    rename: counting('rename', disk.rename),
    remove: counting('remove', disk.remove),
    resolve: counting('resolve', disk.resolve),
  };
}

/** A guard that lets everything through. */
export const unguarded = async () => {};
