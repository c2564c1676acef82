// Where the agents' connections end: keeps the sessions of each host together, pushes every change of a spec to them at once,
// and knows who is online. It touches no socket, timer or file: connections and the clock come in.
import { findCondition } from '../../desired-state/conditions.ts';
import { LockstepError } from '../../desired-state/errors.ts';
import { API_VERSION, type Status } from '../../desired-state/host.ts';
import type { Store } from '../../desired-state/store/store.ts';
import { type Connection, encodeMessage, PEER_SILENCE_LIMIT_MS } from '../../desired-state/wire.ts';
import { type Clock, sleep } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import { Agents } from '../agents.ts';
import type { Plans } from '../api/api-ports.ts';
import type { HostPlan } from '../api/schemas.ts';
import type { Hosts } from '../hosts.ts';
import { AgentSession } from './agent-session.ts';
import { ConnectedHost } from './connected-host.ts';
import { type GatewayParts, storeBackoffMs } from './gateway-parts.ts';
import { PeerLog } from './peer-log.ts';

/** Connections at a time over the listeners of one controller; those beyond are told so and closed. */
const MAX_CONNECTIONS = 1_024;

export interface AgentGatewayDeps {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** 1,024 when left out. */
  readonly maxConnections?: number;
}

/** What the gateway has in its hands. */
export interface GatewayLoad {
  /** Agents that have said who they are, by network; none of a network without any. */
  readonly connections: ReadonlyMap<string, number>;
  readonly waitingMessages: number;
  /** Hosts of which the store has yet to take something. */
  readonly hostsToWrite: number;
}

export class AgentGateway implements Plans {
  readonly #hosts: Hosts;
  readonly #parts: GatewayParts;
  readonly #maxConnections: number;
  readonly #stopping = new AbortController();
  readonly #sessions = new Set<AgentSession>();
  readonly #connectedHosts = new Map<string, ConnectedHost>();
  readonly #markStarted: () => void;
  #ended: Promise<unknown> = Promise.resolve();

  constructor({ hosts, store, clock, log, maxConnections = MAX_CONNECTIONS }: AgentGatewayDeps) {
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const peerLog = new PeerLog(clock, log);
    const agents = new Agents({ store, clock, log });
    this.#hosts = hosts;
    this.#markStarted = resolve;
    this.#maxConnections = maxConnections;
    this.#parts = { agents, store, clock, log, peerLog, stopping: this.#stopping.signal, started };
  }

