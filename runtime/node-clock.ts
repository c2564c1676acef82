// Time from Node. Its timers keep the process alive: a daemon whose only work left is its next resync must not end by itself.
import type { Clock } from '../reconcilers/loop/clock.ts';

/** Longest delay a Node timer keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, Math.min(ms, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
