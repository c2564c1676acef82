// The remembered desired state on a Disk: two checksummed files in stateDir, and a trace beside the persistent flag.
import { dirname, join } from 'node:path';
import { errnoOf, messageOf } from '../desired-state/errors.ts';
import { formatCopy, type KnownSpec, parseCopy } from '../reconcilers/copy/known-spec.ts';
import {
  COPY_NAMES,
  type CopyName,
  type CopyState,
  type CopyStates,
  type SpecCopies,
} from '../reconcilers/copy/spec-copies.ts';
import { writeDurably, writeSynced } from './atomic-write.ts';
import type { Disk } from './disk.ts';
import type { Drafts } from './drafts.ts';
import type { DurableFolders } from './durable-folders.ts';

/** The mark beside the persistent flag (design.md, "What an agent knows"). */
const TRACE_NAME = '.lockstep';
const TRACE_TEXT =
  'Lockstep keeps this host: a host with this file and no other trace of its state is not a fresh install.\n';
/** Of copies and trace: nothing in them is secret. */
const COPY_MODE = 0o644;
/** A copy is some hundred bytes; one that is longer than this was not written here. */
const MAX_COPY_BYTES = 65_536;
/** Where corrupt copies are kept: one of each, the newest. */
const ASIDE_SUFFIX = '.corrupt';

export interface DiskSpecCopiesOptions {
  readonly disk: Disk;
  readonly folders: DurableFolders;
  readonly drafts: Drafts;
  readonly stateDir: string;
  readonly persistentFlagPath: string;
  readonly guard: (path: string) => Promise<void>;
}

export class DiskSpecCopies implements SpecCopies {
  readonly #disk: Disk;
  readonly #folders: DurableFolders;
  readonly #drafts: Drafts;
  readonly #stateDir: string;
  readonly #tracePath: string;
  readonly #guard: (path: string) => Promise<void>;
  /** The text that was read last, and what it says. */
  #parsed: { readonly text: string; readonly known: KnownSpec | undefined } = { text: '', known: undefined };

  constructor({ disk, folders, drafts, stateDir, persistentFlagPath, guard }: DiskSpecCopiesOptions) {
    this.#disk = disk;
    this.#folders = folders;
    this.#drafts = drafts;
    this.#stateDir = stateDir;
    this.#tracePath = join(dirname(persistentFlagPath), TRACE_NAME);
    this.#guard = guard;
  }

  /** Begins to lay down what both copies are about to be. */
  draft(known: KnownSpec): void {
    const content = formatCopy(known);
    for (const copy of COPY_NAMES) {
      this.#drafts.begin({ path: join(this.#stateDir, copy), content, mode: COPY_MODE });
    }
  }

  async observe(): Promise<CopyStates> {
    const [a, b] = await Promise.all([
      this.#observeCopy('desired-a.json'),
      this.#observeCopy('desired-b.json'),
    ]);
    return { 'desired-a.json': a, 'desired-b.json': b };
  }

  async write(copy: CopyName, known: KnownSpec): Promise<void> {
    const path = join(this.#stateDir, copy);
    await this.#guard(path);
    await writeSynced(this.#disk, path, formatCopy(known), this.#options);
  }

  async confirm(copy: CopyName): Promise<void> {
    const path = join(this.#stateDir, copy);
    await this.#guard(path);
    await this.#disk.syncFile(path);
  }

  async settle(): Promise<void> {
    await this.#folders.sync(this.#stateDir);
  }

  async setAside(copy: CopyName): Promise<void> {
    const path = join(this.#stateDir, copy);
    await this.#guard(path);
    await this.#disk.rename(path, path + ASIDE_SUFFIX);
  }

  async hasTrace(): Promise<boolean> {
    try {
      return (await this.#disk.kindOf(this.#tracePath)) !== 'absent';
    } catch {
      return true;
    }
  }

  async leaveTrace(): Promise<void> {
    await this.#guard(this.#tracePath);
    await writeDurably(this.#disk, this.#tracePath, TRACE_TEXT, this.#options);
  }

  /** Two copies of one text are parsed once, and not again at each look. */
  #parse(text: string): KnownSpec | undefined {
    if (text !== this.#parsed.text) this.#parsed = { text, known: parseCopy(text) };
    return this.#parsed.known;
  }

  get #options() {
    return { mode: COPY_MODE, folders: this.#folders, drafts: this.#drafts };
  }

  async #observeCopy(copy: CopyName): Promise<CopyState> {
    const path = join(this.#stateDir, copy);
    try {
      await this.#guard(path);
      const known = this.#parse(await this.#disk.read(path, MAX_COPY_BYTES));
      return known === undefined ? { state: 'corrupt' } : { state: 'valid', known };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { state: 'absent' };
      return { state: 'unreadable', message: messageOf(error) };
    }
  }
}
