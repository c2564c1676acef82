// The GateDriver port: readiness gates, checks that must pass before the first start of services after a boot. Adapter: node-agent/linux/gates.
import type { RunResult } from '../services/service-driver.ts';

export interface Gate {
  /** Path below the gates folder: `10-network`, `worker/20-storage`. */
  readonly id: string;
}

export interface GateDriver {
  /** Gates for every host and for each of its roles, in order; a missing folder is no gates. @throws when a folder can't be read. */
  list(): Promise<readonly Gate[]>;
  /** Runs one gate to its end; never rejects. On abort and at its time limit it is ended with its children. */
  run(gate: Gate, signal: AbortSignal): Promise<RunResult>;
  /** Did all gates pass since this boot? A record that can't be read says no. */
  hasPassed(): Promise<boolean>;
  /** Records that they did. A failure is not an error: they will be run again. */
  recordPassed(): Promise<void>;
}
