// The two flag files on a Disk. It does what it is told, durably where that matters; what should be there is decided in reconcilers/flags.
import { dirname } from 'node:path';
import { errnoOf, messageOf } from '../desired-state/errors.ts';
import {
  type FlagContent,
  type FlagFiles,
  type FlagName,
  formatFlag,
  type ObservedFlag,
  type ObservedFlags,
  parseFlagGeneration,
} from '../reconcilers/flags/flag-files.ts';
import { writeAtomically, writeDurably } from './atomic-write.ts';
import type { Disk, DiskEntry } from './disk.ts';
import { type Drafts, TEMPORARY_SUFFIX } from './drafts.ts';
import type { DurableFolders } from './durable-folders.ts';

/** Flags are readable by any local program, whatever the umask (requirements.md, "Flag files"). */
const FLAG_MODE = 0o644;
/** One content, mode and durability for both: whoever changes one changes the other. */
const LINKED = 'the flag is a hard link to the persistent one';
/** A flag's own lines fit well in it; what a person put in a flag may be longer and is not read further. */
const MAX_FLAG_BYTES = 4_096;

export interface DiskFlagFilesOptions {
  readonly disk: Disk;
  /** Shared with whoever else writes durably: most folders above are above both. */
  readonly folders: DurableFolders;
  readonly drafts: Drafts;
  readonly paths: Readonly<Record<FlagName, string>>;
  /** Throws when `path` must not be touched: its parent resolves outside the sandbox root. */
  readonly guard: (path: string) => Promise<void>;
}

export class DiskFlagFiles implements FlagFiles {
  readonly #disk: Disk;
  readonly #folders: DurableFolders;
  readonly #drafts: Drafts;
  readonly #paths: Readonly<Record<FlagName, string>>;
  readonly #guard: (path: string) => Promise<void>;

  constructor({ disk, folders, drafts, paths, guard }: DiskFlagFilesOptions) {
    this.#disk = disk;
    this.#folders = folders;
    this.#drafts = drafts;
    this.#paths = paths;
    this.#guard = guard;
  }

  /** Begins to lay down what the persistent flag is about to be. */
  draft(content: FlagContent): void {
    this.#drafts.begin({ path: this.#paths.persistent, content: formatFlag(content), mode: FLAG_MODE });
  }

  async observe({ withGeneration }: { readonly withGeneration: boolean }): Promise<ObservedFlags> {
    const [persistent, volatile] = await Promise.all([
      this.#observeFlag(this.#paths.persistent, withGeneration),
      this.#observeFlag(this.#paths.volatile, withGeneration),
    ]);
    const isLinked = volatile.identity !== undefined && volatile.identity === persistent.identity;
    return {
      persistent: persistent.flag,
      volatile: flawed(volatile.flag, isLinked ? LINKED : undefined),
    };
  }

  async create(flag: FlagName, content: FlagContent): Promise<void> {
    const path = this.#paths[flag];
    const text = formatFlag(content);
    const options = { mode: FLAG_MODE, folders: this.#folders, drafts: this.#drafts };
    await this.#guard(path);
    if (flag === 'persistent') await writeDurably(this.#disk, path, text, options);
    else await writeAtomically(this.#disk, path, text, options);
  }

  async remove(flag: FlagName): Promise<void> {
    const path = this.#paths[flag];
    await this.#guard(path);
    await removeIfThere(this.#disk, path);
    if (flag === 'persistent') await this.#syncFolderOf(path);
  }

  async confirm(flag: FlagName): Promise<void> {
    const path = this.#paths[flag];
    await this.#guard(path);
    if ((await this.#disk.kindOf(path)) === 'file') await this.#disk.syncFile(path);
    await this.#syncFolderOf(path);
  }

  /** Removes what a crash in the middle of a write left beside the flags. Best effort. */
  async sweep(): Promise<void> {
    for (const path of Object.values(this.#paths)) {
      await this.#guard(path)
        .then(() => this.#disk.remove(path + TEMPORARY_SUFFIX))
        .catch(() => undefined);
    }
  }

  /** No folder holds no flag: then there is nothing to sync but what is above, when it is made again. */
  async #syncFolderOf(path: string): Promise<void> {
    try {
      await this.#folders.sync(dirname(path));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  async #observeFlag(path: string, withGeneration: boolean): Promise<Look> {
    try {
      const [entry] = await Promise.all([this.#disk.entryOf(path), this.#guard(path)]);
      return {
        flag: await this.#flagOf(path, entry, withGeneration),
        identity: entry.kind === 'file' ? entry.identity : undefined,
      };
    } catch (error) {
      const message = `${path} cannot be looked at: ${messageOf(error)}`;
      return { flag: { state: 'blocked', unreadable: true, message }, identity: undefined };
    }
  }

  async #flagOf(path: string, entry: DiskEntry, withGeneration: boolean): Promise<ObservedFlag> {
    switch (entry.kind) {
      case 'absent':
        return { state: 'absent' };
      case 'link':
        return { state: 'obstructed', by: 'a link' };
      case 'other':
        return { state: 'obstructed', by: 'a fifo, device or socket' };
      case 'folder':
        return {
          state: 'blocked',
          unreadable: false,
          message: `expected a regular file at ${path}, found a folder: move it away, Lockstep does not delete it`,
        };
      case 'file':
        return flawed(
          { state: 'present', generation: withGeneration ? await this.#generationOf(path) : null },
          flawOfMode(entry.mode),
        );
    }
  }

  /** A present flag counts whatever its content, also where that can't be read. */
  async #generationOf(path: string): Promise<number | null | 'unreadable'> {
    try {
      return parseFlagGeneration(await this.#disk.read(path, MAX_FLAG_BYTES));
    } catch {
      return 'unreadable';
    }
  }
}

/** One look at a flag's path, and which file stands there, if it has another name as well. */
interface Look {
  readonly flag: ObservedFlag;
  readonly identity: string | undefined;
}

function flawed(flag: ObservedFlag, flaw: string | undefined): ObservedFlag {
  return flag.state === 'present' && flaw !== undefined ? { ...flag, flaw } : flag;
}

/** One that not all can read is no flag to them; one that others can write may say any generation. */
function flawOfMode(mode: number): string | undefined {
  return mode === FLAG_MODE ? undefined : `the flag has mode ${octal(mode)} instead of ${octal(FLAG_MODE)}`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
