// One walk through a folder of manifests: which files there are, and what is there that can't be taken. It opens no file, and follows no link to a folder,
// nor one that leads out of the folder: what is not meant for it must not end up in messages about it.
import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { errnoOf, LockstepError, messageOf } from '../../desired-state/errors.ts';
import { MAX_REASON } from '../../desired-state/host.ts';
import type { FolderListing, ListedFile, ListedFolder, UnreadableFile } from './manifest-files.ts';

/** Beyond `depth`, `fileBytes` and `totalBytes` a file or folder is left out and reported; beyond the others nothing is known of the whole folder. */
export const BOUNDS = {
  /** Folders inside each other. */
  depth: 16,
  files: 10_000,
  folders: 10_000,
  /** Of whatever kind. */
  entries: 100_000,
  fileBytes: 1_048_576,
  /** All files together, in their order: some 100,000 hosts. */
  totalBytes: 33_554_432,
  /** A file's name from the folder, in characters: an annotation of its hosts holds it. */
  nameLength: MAX_REASON,
};
export type Bounds = Readonly<typeof BOUNDS>;

const MANIFEST_NAME = /\.(ya?ml|json)$/;
/** Looks at files at a time: Node has 4 threads for them. */
const STATS_AT_A_TIME = 64;

interface SizedFile extends ListedFile {
  readonly size: number;
}

interface PendingFolder {
  readonly path: string;
  /** From the folder, with slashes; '' for the folder itself, otherwise it ends with one. */
  readonly prefix: string;
  readonly depth: number;
}

export class FolderWalk {
  readonly #root: string;
  readonly #bounds: Bounds;
  readonly #signal: AbortSignal;
  readonly #files: SizedFile[] = [];
  readonly #unreadable: UnreadableFile[] = [];
  readonly #folders: ListedFolder[] = [];
  readonly #pending: PendingFolder[] = [];
  #entries = 0;

  /** @param root absolute, no link. */
  constructor(root: string, bounds: Bounds, signal: AbortSignal) {
    this.#root = root;
    this.#bounds = bounds;
    this.#signal = signal;
  }

  /** Once. @throws when the root can't be listed or a bound of the whole is passed, and the signal's reason. */
  async run(): Promise<FolderListing> {
    this.#pending.push({ path: this.#root, prefix: '', depth: 0 });
    for (let folder = this.#pending.pop(); folder !== undefined; folder = this.#pending.pop()) {
      try {
        await this.#walk(folder);
      } catch (error) {
        if (folder.prefix === '' || error instanceof LockstepError || this.#signal.aborted) throw error;
        // Gone since it was listed: as if it had never been.
        if (!isMissing(error))
          this.#leaveOut(folder.prefix, `expected a folder that can be read, found ${messageOf(error)}`);
      }
    }
    return {
      kind: 'listed',
      files: this.#withinTotal(),
      unreadable: this.#unreadable.sort(byName),
      folders: this.#folders,
    };
  }

  async #walk(folder: PendingFolder): Promise<void> {
    this.#signal.throwIfAborted();
    const { dev, ino } = await lstat(folder.path, { bigint: true });
    const entries: Dirent[] = [];
    for await (const entry of await opendir(folder.path, { bufferSize: 1_024 })) {
      this.#entries += 1;
      if (this.#entries > this.#bounds.entries) throw tooMany('entries of folders', this.#bounds.entries);
      if (!entry.name.startsWith('.')) entries.push(entry);
    }
    this.#folders.push({ path: folder.path, id: `${dev}:${ino}` });
    if (this.#folders.length > this.#bounds.folders) throw tooMany('folders', this.#bounds.folders);
    for (let from = 0; from < entries.length; from += STATS_AT_A_TIME) {
      this.#signal.throwIfAborted();
      await Promise.all(
        entries.slice(from, from + STATS_AT_A_TIME).map((entry) => this.#take(folder, entry)),
      );
      const files = this.#files.length + this.#unreadable.length;
      if (files > this.#bounds.files) throw tooMany('manifest files', this.#bounds.files);
    }
  }

  async #take(folder: PendingFolder, entry: Dirent): Promise<void> {
    const { name } = entry;
    const file = folder.prefix + name;
    const path = join(folder.path, name);
    const isNamedSo = MANIFEST_NAME.test(name);
    if (!isNamedSo && !entry.isDirectory() && !entry.isSymbolicLink()) return;
    const oddity = oddityOf(file, this.#bounds);
    if (entry.isDirectory()) {
      const prefix = `${file}/`;
      if (oddity !== undefined) this.#leaveOut(prefix, oddity);
      else if (folder.depth >= this.#bounds.depth) {
        this.#leaveOut(
          prefix,
          `expected at most ${this.#bounds.depth} folders inside each other, found one more`,
        );
      } else this.#pending.push({ path, prefix, depth: folder.depth + 1 });
      return;
    }
    const found = await followed(path, entry.isSymbolicLink());
    if (found instanceof Error) {
      // Gone since it was listed; a link that leads nowhere is there, though.
      const isGone = isMissing(found) && !entry.isSymbolicLink() && oddity === undefined;
      if (isNamedSo && !isGone) this.#leaveOut(file, oddity ?? describeDeadEnd(found));
    } else if (found.stats.isDirectory()) {
      this.#leaveOut(
        `${file}/`,
        'expected a folder, found a link to one: such links are not followed, put the folder itself here',
      );
    } else if (isNamedSo) this.#takeFile(file, found, oddity);
  }

  #takeFile(file: string, { path, stats }: Followed, oddity: string | undefined): void {
    const problem = oddity ?? this.#strayOf(path) ?? problemOf(stats, this.#bounds);
    if (problem === undefined) {
      this.#files.push({ file, path, version: versionOf(stats), size: Number(stats.size) });
    } else this.#leaveOut(file, problem);
  }

  /** A mounted ConfigMap has links to files of a hidden folder in it: those are followed. */
  #strayOf(path: string): string | undefined {
    if (path.startsWith(this.#root === sep ? sep : `${this.#root}${sep}`)) return undefined;
    return 'expected a file of this folder, found a link that leads out of it: put the file itself here';
  }

  /** In order of their names, so that the same files are left out at each look. */
  #withinTotal(): readonly ListedFile[] {
    let total = 0;
    return this.#files.sort(byName).filter(({ file, size }) => {
      total += size;
      if (total <= this.#bounds.totalBytes) return true;
      this.#leaveOut(
        file,
        `expected at most ${this.#bounds.totalBytes} bytes in all files together, found more up to this one`,
      );
      return false;
    });
  }

  #leaveOut(file: string, problem: string): void {
    const name = printable(file);
    this.#unreadable.push({ file: name, why: `${name}: ${problem}` });
  }
}

