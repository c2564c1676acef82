// Keeps a watch alive: a controller that goes away is asked again until it answers, and the reader is told once each way.
import { setTimeout } from 'node:timers/promises';
import { LockstepError } from '../../desired-state/errors.ts';
import { backoffMs } from '../../reconcilers/loop/backoff.ts';
import type { Terminal } from './terminal.ts';

/** Between two tries, ms: soon at first, as a restart takes; never slower than that. */
const RETRY = { baseMs: 250, capMs: 2_000 };

interface ReconnectingOptions {
  /** Is it known that there is a controller? Then the very first connection is tried again, too. */
  readonly isThere?: boolean;
}

/**
 * What each connection tells, for as long as `signal` lets it.
 * @param connect begins one; it may throw `Unavailable` at any time. Every news counts as an answer.
 * @throws LockstepError `Unavailable` when the very first connection tells nothing, unless a controller `isThere`; any other error at once.
 */
export async function* reconnecting<T>(
  connect: () => AsyncIterable<T>,
  terminal: Pick<Terminal, 'note'>,
  signal: AbortSignal,
  { isThere = false }: ReconnectingOptions = {},
): AsyncGenerator<T, void, undefined> {
  let hasAnswered = isThere;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const news of connect()) {
        if (failures > 0) terminal.note('connected again');
        failures = 0;
        hasAnswered = true;
        yield news;
      }
      return;
    } catch (error) {
      const isLost = error instanceof LockstepError && error.code === 'Unavailable';
      if (!isLost || !hasAnswered) throw error;
      if (failures === 0) terminal.note(`${error.message}; trying again`);
      await setTimeout(
        backoffMs(failures + 1, RETRY, () => 1),
        undefined,
        { signal },
      ).catch(() => {});
    }
  }
}
