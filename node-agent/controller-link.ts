// The agent's connection to a controller over one network: dials, says hello, beats, and dials again, for ever. It carries messages; what they mean is
// decided by its listener.
import { messageOf } from '../desired-state/errors.ts';
import {
  type AgentMessage,
  type Connection,
  type ControllerMessage,
  encodeMessage,
  HEARTBEAT_INTERVAL_MS,
  PEER_SILENCE_LIMIT_MS,
  parseControllerMessage,
} from '../desired-state/wire.ts';
import { backoffMs } from '../reconcilers/loop/backoff.ts';
import { type Clock, nowIso, type Random, sleep } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import type { Transport } from './transport.ts';

type Heartbeat = Extract<AgentMessage, { type: 'heartbeat' }>;
type Hello = Extract<AgentMessage, { type: 'hello' }>;
type PlanRequest = Extract<ControllerMessage, { type: 'plan-request' }>;

/** What the link asks for and tells. Called one at a time, never after `stop`. */
export interface LinkListener {
  hello(network: string): Hello;
  heartbeat(): Omit<Heartbeat, 'type' | 'sequence'>;
  onDesired(message: Extract<ControllerMessage, { type: 'desired' }>, network: string): void;
  /** A controller's ack: the store's current generation for this host. */
  onAck(generation: number, network: string): void;
  onPlanRequest(message: PlanRequest, reply: (message: AgentMessage) => void): void;
  /** Hello was said. */
  onConnected(): void;
  /** There is no connection, and since when or why is news. */
  onLost(network: string): void;
}

export interface LinkState {
  readonly network: string;
  readonly state: 'connected' | 'disconnected';
  /** RFC 3339. */
  readonly since: string;
  readonly message: string;
}

export interface ControllerLinkOptions {
  readonly transport: Transport;
  readonly listener: LinkListener;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** First wait before dialling again, ms. */
const REDIAL_BASE_MS = 100;
/** Longest wait before dialling again, ms: the resync period of design.md, so that news is never later than that once a network is back. */
const REDIAL_CAP_MS = 5_000;
/** A connection that stood this long was a good one: the next dial does not wait longer for it, ms. */
const GOOD_CONNECTION_MS = 10_000;
/** Message types of a newer peer that are remembered as logged; beyond it they are not logged. */
const MAX_UNKNOWN_TYPES = 64;

export class ControllerLink {
  readonly #options: ControllerLinkOptions;
  readonly #stopping = new AbortController();
  readonly #unknownTypes = new Set<string>();
  #connection: Connection | undefined;
  #state: LinkState;
  #lastRefusal = '';
  /** The newest word heard over this connection, if it is a refusal: why the controller closes it. */
  #lastWord: string | undefined;
  /** The connection before was closed with a refusal, and nothing was answered since: neither it nor its end is news again. */
  #turnedAway: string | undefined;
  #sequence = 0;
  #lastHeardMs = 0;
  #malformedLoggedMs = Number.NEGATIVE_INFINITY;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ControllerLinkOptions) {
    this.#options = options;
    this.#state = this.#stateNow('disconnected', 'not dialled yet');
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    this.#ended = this.#keepConnected();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#connection?.close('the agent stops');
    await this.#ended;
  }

