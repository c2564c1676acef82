// A controller that says what a test tells it to, over simulated networks, and keeps all that it hears. It stands for the wire's rules only: hello and
// whatever is behind is answered with `desired`, the rest with an ack.
import type { Spec } from '../../desired-state/host.ts';
import {
  type AgentMessage,
  type Connection,
  type DesiredMessage,
  encodeMessage,
  parseAgentMessage,
} from '../../desired-state/wire.ts';
import type { SimClock } from '../simulation/world/sim-clock.ts';
import type { SimNetwork } from '../simulation/world/sim-network.ts';
import { SimProcess } from '../simulation/world/sim-process.ts';

export interface Heard {
  readonly atMs: number;
  readonly network: string;
  readonly message: AgentMessage;
}

export class ScriptedController {
  readonly heard: Heard[] = [];
  /** What it says, newest last sent; undefined: it knows no such host and says nothing. */
  desired: DesiredMessage | undefined;
  readonly #clock: SimClock;
  readonly #networks: readonly SimNetwork[];
  readonly #open = new Set<Connection>();
  readonly #listeners: ((heard: Heard) => void)[] = [];
  #process: SimProcess;

  constructor(clock: SimClock, networks: readonly SimNetwork[]) {
    this.#clock = clock;
    this.#networks = networks;
    this.#process = new SimProcess('controller', clock);
    this.#process.kill();
  }

  start(): void {
    this.#process = new SimProcess('controller', this.#clock);
    for (const network of this.#networks) {
      network.listen(this.#process, (connection) => this.#accept(connection, network.name));
    }
  }

  kill(): void {
    this.#process.kill();
    this.#open.clear();
  }

  onHeard(listener: (heard: Heard) => void): void {
    this.#listeners.push(listener);
  }

  /** A new desired state, one generation on, to everyone who is connected. */
  declare(spec: Spec, more: Partial<DesiredMessage> = {}): void {
    const generation = (this.desired?.generation ?? 0) + 1;
    this.desired = { type: 'desired', generation, spec, ...more };
    this.say(encodeMessage(this.desired));
  }

  /** Any text, to everyone who is connected. */
  say(text: string): void {
    for (const connection of this.#open) connection.send(text);
  }

  /** Messages of one type. */
  of<T extends AgentMessage['type']>(type: T): readonly Extract<AgentMessage, { type: T }>[] {
    return this.heard.map(({ message }) => message).filter((message) => isOfType(message, type));
  }

  #accept(connection: Connection, network: string): void {
    this.#open.add(connection);
    connection.onClose(() => this.#open.delete(connection));
    connection.onMessage((text) => {
      const received = parseAgentMessage(text, 'the agent');
      if (!received.known) throw new Error(`the agent said ${received.type}`);
      const heard = { atMs: this.#clock.monotonicMs(), network, message: received.message };
      this.heard.push(heard);
      for (const listener of this.#listeners) listener(heard);
      this.#answer(connection, received.message);
    });
  }

  #answer(connection: Connection, message: AgentMessage): void {
    const { desired } = this;
    if (desired === undefined) return;
    switch (message.type) {
      case 'hello':
        connection.send(encodeMessage(desired));
        break;
      case 'heartbeat':
      case 'status': {
        const observed =
          message.type === 'status' ? message.status.observedGeneration : message.observedGeneration;
        const { generation } = desired;
        connection.send(
          encodeMessage(observed < generation ? desired : { type: 'ack', re: message.type, generation }),
        );
      }
    }
  }
}

function isOfType<T extends AgentMessage['type']>(
  message: AgentMessage,
  type: T,
): message is Extract<AgentMessage, { type: T }> {
  return message.type === type;
}
