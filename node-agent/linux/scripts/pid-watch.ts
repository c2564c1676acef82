// Watches the processes that pid files name: says once that one died, and once that one appeared. It only asks for a look and decides nothing.
// Its cost is that of an idle agent: what is done ten times a second is one read of procfs for each living process, and nothing where none lives.
import { type BigIntStats, closeSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import PQueue from 'p-queue';
import { errnoOf } from '../../../desired-state/errors.ts';
import type { Clock } from '../../../reconcilers/loop/clock.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import { FileChanges, type LookAt } from './file-changes.ts';
import { readHead } from './read-head.ts';

/** requirements.md: a process that a pid file names is watched every 100 ms. */
const POLL_INTERVAL_MS = 100;
/** Pid files and folders of them that are looked at at once: libuv has four threads for files, and one that hangs (NFS) keeps its thread. The flags need the others. */
const LOOKED_AT_ONCE = 1;
/** A pid, and room for blanks. */
const MAX_PID_FILE_BYTES = 64;

interface Watched {
  readonly pidFile: string;
  /** The pid file as it was when it was read last; '' when it was absent or could not be, undefined before the first look. */
  stamp: string | undefined;
  process: WatchedProcess | undefined;
  look: 'none' | 'under-way' | 'under-way-and-stale';
  isDropped: boolean;
}

/** An open /proc/PID/statm stands for this very process: should its pid be given to another one, reading fails all the same. */
interface WatchedProcess {
  readonly pid: number;
  readonly statm: number;
}

export interface PidWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Processes watched at most: each takes a descriptor. */
  readonly maxProcesses: number;
  /** Called once for each death and each appearance; not for what is found at the first look at a pid file. */
  readonly onEvent: () => void;
  /** A system call that may hang: stat(2) when left out. */
  readonly lookAt?: LookAt;
}

/** Descriptors that are left for all else: flags, links and runs. A quarter of them may be watched where there are few. */
const RESERVED_DESCRIPTORS = 512;

/** How many processes may be watched where so many files may be open. */
export function watchedAtMost(maxOpenFiles: number): number {
  return Math.max(maxOpenFiles - RESERVED_DESCRIPTORS, Math.floor(maxOpenFiles / 4));
}

export class PidWatch {
  readonly #options: PidWatchOptions;
  readonly #lookAt: LookAt;
  readonly #looks = new PQueue({ concurrency: LOOKED_AT_ONCE });
  readonly #changes: FileChanges;
  readonly #watched = new Map<string, Watched>();
  readonly #buffer = Buffer.alloc(8);
  #cancelPoll: (() => void) | undefined;
  #isFullSaid = false;
  #isClosed = false;

