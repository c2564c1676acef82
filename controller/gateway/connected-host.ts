// One host as the gateway sees it: its sessions, one per network, and the newest facts about it that the store has yet to take.
// Only the newest of each fact is kept, so a store that is slow or away costs no memory and no other host its turn.
import { LockstepError } from '../../desired-state/errors.ts';
import type { Status } from '../../desired-state/host.ts';
import type { HostRecord } from '../../desired-state/store/store.ts';
import { sleep } from '../../reconcilers/loop/clock.ts';
import { claimOnline, type OnlineFact } from '../host-status.ts';
import type { AgentSession } from './agent-session.ts';
import { type GatewayParts, storeBackoffMs } from './gateway-parts.ts';
import { PLAN_LIMIT_MS, type PlanAnswer } from './plan-requests.ts';

/** More takeovers than that within a minute are no restart: two agents claim to be the same host. */
const MAX_TAKEOVERS_PER_MINUTE = 3;
const TAKEOVER_WINDOW_MS = 60_000;

export class ConnectedHost {
  readonly name: string;
  readonly #parts: GatewayParts;
  readonly #sessions = new Map<string, AgentSession>();
  readonly #onIdle: () => void;
  #takeovers: readonly number[] = [];
  #online: OnlineFact | undefined;
  #status: Status | undefined;
  #reportedGeneration = 0;
  #writing = false;

  /** @param onIdle called when nothing is connected and nothing waits to be written: this object can be forgotten. */
  constructor(name: string, parts: GatewayParts, onIdle: () => void) {
    this.name = name;
    this.#parts = parts;
    this.#onIdle = onIdle;
  }

  get connected(): boolean {
    return this.#sessions.size > 0;
  }

  /** The store has yet to take something. */
  get isWriting(): boolean {
    return this.#writing;
  }

  /** Takes the session in; one that is there for the same network is older and has to go. */
  join(session: AgentSession): void {
    const older = this.#sessions.get(session.network);
    this.#sessions.set(session.network, session);
    if (older !== undefined) {
      older.end('replaced by a newer connection', {
        re: 'hello',
        message: `another agent connected as ${this.name} over ${session.network}: the newest stays`,
      });
      this.#noteTakeover(session.network);
    }
    this.claimOnline('Connected');
  }

  /** A session that ended; the last one takes Online with it. */
  leave(session: AgentSession, fact: 'Disconnected' | 'HeartbeatMissed'): void {
    if (this.#sessions.get(session.network) !== session) return;
    this.#sessions.delete(session.network);
    if (!this.connected) this.claimOnline(fact);
  }

  /** A write to the host's record that the store's watch told of. */
  offer(record: HostRecord): void {
    for (const session of [...this.#sessions.values()]) session.offer(record);
  }

  /**
   * Asks the agent what it would do now, over the connection that was heard of last; over the next one when that ends meanwhile.
   * @returns undefined when no connection is left. @throws LockstepError `Unavailable` when the agent refuses, or does not answer in 10 s altogether.
   */
  async askPlan(): Promise<PlanAnswer | undefined> {
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + PLAN_LIMIT_MS;
    const sessions = [...this.#sessions.values()].sort((a, b) => b.lastHeardMs - a.lastHeardMs);
    for (const session of sessions) {
      const answer = await session.askPlan(Math.max(untilMs - clock.monotonicMs(), 0));
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  claimOnline(fact: OnlineFact): void {
    this.#online = fact;
    this.#wake();
  }

  report(status: Status): void {
    this.#status = status;
    this.#wake();
  }

  noteGeneration(generation: number): void {
    this.#reportedGeneration = Math.max(this.#reportedGeneration, generation);
    this.#wake();
  }

  #wake(): void {
    if (this.#writing) return;
    this.#writing = true;
    void this.#writeFacts();
  }

  /** Writes until nothing is left; a store that fails is asked again, later and later, until the gateway stops. */
  async #writeFacts(): Promise<void> {
    const { clock, stopping, peerLog } = this.#parts;
    for (let failures = 0; this.#pending() && !stopping.aborted; ) {
      try {
        await this.#writeNewest();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (isRefusal(error)) this.#forget(error);
        else peerLog.bounded('warn', this.name, { error }, 'status not written yet, trying again');
        await sleep(clock, storeBackoffMs(failures), stopping);
      }
    }
    this.#writing = false;
    if (!this.connected) this.#onIdle();
  }

  async #writeNewest(): Promise<void> {
    const { agents, store } = this.#parts;
    const online = this.#online;
    if (online !== undefined) {
      const generation = (await store.get(this.name))?.generation ?? 0;
      await agents.setOnline(this.name, claimOnline(online, generation));
      if (this.#online === online) this.#online = undefined;
    }
    const status = this.#status;
    if (status !== undefined) {
      await agents.report(this.name, status);
      if (this.#status === status) this.#status = undefined;
    }
    const generation = this.#reportedGeneration;
    if (generation > 0) {
      await agents.noteGeneration(this.name, generation);
      if (this.#reportedGeneration === generation) this.#reportedGeneration = 0;
    }
  }

  #pending(): boolean {
    return this.#online !== undefined || this.#status !== undefined || this.#reportedGeneration > 0;
  }

  /** Asking again can't help: the store will never take these. */
  #forget(error: LockstepError): void {
    this.#parts.peerLog.bounded('error', this.name, { error }, 'status refused by the store');
    this.#online = undefined;
    this.#status = undefined;
    this.#reportedGeneration = 0;
  }

  #noteTakeover(network: string): void {
    const { agents, clock, peerLog } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#takeovers = [...this.#takeovers.filter((at) => nowMs - at < TAKEOVER_WINDOW_MS), nowMs];
    if (this.#takeovers.length <= MAX_TAKEOVERS_PER_MINUTE) return;
    this.#takeovers = [];
    const message = `agents keep taking ${this.name} from each other over ${network}: expected one agent per host, look for a second one with this name`;
    agents.recordWarning(this.name, 'DuplicateAgent', message).catch((error: unknown) => {
      peerLog.bounded('warn', this.name, { error }, 'event not written');
    });
  }
}

function isRefusal(error: unknown): error is LockstepError {
  return error instanceof LockstepError && (error.code === 'Invalid' || error.code === 'NotFound');
}