  /** Sends now, or not at all: false when there is no connection. */
  send(message: AgentMessage): boolean {
    if (this.#connection === undefined) return false;
    this.#connection.send(encodeMessage(message));
    return true;
  }

  async #keepConnected(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const dialledAtMs = clock.monotonicMs();
      const why = await this.#connectOnce();
      if (signal.aborted) return;
      this.#lost(why);
      failures = clock.monotonicMs() - dialledAtMs >= GOOD_CONNECTION_MS ? 1 : failures + 1;
      await sleep(
        clock,
        backoffMs(failures, { baseMs: REDIAL_BASE_MS, capMs: REDIAL_CAP_MS }, random),
        signal,
      );
    }
  }

  /** Dials and stays until the connection is gone. @returns why it is gone. */
  async #connectOnce(): Promise<string> {
    const { transport, listener, clock } = this.#options;
    this.#lastWord = undefined;
    let connection: Connection;
    try {
      connection = await transport.dial(this.#stopping.signal);
    } catch (error) {
      return messageOf(error);
    }
    const closed = new Promise<string>((resolve) => connection.onClose(resolve));
    if (this.#stopping.signal.aborted) {
      connection.close('the agent stops');
      return closed;
    }
    this.#connection = connection;
    this.#lastHeardMs = clock.monotonicMs();
    connection.onMessage((text) => this.#receive(text));
    connection.send(encodeMessage(listener.hello(transport.network)));
    const stopBeating = this.#beat(connection);
    this.#state = this.#stateNow('connected', '');
    if (this.#turnedAway === undefined) this.#logConnected();
    listener.onConnected();
    const why = await closed;
    stopBeating();
    this.#connection = undefined;
    return this.#lastWord === undefined ? why : `${why}: ${this.#lastWord}`;
  }

  #logConnected(): void {
    const { log, transport } = this.#options;
    log.info({ network: transport.network }, 'connected to a controller');
  }

  /** Heartbeats, and the end of a connection whose other end has fallen silent. */
  #beat(connection: Connection): () => void {
    const { clock, listener } = this.#options;
    let cancel = () => {};
    const arm = () => {
      cancel = clock.setTimer(HEARTBEAT_INTERVAL_MS, () => {
        if (clock.monotonicMs() - this.#lastHeardMs > PEER_SILENCE_LIMIT_MS) {
          connection.close(`nothing heard for ${PEER_SILENCE_LIMIT_MS} ms`);
          return;
        }
        this.#sequence += 1;
        this.send({ type: 'heartbeat', sequence: this.#sequence, ...listener.heartbeat() });
        arm();
      });
    };
    arm();
    return () => cancel();
  }

  #receive(text: string): void {
    const { transport, listener, clock } = this.#options;
    if (this.#stopping.signal.aborted) return;
    this.#lastHeardMs = clock.monotonicMs();
    let received: ReturnType<typeof parseControllerMessage>;
    try {
      received = parseControllerMessage(text, 'the controller');
    } catch (error) {
      this.#refuseMalformed(messageOf(error));
      return;
    }
    if (!received.known) {
      this.#refuseUnknown(received.type);
      return;
    }
    const { message } = received;
    this.#lastWord = message.type === 'nack' ? message.message : undefined;
    if (message.type !== 'nack' && this.#turnedAway !== undefined) {
      this.#turnedAway = undefined;
      this.#logConnected();
    }
    switch (message.type) {
      case 'desired':
        listener.onDesired(message, transport.network);
        break;
      case 'ack':
        listener.onAck(message.generation, transport.network);
        break;
      case 'nack':
        this.#refusedBy(message.re, message.message);
        break;
      case 'plan-request':
        listener.onPlanRequest(message, (reply) => this.send(reply));
        break;
    }
  }

  /** A refusal that comes again with each dial is said once. */
  #refusedBy(re: string, reason: string): void {
    const { log, transport } = this.#options;
    const level = reason === this.#lastRefusal ? 'debug' : 'warn';
    this.#lastRefusal = reason;
    log[level]({ network: transport.network, re, reason }, 'the controller refused a message');
  }

  #refuseUnknown(type: string): void {
    if (!this.#unknownTypes.has(type) && this.#unknownTypes.size < MAX_UNKNOWN_TYPES) {
      this.#unknownTypes.add(type);
      this.#options.log.warn({ network: this.#options.transport.network, type }, 'unknown command');
    }
    this.send({
      type: 'nack',
      re: type,
      message: `unknown command ${JSON.stringify(type)}: this agent does not know it`,
    });
  }

  #refuseMalformed(why: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#malformedLoggedMs >= 60_000) {
      this.#malformedLoggedMs = nowMs;
      this.#options.log.warn({ network: this.#options.transport.network, why }, 'malformed message');
    }
    this.send({ type: 'nack', re: 'malformed', message: why.slice(0, 1_024) });
  }

  #lost(why: string): void {
    const wasConnected = this.#state.state === 'connected';
    const isNews = wasConnected || this.#state.message !== why;
    if (!isNews) return;
    this.#state = wasConnected ? this.#stateNow('disconnected', why) : { ...this.#state, message: why };
    const level = why === this.#turnedAway ? 'debug' : 'warn';
    this.#turnedAway = this.#lastWord === undefined ? undefined : why;
    this.#options.log[level]({ network: this.#options.transport.network, why }, 'no controller');
    this.#options.listener.onLost(this.#options.transport.network);
  }

  #stateNow(state: LinkState['state'], message: string): LinkState {
    return {
      network: this.#options.transport.network,
      state,
      since: nowIso(this.#options.clock),
      message,
    };
  }
}
