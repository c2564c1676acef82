// What an agent is given: its settings, and every port through which it touches the world. Built by main.ts, and by the simulation.
import type { Role } from '../desired-state/host.ts';
import type { GateDriver } from '../reconcilers/gates/gate-driver.ts';
import type { Clock, Random } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import type { ServiceDriver } from '../reconcilers/services/service-driver.ts';
import type { AgentMonitor } from './agent-monitor.ts';
import type { Disk } from './disk.ts';
import type { FlagWatch } from './flag-watch.ts';
import type { AgentStatus } from './status-file.ts';
import type { Transport } from './transport.ts';

export interface AgentSettings {
  readonly host: string;
  readonly roles: readonly Role[];
  readonly bootId: string;
  readonly agentVersion: string;
  readonly pid: number;
  readonly flags: { readonly volatile: string; readonly persistent: string };
  readonly stateDir: string;
  readonly runDir: string;
  /** Files in stateDir and runDir that say nothing of the past: the locks that this start took. */
  readonly lockFileNames: readonly string[];
  readonly resyncIntervalMs: number;
  readonly bootGraceMs: number;
}

export interface AgentPorts {
  readonly disk: Disk;
  /** Throws when a path must not be written: it resolves outside the sandbox root. */
  readonly guard: (path: string) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly transports: readonly Transport[];
  readonly services: ServiceDriver;
  readonly gates: GateDriver;
  readonly flagWatch: FlagWatch;
  /** Shows what the agent knows and does, to people on this host. Called after each pass; `isNews`: it changed. Never throws. */
  readonly publish: (status: AgentStatus, isNews: boolean) => void;
  readonly monitor: AgentMonitor;
}
