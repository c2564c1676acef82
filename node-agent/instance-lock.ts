// The lock that keeps a second agent off the same folders, and the looks whether this agent still has it. How it is held is its adapter's; what
// follows from its loss is decided elsewhere.
import { type Clock, sleep } from '../reconcilers/loop/clock.ts';

export interface InstanceLock {
  /**
   * Takes again what was deleted or replaced, and tries once more what could not be taken before.
   * @throws LockstepError `Conflict` when another process has it by now: which folder, and whose.
   */
  renew(): Promise<void>;
  /** Lets another agent in. The end of the process does the same. */
  release(): void;
}

export interface LockWatch {
  /** Resolves with the conflict once the lock is lost for good. */
  readonly lost: Promise<unknown>;
  /** Ends the looks, the one under way too. */
  stop(): Promise<void>;
}

export interface LockWatchOptions {
  readonly lock: InstanceLock;
  readonly clock: Clock;
  readonly resyncIntervalMs: number;
}

/**
 * An agent that starts and is refused by one folder has held another one until then, so the lock is lost only when two looks in a row find it taken: then
 * two agents are at work for a resync at most.
 */
const LOOKS_PER_RESYNC = 2;

export function watchLock(options: LockWatchOptions): LockWatch {
  const stopping = new AbortController();
  const { promise: lost, resolve } = Promise.withResolvers<unknown>();
  const looking = look(options, stopping.signal, resolve);
  return {
    lost,
    async stop() {
      stopping.abort();
      await looking;
    },
  };
}

async function look(
  { lock, clock, resyncIntervalMs }: LockWatchOptions,
  signal: AbortSignal,
  onLost: (conflict: unknown) => void,
): Promise<void> {
  let wasTaken = false;
  for (;;) {
    await sleep(clock, resyncIntervalMs / LOOKS_PER_RESYNC, signal);
    if (signal.aborted) return;
    try {
      await lock.renew();
      wasTaken = false;
    } catch (conflict) {
      if (wasTaken) return onLost(conflict);
      wasTaken = true;
    }
  }
}
