// One agent's connection over one network: its messages in order, one at a time, and what they are answered (design.md, "The wire").
// It touches no socket: the Connection does. Nothing an agent sends ends the program, and all that waits is bounded.
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import { ANNOTATIONS } from '../../desired-state/host.ts';
import type { HostRecord } from '../../desired-state/store/store.ts';
import {
  type AgentMessage,
  type Connection,
  type ControllerMessage,
  encodeMessage,
  type Hello,
  PEER_SILENCE_LIMIT_MS,
  PROTOCOL_VERSION,
  parseAgentMessage,
} from '../../desired-state/wire.ts';
import { deletedMessage } from '../welcome.ts';
import type { GatewayParts } from './gateway-parts.ts';
import { Inbox, MAX_WAITING_MESSAGES } from './inbox.ts';
import { type PlanAnswer, PlanRequests } from './plan-requests.ts';
import { claimedType, nackOf, type Refusal } from './refusals.ts';

/** An agent that has not said who it is by then is none, ms. */
const HELLO_LIMIT_MS = 5_000;

/** What the session asks of whoever keeps the sessions of a host together. */
export interface Switchboard {
  /** The agent is known and welcome. @returns where its facts go. */
  join(session: AgentSession, host: string): HostDesk;
  /** The connection is gone; called once. */
  left(session: AgentSession, fact: 'Disconnected' | 'HeartbeatMissed'): void;
}

/** Takes the facts about one host; never blocks. */
export interface HostDesk {
  report(status: Extract<AgentMessage, { type: 'status' }>['status']): void;
  noteGeneration(generation: number): void;
}

export class AgentSession {
  readonly network: string;
  readonly #connection: Connection;
  readonly #parts: GatewayParts;
  readonly #switchboard: Switchboard;
  readonly #inbox = new Inbox((text) => this.#handle(text));
  readonly #plans: PlanRequests;
  /** Undefined until its hello was accepted. */
  #desk: HostDesk | undefined;
  #host: string | undefined;
  #introduced = false;
  #sentGeneration = -1;
  #ended = false;
  #lastHeardMs: number;
  #cancelTimer: () => void;

