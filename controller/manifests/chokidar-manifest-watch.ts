// The ManifestWatch over chokidar. Each folder is watched by itself and its files are not: a hit only asks for a look, so its `raw` event is taken.
// A folder that comes and goes, or is a link that is swapped, is seen from the folder above it. What is missed the resync sees.
import { realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { messageOf } from '../../desired-state/errors.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { ListedFolder, ManifestWatch } from './manifest-files.ts';

export interface ChokidarManifestWatchOptions {
  /** It need not be there. */
  readonly folder: string;
  readonly log: Log;
}

export class ChokidarManifestWatch implements ManifestWatch {
  readonly #folder: string;
  readonly #log: Log;
  #onEvent: () => void = () => undefined;
  #wanted: readonly ListedFolder[] = [];
  #watched: readonly ListedFolder[] | undefined;
  #watcher: FSWatcher | undefined;
  #arming: Promise<void> | undefined;
  /** A watched folder went away, or a part of the watch could not be set up: the next look sets all of it up anew. */
  #isStale = false;
  #isBroken = false;
  /** That was logged, and has not passed. */
  #isFailing = false;
  #isClosed = false;

  constructor({ folder, log }: ChokidarManifestWatchOptions) {
    this.#folder = resolve(folder);
    this.#log = log;
  }

  start(onEvent: () => void): void {
    this.#onEvent = onEvent;
  }

  follow(folders: readonly ListedFolder[]): void {
    this.#wanted = folders;
    if (this.#isClosed || this.#arming !== undefined || this.#isAsWanted()) return;
    this.#arming = this.#arm().finally(() => {
      this.#arming = undefined;
      if (!this.#isBroken && !this.#isAsWanted()) this.follow(this.#wanted);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#arming;
    await this.#watcher?.close();
  }

  #isAsWanted(): boolean {
    const watched = this.#watched;
    if (watched === undefined || this.#isStale || watched.length !== this.#wanted.length) return false;
    return this.#wanted.every(
      ({ path, id }, index) => watched[index]?.path === path && watched[index].id === id,
    );
  }

  async #arm(): Promise<void> {
    const wanted = this.#wanted;
    try {
      const above = await realpath(dirname(this.#folder)).catch(() => undefined);
      // Closed first: watches of one path share a handle, and the new one must not get the dead one.
      await this.#watcher?.close();
      if (this.#isClosed) return;
      this.#watch(wanted, above);
      this.#watched = wanted;
      this.#isStale = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  #watch(folders: readonly ListedFolder[], above: string | undefined): void {
    this.#isBroken = false;
    const paths = new Set(folders.map(({ path }) => path));
    // Of the folder above only its own entry matters; unless it is the folder itself, by a link.
    const parent = above !== undefined && !paths.has(above) ? above : undefined;
    if (parent !== undefined) paths.add(parent);
    const watcher = watch([...paths], {
      atomic: false,
      ignoreInitial: true,
      depth: 0,
      followSymlinks: false,
      ignored: (path) => !paths.has(path),
    });
    this.#watcher = watcher;
    watcher.on('raw', (_event, name, details) => {
      const path = watchedPathOf(details);
      if (watcher !== this.#watcher || path === undefined) return;
      if (path === parent && name !== null && name !== basename(this.#folder)) return;
      // inotify names the folder itself when it is deleted or moved.
      if (name === basename(path)) this.#isStale = true;
      this.#onEvent();
    });
    watcher.once('ready', () => this.#onReady(watcher));
    watcher.on('error', (error) => this.#failed(error));
  }

  /** What happened before the watch stood was not told: look. Broken, it asks for nothing: a look would set it up anew, over and over. */
  #onReady(watcher: FSWatcher): void {
    if (watcher !== this.#watcher || this.#isBroken) return;
    if (this.#isFailing) {
      this.#isFailing = false;
      this.#log.info({ folder: this.#folder }, 'the manifests folder is watched again');
    }
    this.#onEvent();
  }

  /** Logged once; each look tries again, and the resync sees all meanwhile. */
  #failed(error: unknown): void {
    this.#isBroken = true;
    this.#isStale = true;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#log.warn(
      { folder: this.#folder, why: messageOf(error) },
      'the manifests folder is not fully watched: some changes are seen at the resync only',
    );
  }
}

/** `details` is untyped in chokidar. */
function watchedPathOf(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  return typeof details.watchedPath === 'string' ? details.watchedPath : undefined;
}
