// The disk of one simulated machine: each call of the Disk port takes a little time and happens at one instant. Who calls may die in the middle of a
// call, and the machine may lose its power: then what was not synced is lost or not, by the seed.
import { posix } from 'node:path';
import { errnoOf } from '../../../desired-state/errors.ts';
import type { Disk, FileKind } from '../../../node-agent/disk.ts';
import { DiskFaults, type DiskOperation } from './disk-faults.ts';
import { type DiskLayout, FileTree } from './file-tree.ts';
import { FolderWatches } from './folder-watches.ts';
import { type HandMade, handMade } from './hand-made.ts';
import { systemError } from './inodes.ts';
import type { Prng } from './prng.ts';
import { Ring } from './ring.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimProcess } from './sim-process.ts';
import type { Survivor } from './survivors.ts';

export interface DiskTraceLine {
  readonly atMs: number;
  /** The process, or `hand`. */
  readonly by: string;
  readonly call: string;
  readonly path: string;
  /** ok, an error's code, or what became of it when its process died. */
  readonly outcome: string;
}

/** As on the hosts that Lockstep runs on. */
const DEFAULT_LAYOUT: DiskLayout = {
  folders: ['/etc', '/var/lib'],
  tmpfs: ['/run'],
  links: { '/var/run': '/run' },
};
const TRACE_CAPACITY = 2_000;
const CALL_MS = [0.02, 0.3] as const;
const READS: ReadonlySet<string> = new Set(['kindOf', 'entryOf', 'read', 'list', 'resolve', 'folderVersion']);
const SYNC_MS = [0.2, 5] as const;

/** One call of the port. */
interface Call<T> {
  readonly operation: DiskOperation;
  readonly paths: readonly [string, ...string[]];
  readonly effect: () => T;
  /** What a death in the middle leaves; left out: all or nothing. */
  readonly partOf?: () => void;
  /** What a failure leaves; left out: nothing. */
  readonly onFailure?: () => void;
  /** It would write nothing now, so neither a full disk nor a read-only one fails it. */
  readonly writesNothing?: () => boolean;
}

export class SimDisk {
  readonly faults: DiskFaults;
  readonly watches: FolderWatches;
  /** What a person or another program does: at once, and synced by nobody. */
  readonly byHand: HandMade;
  readonly #clock: SimClock;
  readonly #prng: Prng;
  readonly #tree: FileTree;
  readonly #trace = new Ring<DiskTraceLine>(TRACE_CAPACITY);
  readonly #kinds = new Map<string, FileKind>();
  #version = 0;
  #calls = 0;

