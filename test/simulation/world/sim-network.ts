// The path of one host to its controllers over one named network. It stands for TCP: in order within a connection and nothing twice, but slow, refused,
// cut, or silent without a word; and two connections overtake each other.
import type { Connection } from '../../../desired-state/wire.ts';
import type { Transport } from '../../../node-agent/transport.ts';
import type { Prng } from './prng.ts';
import type { SimClock } from './sim-clock.ts';
import { SimConnection, type Wire } from './sim-connection.ts';
import type { SimProcess } from './sim-process.ts';

export type Accept = (connection: Connection, network: string) => void;

export class SimNetwork implements Wire {
  readonly name: string;
  readonly clock: SimClock;
  readonly prng: Prng;
  /** One way, ms. */
  latencyMs: readonly [number, number] = [0.2, 3];
  /** The chance that a dial is refused though a controller listens. */
  refusal = 0;
  /** The chance that a message, and what follows it in its connection, is late by `spikeMs`: a new connection then overtakes the old one. */
  spikes = 0;
  spikeMs: readonly [number, number] = [500, 20_000];
  readonly #listeners = new Set<{ readonly process: SimProcess; readonly accept: Accept }>();
  readonly #connections = new Set<SimConnection>();
  #silent = false;
  readonly #waiting: (() => void)[] = [];

  constructor(name: string, clock: SimClock, prng: Prng) {
    this.name = name;
    this.clock = clock;
    this.prng = prng;
  }

  /** A controller takes connections from now until it dies. With several, a dial reaches one of them by the seed. Returns what ends it. */
  listen(process: SimProcess, accept: Accept): () => void {
    const listener = { process, accept };
    this.#listeners.add(listener);
    process.onDeath(() => this.#listeners.delete(listener));
    return () => this.#listeners.delete(listener);
  }

  /** How `process`, an agent, dials. */
  transport(process: SimProcess): Transport {
    return { network: this.name, dial: (signal) => this.#dial(process, signal) };
  }

  /** Nothing gets through, in either direction, and nobody is told: messages and dials wait. */
  get silent(): boolean {
    return this.#silent;
  }

  /** The end of a silence is as in TCP: what waited in connections that both ends kept open arrives after all; the rest is lost. */
  set silent(silent: boolean) {
    this.#silent = silent;
    if (silent) return;
    for (const connection of this.#connections) connection.flush();
    for (const proceed of this.#waiting.splice(0)) this.clock.setTimer(this.latency(), proceed);
  }

  /** Breaks every open connection; its two ends hear of it each in their own time, and what is under way arrives before that or never. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** A healthy network again; open connections stay. */
  clear(): void {
    this.refusal = 0;
    this.spikes = 0;
    this.silent = false;
  }

  /** Connections that at least one end believes in. */
  get openConnections(): number {
    return this.#connections.size;
  }

  /** One message's time under way. */
  latency(): number {
    return (
      this.prng.between(this.latencyMs) +
      (this.prng.chance(this.spikes) ? this.prng.between(this.spikeMs) : 0)
    );
  }

  async #dial(process: SimProcess, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const travel = () => process.io(this.latency(), () => {}, { gate: (proceed) => this.#waits(proceed) });
    let connection: SimConnection | undefined;
    try {
      await Promise.race([aborted, travel()]);
      connection = this.#accept(process);
      await Promise.race([aborted, travel()]);
      return connection.dialled;
    } catch (error) {
      connection?.dialled.close('the dial was given up');
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** @throws ECONNREFUSED. */
  #accept(dialler: SimProcess): SimConnection {
    const listeners = [...this.#listeners];
    if (listeners.length === 0 || this.prng.chance(this.refusal)) {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    }
    const listener = this.prng.pick(listeners);
    const connection = new SimConnection(this, dialler, listener.process, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    // An event of its own: what the controller throws is not the agent's to catch.
    this.clock.setTimer(0, () => listener.accept(connection.accepted, this.name), listener.process);
    return connection;
  }

  /** Keeps `proceed` for when the network is heard again. */
  #waits(proceed: () => void): boolean {
    if (this.#silent) this.#waiting.push(proceed);
    return this.#silent;
  }
}
