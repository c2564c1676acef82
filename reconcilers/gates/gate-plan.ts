// Plans the gates: pure. Those that have not passed since this boot are run, all at once; a failed one is backed off.
import type { Plan, Step } from '../loop/plan.ts';
import type { RunResult } from '../services/service-driver.ts';
import type { Gate } from './gate-driver.ts';

interface GateStep extends Step {
  readonly kind: 'run';
  readonly gate: Gate;
}

export interface GateHistory {
  readonly passed: boolean;
  /** Failures in a row. */
  readonly attempts: number;
  /** Not run again before this, on the monotonic clock, ms. */
  readonly notBeforeMs: number;
  readonly failure: RunResult | undefined;
}

export interface GatePlanInput {
  readonly gates: readonly Gate[];
  readonly running: ReadonlyMap<string, unknown>;
  readonly history: ReadonlyMap<string, GateHistory>;
  readonly nowMs: number;
}

export interface GatePlan extends Plan<GateStep> {
  readonly allPassed: boolean;
  /** When a gate that waits for its next try is due, ms from now; undefined: none waits. */
  readonly nextInMs: number | undefined;
}

export function planGates({ gates, running, history, nowMs }: GatePlanInput): GatePlan {
  const steps: GateStep[] = [];
  const waits: number[] = [];
  const open = gates.filter((gate) => history.get(gate.id)?.passed !== true);
  for (const gate of open) {
    if (running.has(gate.id)) continue;
    const waitMs = (history.get(gate.id)?.notBeforeMs ?? 0) - nowMs;
    if (waitMs > 0) waits.push(waitMs);
    else steps.push({ kind: 'run', target: gate.id, gate, reason: 'it has not passed since this boot' });
  }
  return {
    steps,
    blocked: [],
    allPassed: open.length === 0,
    nextInMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}