  constructor(connection: Connection, network: string, parts: GatewayParts, switchboard: Switchboard) {
    this.network = network;
    this.#connection = connection;
    this.#parts = parts;
    this.#switchboard = switchboard;
    this.#plans = new PlanRequests(parts.clock, (message) => this.#send(message));
    this.#lastHeardMs = parts.clock.monotonicMs();
    this.#cancelTimer = parts.clock.setTimer(HELLO_LIMIT_MS, () => {
      this.end('no hello', {
        re: 'hello',
        message: `expected a hello within ${HELLO_LIMIT_MS} ms, found none`,
      });
    });
    connection.onMessage((text) => this.#receive(text));
    connection.onClose((reason) => this.#over(reason, 'Disconnected'));
  }

  /** The host that it speaks for; undefined before its hello was accepted. */
  get host(): string | undefined {
    return this.#host;
  }

  /** Its messages that wait for their turn. */
  get waiting(): number {
    return this.#inbox.size;
  }

  /** When it was last heard of, monotonic ms. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** What the agent would do now; undefined when the connection ended before it said so. @throws LockstepError as PlanRequests.ask. */
  async askPlan(limitMs: number): Promise<PlanAnswer | undefined> {
    return this.#ended ? undefined : this.#plans.ask(this.#peer(), limitMs);
  }

  /** Tells the agent what its host should be, unless it was told this generation already. */
  offer(record: HostRecord): void {
    if (this.#ended) return;
    if (record.deleted) {
      this.end('host deleted', { re: 'hello', message: deletedMessage(record) });
      return;
    }
    if (record.generation > this.#sentGeneration) this.#sendDesired(record);
  }

  /** Ends the connection, with a last word to the agent. */
  end(reason: string, refusal?: Refusal, fact: 'Disconnected' | 'HeartbeatMissed' = 'Disconnected'): void {
    if (this.#ended) return;
    if (refusal !== undefined) this.#nack(refusal.re, refusal.message);
    this.#over(reason, fact);
    this.#connection.close(reason);
  }

  #over(reason: string, fact: 'Disconnected' | 'HeartbeatMissed'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inbox.clear();
    this.#cancelTimer();
    this.#plans.end();
    this.#parts.log.debug({ peer: this.#peer(), network: this.network, reason }, 'agent connection ended');
    this.#switchboard.left(this, fact);
  }

  #receive(text: string): void {
    if (this.#ended) return;
    this.#lastHeardMs = this.#parts.clock.monotonicMs();
    if (this.#inbox.take(text)) return;
    const message = `expected at most ${MAX_WAITING_MESSAGES} messages at a time, found more: connect again and send fewer`;
    this.#parts.peerLog.bounded('warn', this.#peer(), { network: this.network }, 'too many messages');
    this.end('too many messages', { re: 'flood', message });
  }

  /** Never throws: what goes wrong is answered with a nack. */
  async #handle(text: string): Promise<void> {
    const { peerLog } = this.#parts;
    let received: ReturnType<typeof parseAgentMessage>;
    try {
      received = parseAgentMessage(text, this.#peer());
    } catch (error) {
      const detail = messageOf(error);
      peerLog.bounded('warn', this.#peer(), { network: this.network, detail }, 'malformed message');
      this.#nack(claimedType(text), detail);
      return;
    }
    if (!received.known) {
      peerLog.unknownCommand(this.#peer(), received.type);
      const message = `unknown command ${JSON.stringify(received.type)}: this controller does not know it`;
      this.#nack(received.type, message);
      return;
    }
    const { message } = received;
    try {
      await this.#answer(message);
    } catch (error) {
      const fields = { network: this.network, type: message.type, error };
      peerLog.bounded('warn', this.#peer(), fields, 'message not dealt with');
      this.#nack(message.type, messageOf(error));
    }
  }

  async #answer(message: AgentMessage): Promise<void> {
    if (message.type === 'hello') return this.#greet(message);
    const desk = this.#desk;
    const host = this.#host;
    if (desk === undefined || host === undefined) {
      this.#nack(message.type, `expected a hello first, found ${message.type}`);
      return;
    }
    switch (message.type) {
      case 'heartbeat':
        return this.#level('heartbeat', host, message.observedGeneration);
      case 'status':
        desk.report(message.status);
        return this.#level('status', host, message.status.observedGeneration);
      case 'event':
        return this.#parts.agents.recordEvent(host, message);
      case 'plan':
        if (!this.#plans.answered(message)) this.#nack('plan', `nobody waits for plan ${message.id}`);
        return;
      case 'nack': {
        const { re, message: reason } = message;
        if (re === 'plan-request' && this.#plans.refused(host, reason)) return;
        const fields = { network: this.network, re, reason };
        this.#parts.peerLog.bounded('warn', this.#peer(), fields, 'agent refused a message');
      }
    }
  }

  async #greet(hello: Hello): Promise<void> {
    if (this.#introduced) {
      this.#nack('hello', 'expected one hello per connection, found another');
      return;
    }
    this.#introduced = true;
    if (hello.protocol !== PROTOCOL_VERSION) {
      const message = `expected protocol ${PROTOCOL_VERSION}, found ${hello.protocol}: upgrade the older of the two`;
      this.#parts.peerLog.bounded(
        'warn',
        hello.host,
        { protocol: hello.protocol },
        'agent of another protocol',
      );
      this.end('another protocol', { re: 'hello', message });
      await this.#recordRefusal(hello.host, message);
      return;
    }
    this.#armSilence();
    await this.#parts.started;
    if (this.#ended) return;
    const record = await this.#welcome(hello);
    if (record === undefined || this.#ended) return;
    this.#host = hello.host;
    this.#desk = this.#switchboard.join(this, hello.host);
    const { host, bootId, agentVersion } = hello;
    this.#parts.log.info({ host, network: this.network, bootId, agentVersion }, 'agent connected');
    // What was written between the welcome and the join was told to nobody: look once more.
    this.offer((await this.#parts.store.get(host)) ?? record);
  }

  async #welcome(hello: Hello): Promise<HostRecord | undefined> {
    try {
      return await this.#parts.agents.welcome(hello, this.network);
    } catch (error) {
      const message = messageOf(error);
      const fields = { network: this.network, detail: message };
      this.#parts.peerLog.bounded('warn', hello.host, fields, 'agent refused');
      this.end('hello refused', { re: 'hello', message });
      const isRefusal = error instanceof LockstepError && error.code === 'Refused';
      if (isRefusal) await this.#recordRefusal(hello.host, message);
      return undefined;
    }
  }

  /** An agent that dials for ever is told of once: whoever looks at its host's events finds out why it is not connected. */
  async #recordRefusal(host: string, message: string): Promise<void> {
    const { agents, peerLog } = this.#parts;
    if (peerLog.isNewRefusal(host, message)) await agents.recordRefusal(host, message);
  }

  /** Heartbeats and statuses are level triggers: who is behind is told again, who is not gets the current number. */
  async #level(re: 'heartbeat' | 'status', host: string, observedGeneration: number): Promise<void> {
    const record = await this.#parts.store.get(host);
    if (this.#ended) return;
    if (record === undefined) {
      this.end('host unknown', { re, message: `host ${host} is not in the store any more: connect again` });
      return;
    }
    if (record.deleted) {
      this.end('host deleted', { re, message: deletedMessage(record) });
      return;
    }
    if (observedGeneration > record.reportedGeneration) this.#desk?.noteGeneration(observedGeneration);
    if (observedGeneration < record.generation) this.#sendDesired(record);
    else this.#send({ type: 'ack', re, generation: record.generation });
  }

  #armSilence(): void {
    this.#cancelTimer();
    const silentMs = this.#parts.clock.monotonicMs() - this.#lastHeardMs;
    if (silentMs >= PEER_SILENCE_LIMIT_MS) {
      this.end(`nothing heard for ${PEER_SILENCE_LIMIT_MS} ms`, undefined, 'HeartbeatMissed');
      return;
    }
    this.#cancelTimer = this.#parts.clock.setTimer(PEER_SILENCE_LIMIT_MS - silentMs, () =>
      this.#armSilence(),
    );
  }

  #sendDesired(record: HostRecord): void {
    const { generation, spec, annotations } = record;
    const reason = annotations[ANNOTATIONS.reason];
    const since = annotations[ANNOTATIONS.changedAt];
    this.#sentGeneration = generation;
    this.#send({
      type: 'desired',
      generation,
      spec,
      ...(reason === undefined ? {} : { reason }),
      ...(since === undefined ? {} : { since }),
    });
  }

  #nack(re: string, message: string): void {
    this.#send(nackOf({ re, message }));
  }

  #send(message: ControllerMessage): void {
    if (!this.#ended) this.#connection.send(encodeMessage(message));
  }

  /** For logs and messages: the host once it is known. */
  #peer(): string {
    return this.#host ?? `an agent over ${this.network}`;
  }
}