  constructor(options: PidWatchOptions) {
    this.#options = options;
    this.#lookAt = options.lookAt ?? ((path) => stat(path, { bigint: true }));
    this.#changes = new FileChanges(
      (folder) => this.#looks.add(() => this.#lookAt(folder)),
      (path) => {
        const watched = this.#watched.get(path);
        if (watched !== undefined) void this.#lookAtFile(watched);
      },
    );
  }

  /** Watches exactly these pid files from now on, and looks at each: to be called at each resync, because hints of changes may be missed. */
  watch(pidFiles: ReadonlySet<string>): void {
    if (this.#isClosed) return;
    for (const watched of this.#watched.values()) if (!pidFiles.has(watched.pidFile)) this.#drop(watched);
    for (const pidFile of pidFiles) void this.#lookAtFile(this.#watchedAt(pidFile));
    this.#changes.watch(pidFiles);
  }

  /** Stands for the process that a pid file named when it was read last, if that lives now: the same for as long as it does. */
  processOf(pidFile: string): object | undefined {
    const process = this.#watched.get(pidFile)?.process;
    return process !== undefined && this.#isAlive(process) ? process : undefined;
  }

  /** Watches nothing any more. */
  close(): void {
    this.watch(new Set());
    this.#isClosed = true;
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
  }

  #watchedAt(pidFile: string): Watched {
    const known = this.#watched.get(pidFile);
    if (known !== undefined) return known;
    const watched: Watched = {
      pidFile,
      stamp: undefined,
      process: undefined,
      look: 'none',
      isDropped: false,
    };
    this.#watched.set(pidFile, watched);
    return watched;
  }

  /** Only while there is a process to watch. */
  #pollLater(): void {
    if (this.#cancelPoll !== undefined) return;
    this.#cancelPoll = this.#options.clock.setTimer(POLL_INTERVAL_MS, () => {
      this.#cancelPoll = undefined;
      this.#poll();
    });
  }

  #poll(): void {
    let hasDied = false;
    for (const watched of this.#watched.values()) {
      if (watched.process === undefined) continue;
      if (this.#isAlive(watched.process)) {
        this.#pollLater();
        continue;
      }
      hasDied = true;
      forgetProcess(watched);
      // A daemon that restarts itself may have written its new pid already.
      void this.#lookAtFile(watched);
    }
    if (hasDied) this.#options.onEvent();
  }

  /** Never rejects. At most one at a time for a file, and one more when it changed meanwhile: one that hangs (NFS) is not asked again. */
  async #lookAtFile(watched: Watched): Promise<void> {
    if (watched.look !== 'none') {
      watched.look = 'under-way-and-stale';
      return;
    }
    do {
      watched.look = 'under-way';
      await this.#looks.add(() => this.#readFile(watched));
    } while (isStale(watched));
    watched.look = 'none';
  }

  async #readFile(watched: Watched): Promise<void> {
    if (watched.isDropped) return;
    try {
      const isFirst = watched.stamp === undefined;
      const stamp = await this.#stampOf(watched.pidFile);
      if (stamp === watched.stamp) return;
      const pid = stamp === '' ? undefined : await readPid(watched.pidFile);
      const isOther = !watched.isDropped && pid !== undefined && pid !== watched.process?.pid;
      // Its file is read again at the next look, and so is one that was not readable: its `status` is asked at each resync whatever happens here.
      if (isOther && watched.process === undefined && !this.#hasRoom()) return;
      const isAdopted = isOther && this.#adopt(watched, pid);
      watched.stamp = stamp;
      if (isAdopted && !isFirst) this.#options.onEvent();
    } catch {
      watched.stamp ??= '';
    }
  }

  /** Said once when there is none. */
  #hasRoom(): boolean {
    const { log, maxProcesses } = this.#options;
    const processes = [...this.#watched.values()].filter(({ process }) => process !== undefined).length;
    if (processes < maxProcesses) return true;
    if (!this.#isFullSaid) {
      log.warn(
        { maxProcesses },
        'so many processes are watched that descriptors could run out: a death of another one is seen at the next resync',
      );
    }
    this.#isFullSaid = true;
    return false;
  }

  /** True when a process lives under the pid: it is watched from now on. @throws when it can't be opened (EMFILE). */
  #adopt(watched: Watched, pid: number): boolean {
    const found = this.#openProcess(pid);
    if (found === undefined) return false;
    forgetProcess(watched);
    watched.process = found;
    this.#pollLater();
    return true;
  }

  #openProcess(pid: number): WatchedProcess | undefined {
    try {
      const found = { pid, statm: openSync(`/proc/${pid}/statm`, 'r') };
      if (this.#isAlive(found)) return found;
      closeSync(found.statm);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    return undefined;
  }

  /** A zombie has no memory any more: its statm begins with 0. Reading that of a process that is gone fails with ESRCH. */
  #isAlive({ statm }: WatchedProcess): boolean {
    try {
      return readSync(statm, this.#buffer, 0, this.#buffer.length, 0) > 0 && this.#buffer[0] !== 0x30;
    } catch {
      return false;
    }
  }

  async #stampOf(pidFile: string): Promise<string> {
    let stats: BigIntStats;
    try {
      stats = await this.#lookAt(pidFile);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return '';
      throw error;
    }
    return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
  }

  #drop(watched: Watched): void {
    watched.isDropped = true;
    forgetProcess(watched);
    this.#watched.delete(watched.pidFile);
  }
}

/** Asked after an await: it may have changed meanwhile. */
function isStale(watched: Watched): boolean {
  return watched.look === 'under-way-and-stale' && !watched.isDropped;
}

function forgetProcess(watched: Watched): void {
  if (watched.process !== undefined) closeSync(watched.process.statm);
  watched.process = undefined;
}

async function readPid(pidFile: string): Promise<number | undefined> {
  const pid = /^\s*(\d{1,9})\b/.exec(await readHead(pidFile, MAX_PID_FILE_BYTES))?.[1];
  return pid === undefined ? undefined : Number(pid);
}
