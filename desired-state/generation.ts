// How changes of a host's spec are numbered, and how far.
import { z } from 'zod';
import { LockstepError } from './errors.ts';

/**
 * No host is changed that often, and it is far below 2^53, above which numbers are not told apart: what says more was forged or damaged, and is never
 * taken for a generation.
 */
export const MAX_GENERATION = 1_000_000_000_000_000;

/** `generation` is +1 for each change of the spec, set by the store; 0 means that no spec is known. */
export const generationSchema = z.int().min(0).max(MAX_GENERATION);

/** The generation after `highest`. @throws LockstepError `Invalid` when none is left: what a person can do about it. */
export function generationAbove(highest: number, host: string): number {
  if (highest < MAX_GENERATION) return highest + 1;
  throw new LockstepError(
    'Invalid',
    `host ${host}: expected its highest generation below ${MAX_GENERATION}, found ${highest}, which no store comes to by itself: end its agent and move the copies out of its stateDir; end the controller and put a backup in place, or lower the host's generation and reportedGeneration with sqlite3`,
  );
}