/** Another one once the content may have changed: a write moves ctime, whatever is done to mtime. */
export function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** Does a system call's error say that nothing is there? */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(errnoOf(error) ?? '');
}

interface Followed {
  /** Where it lies, no link. A link that is swapped meanwhile may lead to another file than `stats` tells of: it then has another version when it is read. */
  readonly path: string;
  readonly stats: BigIntStats;
}

/** What stands at `path`, its links followed, or why that can't be told. */
async function followed(path: string, isLink: boolean): Promise<Followed | Error> {
  try {
    const stats = await stat(path, { bigint: true });
    return { path: isLink ? await realpath(path) : path, stats };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Why a name can't be taken, whatever it stands for. */
function oddityOf(file: string, bounds: Bounds): string | undefined {
  if (file.length > bounds.nameLength) {
    return `expected a name of at most ${bounds.nameLength} characters, found ${file.length}`;
  }
  // What Node makes of bytes that are no UTF-8; no file has this name then.
  if (file.includes('\uFFFD')) return 'expected a name in UTF-8, found other bytes';
  if (/\p{Cc}/u.test(file)) return 'expected a name without control characters, found some';
  return undefined;
}

function problemOf(stats: BigIntStats, bounds: Bounds): string | undefined {
  if (!stats.isFile()) return 'expected a regular file, found a pipe, socket or device';
  if (stats.size <= BigInt(bounds.fileBytes)) return undefined;
  return `expected at most ${bounds.fileBytes} bytes, found ${stats.size}: put its hosts into several files`;
}

function describeDeadEnd(error: Error): string {
  if (isMissing(error)) return 'expected a file, found a link that leads nowhere';
  if (errnoOf(error) === 'ELOOP') return 'expected a file, found links that lead in a circle';
  return `expected a file that can be looked at, found ${error.message}`;
}

function tooMany(what: string, bound: number): LockstepError {
  return new LockstepError('Invalid', `expected at most ${bound} ${what}, found more`);
}

function byName(a: { readonly file: string }, b: { readonly file: string }): number {
  if (a.file === b.file) return 0;
  return a.file < b.file ? -1 : 1;
}

/** For people's terminals and for logs. */
function printable(name: string): string {
  return name.replace(/\p{Cc}/gu, '\uFFFD');
}