  constructor(clock: SimClock, prng: Prng, layout: DiskLayout = DEFAULT_LAYOUT) {
    this.#clock = clock;
    this.#prng = prng;
    this.#tree = new FileTree(layout);
    this.faults = new DiskFaults(prng.fork('faults'));
    this.watches = new FolderWatches(this.#tree, prng.fork('watches'));
    this.byHand = handMade(this.#tree, (call, path) => this.#record('hand', call, path, 'ok'));
  }

  /** The disk as `process` has it. */
  for(process: SimProcess): Disk {
    const call = <T>(call: Call<T>) => this.#call(process, call);
    const tree = this.#tree;
    const create = (path: string, content: string, mode: number) =>
      call({
        operation: 'create',
        paths: [path],
        effect: () => tree.create(path, content, mode),
        partOf: () => tree.create(path, content.slice(0, this.#prng.int(0, content.length)), mode),
        writesNothing: () => tree.kindOf(path) !== 'absent',
      });
    const syncFile = (path: string) =>
      call({
        operation: 'syncFile',
        paths: [path],
        effect: () => tree.syncFile(path),
        onFailure: () => tree.failWriteback(path),
      });
    return {
      kindOf: (path) => call({ operation: 'kindOf', paths: [path], effect: () => tree.kindOf(path) }),
      entryOf: (path) => call({ operation: 'entryOf', paths: [path], effect: () => tree.entryOf(path) }),
      read: (path, maxBytes) =>
        call({
          operation: 'read',
          paths: [path],
          effect: () => firstBytes(tree.file(path, 'open').content, maxBytes),
        }),
      list: (path) => call({ operation: 'list', paths: [path], effect: () => tree.list(path) }),
      makeFolder: (path) => call(this.#makeFolder(path)),
      create,
      createSynced: async (path, content, mode) => {
        // Two instants: a crash may find it created and not synced.
        await create(path, content, mode);
        await syncFile(path);
      },
      syncFile,
      syncFolder: (path) =>
        call({ operation: 'syncFolder', paths: [path], effect: () => tree.syncFolder(path) }),
      folderVersion: (path) =>
        call({
          operation: 'folderVersion',
          paths: [path],
          effect: () => String(tree.folder(path, 'stat').version),
        }),
      rename: (from, to) =>
        call({ operation: 'rename', paths: [from, to], effect: () => tree.rename(from, to) }),
      remove: (path) => call({ operation: 'remove', paths: [path], effect: () => tree.remove(path) }),
      resolve: (path) => call({ operation: 'resolve', paths: [path], effect: () => tree.resolve(path) }),
    };
  }

  /** The machine loses its power; its processes must have been killed. What is on the disk afterwards is as a boot finds it. */
  powerCut(): void {
    this.#tree.powerCut(this.#prng);
    this.#record('power', 'cut', '', 'ok');
  }

  /** An orderly shutdown: everything is synced, and only what is on a tmpfs goes. Processes must have been killed. */
  reboot(): void {
    this.#tree.syncAll();
    this.#tree.powerCut(this.#prng);
    this.#record('power', 'reboot', '', 'ok');
  }

  /** Invariants ask at every step, and most steps change nothing: answers are kept until something does. */
  kindNow(path: string): FileKind {
    const known = this.#kinds.get(path);
    if (known !== undefined) return known;
    const kind = this.#tree.kindOf(path);
    this.#kinds.set(path, kind);
    return kind;
  }

  /** Another number whenever anything may have changed, in memory or on the platter: for keeping what was derived from the disk. */
  get version(): number {
    return this.#version;
  }

  /** undefined: no regular file there. */
  contentNow(path: string): string | undefined {
    return this.kindNow(path) === 'file' ? this.#tree.file(path, 'open').content : undefined;
  }

  /** @throws as reading would. */
  modeNow(path: string): number {
    return this.#tree.file(path, 'stat').mode;
  }

  /** Names in a folder now; [] when it is absent. */
  listNow(path: string): readonly string[] {
    return this.#tree.list(path);
  }

  /** Everything that a power cut now could leave at `path`. */
  survivors(path: string): readonly Survivor[] {
    return this.#tree.survivors(path);
  }

  /** The kind that certainly stands at `path` after a power cut now, whatever its content. */
  durableKind(path: string): FileKind | 'uncertain' {
    const kinds = new Set(this.survivors(path).map(({ kind }) => kind));
    const [kind] = kinds;
    return kinds.size === 1 && kind !== undefined ? kind : 'uncertain';
  }

  /** The content that certainly stands at `path` after a power cut now; undefined: uncertain, or no file. */
  durableContent(path: string): string | undefined {
    const survivors = this.survivors(path);
    return survivors.length === 1 ? (survivors[0]?.content ?? undefined) : undefined;
  }

  /** Calls of the port made so far: for failing the Nth one, for every N. */
  get calls(): number {
    return this.#calls;
  }

  /** The newest calls and deeds by hand, oldest first. */
  trace(): readonly DiskTraceLine[] {
    return this.#trace.items();
  }

  #call<T>(process: SimProcess, call: Call<T>): Promise<T> {
    this.#calls += 1;
    const { operation, paths } = call;
    const isSync = operation === 'syncFile' || operation === 'syncFolder';
    const latencyMs = this.#prng.between(isSync ? SYNC_MS : CALL_MS) * this.faults.slowness;
    return process.io(latencyMs, () => this.#perform(process.name, call), {
      gate: (proceed) => this.faults.holds(paths, proceed),
      atDeath: () => this.#record(process.name, operation, paths.join(' -> '), this.#interrupt(call)),
    });
  }

  #perform<T>(by: string, call: Call<T>): T {
    const [path] = call.paths;
    let outcome = 'ok';
    try {
      const writes = call.writesNothing?.() !== true;
      const code = this.faults.codeFor(call.operation, call.paths, writes);
      if (code === undefined) return call.effect();
      call.onFailure?.();
      throw systemError(code, call.operation, path);
    } catch (error) {
      outcome = errnoOf(error) ?? String(error);
      throw error;
    } finally {
      this.#record(by, call.operation, call.paths.join(' -> '), outcome);
    }
  }

  /** The caller died while the kernel was at it. */
  #interrupt<T>({ effect, partOf = () => {} }: Call<T>): string {
    const [outcome, deed] = this.#prng.pick([
      ['died before', () => {}],
      ['died in the middle', partOf],
      ['died after', effect],
    ] as const);
    try {
      deed();
      return outcome;
    } catch {
      return 'died, and it had failed';
    }
  }

  /** As the real one: a folder at a time, each synced into the one above. */
  #makeFolder(path: string): Call<void> {
    const tree = this.#tree;
    const make = (folders: readonly string[], isLastSynced: boolean) => {
      for (const [index, folder] of folders.entries()) {
        tree.makeFolder(folder);
        if (isLastSynced || index < folders.length - 1) tree.syncFolder(posix.dirname(folder));
      }
    };
    const part = () => {
      const missing = tree.missingFolders(path);
      make(missing.slice(0, this.#prng.int(0, missing.length)), this.#prng.chance(0.5));
    };
    return {
      operation: 'makeFolder',
      paths: [path],
      effect: () => make(tree.missingFolders(path), true),
      partOf: part,
      onFailure: part,
      writesNothing: () => tree.missingFolders(path).length === 0,
    };
  }

  #record(by: string, call: string, path: string, outcome: string): void {
    this.#trace.push({ atMs: this.#clock.monotonicMs(), by, call, path, outcome });
    if (READS.has(call)) return;
    this.#version += 1;
    this.#kinds.clear();
  }
}

function firstBytes(content: string, maxBytes: number): string {
  // A UTF-16 unit is at most three bytes of UTF-8.
  if (content.length * 3 <= maxBytes) return content;
  return Buffer.from(content).subarray(0, maxBytes).toString();
}
