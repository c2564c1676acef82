// Sees an event loop that stood still by how late timers fire that were due meanwhile: no wake-up of its own, and a stall during which nothing was due
// goes unseen.
import type { Clock } from '../reconcilers/loop/clock.ts';

/** What counts as a stall, ms: ten times what a flag's correction may take, and far above the delays of a busy but healthy machine. */
const STALL_THRESHOLD_MS = 100;

/**
 * `clock`, with every timer's lateness looked at.
 * @param onStall called before a late timer fires, with how long the loop stood still, ms, 100 or more. Several timers that are
 *   late by the same stall are one: of each only the time since the timer that fired before counts. It must not throw.
 */
export function observeLateness(clock: Clock, onStall: (stalledMs: number) => void): Clock {
  let lastFiredAtMs = Number.NEGATIVE_INFINITY;
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer(ms, fire) {
      const dueAtMs = clock.monotonicMs() + Math.max(ms, 1);
      return clock.setTimer(ms, () => {
        const nowMs = clock.monotonicMs();
        const stalledMs = nowMs - Math.max(dueAtMs, lastFiredAtMs);
        lastFiredAtMs = nowMs;
        if (stalledMs >= STALL_THRESHOLD_MS) onStall(stalledMs);
        fire();
      });
    },
  };
}

/** How often {@link keepTimerDue} has a timer due, ms. */
const PROBE_INTERVAL_MS = 1_000;

/** Has a timer due every second, so that few stalls go unseen: for a program that may wake up for that. @returns what ends it. */
export function keepTimerDue(clock: Clock): () => void {
  let cancel = () => {};
  const arm = () => {
    cancel = clock.setTimer(PROBE_INTERVAL_MS, arm);
  };
  arm();
  return () => cancel();
}
