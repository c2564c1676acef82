// The grace after a boot: a remembered servicesEnabled=true starts nothing until a controller answered or bootGrace has passed, so that a host
// locked while it was down hears so first (design.md, F10). A boot is a boot id that runDir has no record of.
import { join } from 'node:path';
import type { Clock } from '../reconcilers/loop/clock.ts';
import { writeAtomically } from './atomic-write.ts';
import type { Disk } from './disk.ts';

const RECORD_NAME = 'boot-id';
const MAX_RECORD_BYTES = 256;

export interface BootGraceOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly runDir: string;
  readonly bootId: string;
  /** ms */
  readonly graceMs: number;
  /** The grace is over: asks for a look at the services. */
  readonly onOver: () => void;
}

export class BootGrace {
  readonly #options: BootGraceOptions;
  #isOver: boolean;
  #cancelTimer: () => void = () => {};

  /** @param isNewBoot runDir has no record of this boot: the grace starts now. Otherwise it is over. */
  constructor(options: BootGraceOptions, isNewBoot: boolean) {
    this.#options = options;
    this.#isOver = !isNewBoot;
    if (isNewBoot) this.#cancelTimer = options.clock.setTimer(options.graceMs, () => this.end());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A controller answered, or the time has passed. Only now is the boot recorded: an agent that crashed before it has its grace again. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    const { disk, runDir, bootId, onOver } = this.#options;
    // Without the record the next start has a grace it did not need: no harm, so a full runDir is no error.
    void writeAtomically(disk, join(runDir, RECORD_NAME), bootId, { mode: 0o644 }).catch(() => undefined);
    onOver();
  }

  stop(): void {
    this.#cancelTimer();
  }
}

/** Has runDir no record of this boot? A record that can't be read is none. */
export async function isNewBoot(disk: Disk, runDir: string, bootId: string): Promise<boolean> {
  try {
    return (await disk.read(join(runDir, RECORD_NAME), MAX_RECORD_BYTES)) !== bootId;
  } catch {
    return true;
  }
}