  /** Takes an agent's connection in. `network` is the name of the network whose listener it came through. */
  accept(connection: Connection, network: string): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#parts.peerLog.bounded('warn', `agents over ${network}`, { refusal }, 'agent connection refused');
      connection.send(encodeMessage({ type: 'nack', re: 'hello', message: refusal }));
      connection.close(refusal);
      return;
    }
    const session = new AgentSession(connection, network, this.#parts, {
      join: (joining, name) => {
        const host = this.#host(name);
        host.join(joining);
        return host;
      },
      left: (leaving, fact) => {
        this.#sessions.delete(leaving);
        // A controller that stops says nothing about its agents: they live on, and its next life marks what it does not know.
        if (this.#stopping.signal.aborted || leaving.host === undefined) return;
        this.#connectedHosts.get(leaving.host)?.leave(leaving, fact);
      },
    });
    this.#sessions.add(session);
  }

  /** Is an agent of that host connected to this controller, over any network? */
  isConnected(name: string): boolean {
    return this.#connectedHosts.get(name)?.connected ?? false;
  }

  /**
   * Asks the host's agent what it would do now.
   * @throws LockstepError `NotFound` for a host that is not there; `Unavailable` when its agent is not connected, refuses, or does not answer within 10 s.
   */
  async planOf(name: string): Promise<HostPlan> {
    const { status } = await this.#hosts.get(name);
    const answer = await this.#connectedHosts.get(name)?.askPlan();
    if (answer === undefined) throw offline(name, status);
    return { apiVersion: API_VERSION, kind: 'Plan', host: name, ...answer };
  }

  /** For metrics. */
  load(): GatewayLoad {
    const connections = new Map<string, number>();
    let waitingMessages = 0;
    for (const { network, host, waiting } of this.#sessions) {
      waitingMessages += waiting;
      if (host !== undefined) connections.set(network, (connections.get(network) ?? 0) + 1);
    }
    const hostsToWrite = [...this.#connectedHosts.values()].filter(({ isWriting }) => isWriting).length;
    return { connections, waitingMessages, hostsToWrite };
  }

  /** Begins to push changes. Resolves when the hosts of the controller's former life are marked; never rejects. */
  async start(): Promise<void> {
    const inDoubt = await this.#markRestarted();
    this.#markStarted();
    this.#ended = Promise.all([this.#pushChanges(), this.#giveUp(inDoubt)]);
  }

  /** Ends every connection. Resolves when nothing of the gateway runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#markStarted();
    for (const session of [...this.#sessions]) session.end('the controller stops');
    await this.#ended;
  }

  #host(name: string): ConnectedHost {
    const known = this.#connectedHosts.get(name);
    if (known !== undefined) return known;
    const host = new ConnectedHost(name, this.#parts, () => this.#connectedHosts.delete(name));
    this.#connectedHosts.set(name, host);
    return host;
  }

  #refusal(): string | undefined {
    if (this.#stopping.signal.aborted) return 'the controller stops';
    if (this.#sessions.size < this.#maxConnections) return undefined;
    return `expected at most ${this.#maxConnections} agents' connections, found one more`;
  }

  /** Tells the sessions of every spec as it is written; ends only with the gateway. */
  async #pushChanges(): Promise<void> {
    const { store, stopping, clock, peerLog } = this.#parts;
    let failures = 0;
    let seenRevision = 0;
    while (!stopping.aborted) {
      try {
        // One below: the write seen last may have held more hosts. Telling a host twice is harmless.
        for await (const record of store.watch(Math.max(seenRevision - 1, 0), stopping)) {
          failures = 0;
          seenRevision = record.revision;
          this.#connectedHosts.get(record.name)?.offer(record);
        }
      } catch (error) {
        peerLog.bounded('warn', 'store', { error }, 'watch of the store lost, trying again');
      }
      failures += 1;
      await sleep(clock, storeBackoffMs(failures), stopping);
    }
  }

  async #markRestarted(): Promise<readonly string[]> {
    const { agents, stopping, clock, peerLog } = this.#parts;
    for (let failures = 1; !stopping.aborted; failures += 1) {
      try {
        return await agents.markRestarted();
      } catch (error) {
        peerLog.bounded('warn', 'store', { error }, 'store not available at start, trying again');
        await sleep(clock, storeBackoffMs(failures), stopping);
      }
    }
    return [];
  }

  /** Hosts of the controller's former life that were not heard of in time are offline. */
  async #giveUp(inDoubt: readonly string[]): Promise<void> {
    const { clock, stopping } = this.#parts;
    if (inDoubt.length === 0) return;
    await sleep(clock, PEER_SILENCE_LIMIT_MS, stopping);
    if (stopping.aborted) return;
    for (const name of inDoubt) {
      if (!this.isConnected(name)) this.#host(name).claimOnline('HeartbeatMissed');
    }
  }
}

/** @param status as it was when the plan was asked for. */
function offline(name: string, { conditions }: Status): LockstepError {
  const online = findCondition(conditions, 'Online');
  // Connected then, and gone before it answered; or not written yet.
  const why =
    online === undefined || online.status === 'True' ? 'its agent is not connected' : online.message;
  return new LockstepError(
    'Unavailable',
    `host ${name} is offline: ${why}; \`lockstep describe host ${name}\` shows what was last known of it`,
  );
}
