// The FlagWatch over chokidar: watches the folders that the flags stand in. A hit only asks for a look, so its `raw` event is taken: measured, `all` misses
// quick deletions and `raw` none. Where a folder is missing the nearest one above it is watched until it is back. A watch may fail or lose its folder
// unseen (inotify limits, mounts): rearm(), at each resync, sees to that.
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path/posix';
import { type FSWatcher, watch } from 'chokidar';
import { messageOf } from '../../desired-state/errors.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { FlagWatch } from '../flag-watch.ts';

export interface ChokidarFlagWatchOptions {
  /** Absolute. */
  readonly paths: readonly string[];
  readonly log: Log;
}

export class ChokidarFlagWatch implements FlagWatch {
  readonly #paths: readonly string[];
  readonly #log: Log;
  #onEvent: () => void = () => undefined;
  #watcher: FSWatcher | undefined;
  #targets: Targets = new Map();
  /** A watched folder was itself deleted or moved: its watch is dead, even if a new one has the same inode (ext4 gives it again). */
  #isStale = false;
  /** A part of the watch could not be set up: the next resync sets all of it up anew. */
  #isBroken = false;
  /** That was logged, and has not passed. */
  #isFailing = false;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #isClosed = false;

  constructor({ paths, log }: ChokidarFlagWatchOptions) {
    this.#paths = paths;
    this.#log = log;
  }

  start(onEvent: () => void): void {
    this.#onEvent = onEvent;
    this.#look();
  }

  rearm(): void {
    if (this.#isBroken) this.#isStale = true;
    this.#look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking;
    await this.#closeWatcher();
  }

  /** Watches what is there now, if it is not what is watched. At most one look runs and one waits. */
  #look(): void {
    if (this.#isClosed) return;
    if (this.#looking !== undefined) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = this.#watchWhatIsThere().finally(() => {
      this.#looking = undefined;
      if (!this.#lookAgain) return;
      this.#lookAgain = false;
      this.#look();
    });
  }

  async #watchWhatIsThere(): Promise<void> {
    try {
      const targets = await findTargets(this.#paths);
      const isWatched = this.#watcher !== undefined && !this.#isStale && sameTargets(targets, this.#targets);
      if (isWatched || this.#isClosed) return;
      // Closed first: watches of one path share a handle, and the new one must not get the dead one.
      await this.#closeWatcher();
      if (!this.#isClosed) this.#watch(targets);
    } catch (error) {
      this.#failed(error);
    }
  }

  #watch(targets: Targets): void {
    this.#isStale = false;
    this.#isBroken = false;
    this.#targets = targets;
    const watcher = watch([...targets.keys()], {
      atomic: false,
      ignoreInitial: true,
      depth: 0,
      // The folders are resolved already, and a link at a flag's path is not followed.
      followSymlinks: false,
      // All but the folders themselves: what is in them is told by `raw` alone, and chokidar keeps no record of it.
      ignored: (path) => !targets.has(path),
    });
    this.#watcher = watcher;
    watcher.on('raw', (_event, name, details) => this.#onRaw(targets, name, details));
    watcher.once('ready', () => this.#onReady(watcher));
    watcher.on('error', (error) => this.#failed(error));
  }

  /** What happened before the watch stood was not told: look, at the flags and at the folders. */
  #onReady(watcher: FSWatcher): void {
    // Broken, it asks for nothing: a look asks for a rearm, which would set it up anew, over and over.
    if (this.#watcher !== watcher || this.#isBroken) return;
    if (this.#isFailing) {
      this.#isFailing = false;
      this.#log.info({ paths: this.#paths }, 'the flags are watched again');
    }
    this.#onEvent();
    this.#look();
  }

  /** @param details `{ watchedPath }`; untyped in chokidar. */
  #onRaw(targets: Targets, name: string | null, details: unknown): void {
    const path = watchedPathOf(details);
    const target = path === undefined ? undefined : targets.get(path);
    if (path === undefined || target === undefined || targets !== this.#targets) return;
    // inotify names the folder itself when it is deleted or moved.
    const isOwnEnd = name === basename(path);
    if (isOwnEnd) this.#isStale = true;
    if (!isOwnEnd && name !== null && !target.names.has(name)) return;
    if (isOwnEnd || target.isAncestor) this.#look();
    this.#onEvent();
  }

  async #closeWatcher(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#targets = new Map();
    await watcher?.close();
  }

  /** Logged once; each resync tries again, and heals without a watch meanwhile. */
  #failed(error: unknown): void {
    this.#isBroken = true;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#log.warn(
      { paths: this.#paths, why: messageOf(error) },
      'the flags are not fully watched: some changes are seen at the resync only',
    );
  }
}

/** What to watch: folders without any link in their paths. */
type Targets = ReadonlyMap<string, Target>;

interface Target {
  readonly dev: number;
  readonly ino: number;
  /** Entries that matter: flags, or the next folder on the way to one. */
  readonly names: Set<string>;
  /** A flag's folder is missing, and this is the nearest one above it. */
  isAncestor: boolean;
}

async function findTargets(paths: readonly string[]): Promise<Targets> {
  const targets = new Map<string, Target>();
  for (const path of paths) {
    const { folder, name, dev, ino, isAncestor } = await nearestFolder(path);
    const target = targets.get(folder) ?? { dev, ino, names: new Set<string>(), isAncestor: false };
    target.names.add(name);
    target.isAncestor ||= isAncestor;
    targets.set(folder, target);
  }
  return targets;
}

interface NearestFolder {
  readonly folder: string;
  /** The entry of it that leads to the path. */
  readonly name: string;
  readonly dev: number;
  readonly ino: number;
  /** It is not the folder of the path itself. */
  readonly isAncestor: boolean;
}

/** The deepest folder above `path` that is there, resolved. @throws when not even `/` can be looked at. */
async function nearestFolder(path: string, isAncestor = false): Promise<NearestFolder> {
  const parent = dirname(path);
  try {
    const folder = await realpath(parent);
    const { dev, ino } = await folderStats(folder);
    return { folder, name: basename(path), dev, ino, isAncestor };
  } catch (error) {
    if (parent === '/') throw error;
    return await nearestFolder(parent, true);
  }
}

async function folderStats(path: string): Promise<{ dev: number; ino: number }> {
  const stats = await stat(path);
  if (!stats.isDirectory()) throw new Error(`expected a folder at ${path}, found something else`);
  return stats;
}

function sameTargets(a: Targets, b: Targets): boolean {
  if (a.size !== b.size) return false;
  for (const [folder, { dev, ino, names }] of a) {
    const other = b.get(folder);
    if (other === undefined || other.dev !== dev || other.ino !== ino) return false;
    if (names.size !== other.names.size || [...names].some((name) => !other.names.has(name))) return false;
  }
  return true;
}

function watchedPathOf(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  return typeof details.watchedPath === 'string' ? details.watchedPath : undefined;
}
