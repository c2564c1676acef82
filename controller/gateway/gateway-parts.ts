// What the gateway, its hosts and its sessions share.
import type { Store } from '../../desired-state/store/store.ts';
import { backoffMs } from '../../reconcilers/loop/backoff.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { Agents } from '../agents.ts';
import type { PeerLog } from './peer-log.ts';

export interface GatewayParts {
  readonly agents: Agents;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly peerLog: PeerLog;
  /** Aborts when the gateway stops: nothing is written to the store after that. */
  readonly stopping: AbortSignal;
  /** Resolves when the hosts of the controller's former life are marked: no host is welcomed before. */
  readonly started: Promise<void>;
}

/** Milliseconds before the store is asked again. No jitter: one process asks one store. */
export function storeBackoffMs(failures: number): number {
  return backoffMs(failures, { baseMs: 100, capMs: 5_000 }, () => 1);
}
