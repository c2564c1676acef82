// Keeps a second agent off the same folders: a locked file in each of them (lock-file.ts), and the pid beside it in a file of its own, for the locked one
// may not be opened.
import { join } from 'node:path';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import { writeAtomically } from '../atomic-write.ts';
import type { Disk } from '../disk.ts';
import { TEMPORARY_SUFFIX } from '../drafts.ts';
import type { InstanceLock } from '../instance-lock.ts';
import { isLockedElsewhere, LockFile } from './lock-file.ts';

const LOCK_NAME = 'agent.lock';
const PID_NAME = 'agent.pid';

/** What taking the locks puts into each folder: no trace of an earlier agent's decisions. */
export const LOCK_FILE_NAMES: readonly string[] = [LOCK_NAME, PID_NAME, PID_NAME + TEMPORARY_SUFFIX];

export interface SingleInstanceOptions {
  readonly disk: Disk;
  /** stateDir and runDir; made if missing. All agents take them in the same order, so of two that meet one gets both. */
  readonly folders: readonly string[];
  /** Throws when a path must not be written: it resolves outside the sandbox root. */
  readonly guard: (path: string) => Promise<void>;
  readonly pid: number;
  readonly log: Log;
}

/**
 * Takes the lock of each folder. A folder whose lock can't be made or opened (full, read-only) is logged, gone without, and tried again when the lock is
 * renewed: a broken disk must not keep the agent from the flags.
 * @throws LockstepError `Conflict` when another process holds one: which folder, and whose.
 */
export async function takeInstanceLocks(options: SingleInstanceOptions): Promise<InstanceLock> {
  const locks = options.folders.map((folder) => new FolderLock(folder, options));
  const release = () => {
    for (const lock of locks) lock.release();
  };
  try {
    for (const lock of locks) await lock.keep(BEFORE_STARTING);
  } catch (error) {
    release();
    throw error;
  }
  return {
    async renew() {
      for (const lock of locks) await lock.keep(WHILE_RUNNING);
    },
    release,
  };
}

/** What to do about another agent. */
const BEFORE_STARTING = 'stop that one first, or give this one a --root of its own';
const WHILE_RUNNING =
  'it got in while this one was without the lock, so this one ends and leaves flags and services as they are; to have this one back, stop that one and start this one again';

class FolderLock {
  readonly #folder: string;
  readonly #options: SingleInstanceOptions;
  #file: LockFile | undefined;
  /** Why it could not be taken or looked at the last time. */
  #trouble: string | undefined;

  constructor(folder: string, options: SingleInstanceOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /**
   * Takes the lock unless it is held already. The same trouble again and again is logged once.
   * @param advice ends the message of a conflict.
   * @throws LockstepError `Conflict` when another process holds it.
   */
  async keep(advice: string): Promise<void> {
    const { log } = this.#options;
    try {
      if (this.#file === undefined || !(await this.#file.isInPlace())) await this.#take();
      this.#trouble = undefined;
    } catch (error) {
      if (isLockedElsewhere(error)) throw await describeHolder(this.#options, this.#folder, advice, error);
      const why = messageOf(error);
      if (why !== this.#trouble) {
        log.warn({ folder: this.#folder, why }, 'no lock against a second agent on this folder');
      }
      this.#trouble = why;
    }
  }

  release(): void {
    this.#file?.release();
    this.#file = undefined;
  }

  async #take(): Promise<void> {
    const { disk, guard, log } = this.#options;
    const path = join(this.#folder, LOCK_NAME);
    await guard(path);
    await disk.makeFolder(this.#folder);
    const before = this.#file;
    this.#file = await LockFile.take(path);
    before?.release();
    await this.#writePid();
    const why = before === undefined ? this.#trouble : 'its file was deleted or replaced';
    if (why !== undefined) log.info({ folder: this.#folder, why }, 'lock against a second agent taken again');
  }

  /** For the message only, so without it we are locked all the same. */
  async #writePid(): Promise<void> {
    const { disk, pid, log } = this.#options;
    try {
      await writeAtomically(disk, join(this.#folder, PID_NAME), `${pid}\n`, { mode: 0o644 });
    } catch (error) {
      log.debug({ folder: this.#folder, why: messageOf(error) }, 'the pid beside the lock was not written');
    }
  }
}

async function describeHolder(
  { disk, pid: own }: SingleInstanceOptions,
  folder: string,
  advice: string,
  cause: unknown,
): Promise<LockstepError> {
  const pid = await disk.read(join(folder, PID_NAME), 32).then(
    (text) => /^\d+$/.exec(text.trim())?.[0],
    () => undefined,
  );
  // Whoever has just taken it may not have written its own yet.
  const holder = pid === undefined || pid === `${own}` ? 'another agent' : `another agent (pid ${pid})`;
  return new LockstepError(
    'Conflict',
    `${folder}: expected to be the only agent on this folder, found that ${holder} holds ${LOCK_NAME}: ${advice}`,
    { cause },
  );
}
