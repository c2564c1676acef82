// What the agent tells of its work to whoever measures it: a port, so that the simulation runs without one.
import type { LoopMonitor } from '../reconcilers/loop/loop-monitor.ts';

export const LOOP_KEYS = ['flags', 'services'] as const;
export type LoopKey = (typeof LOOP_KEYS)[number];

export const CORRECTION_KINDS = [
  'flag_restored',
  'flag_removed',
  'service_started',
  'service_stopped',
] as const;
export type CorrectionKind = (typeof CORRECTION_KINDS)[number];

/** Called in the middle of the agent's work: no method may throw, wait or do I/O. */
export interface AgentMonitor extends LoopMonitor<LoopKey> {
  /** @param latencyMs from detection to repair, ms; undefined where nothing was detected: what had failed before succeeded at last. */
  corrected(kind: CorrectionKind, latencyMs: number | undefined): void;
}
