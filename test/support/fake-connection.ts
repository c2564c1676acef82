// A connection in memory, seen from its far end: what the agent sent, what it is told, and how it ends.

import type { ControllerMessage } from '../../desired-state/wire.ts';
import {
  type AgentMessage,
  type Connection,
  encodeMessage,
  parseAgentMessage,
} from '../../desired-state/wire.ts';
import type { Transport } from '../../node-agent/transport.ts';

export class FakePeer {
  /** What the agent said. */
  readonly heard: AgentMessage[] = [];
  closed: string | undefined;
  #toAgent: (text: string) => void = () => {};
  #onClose: (reason: string) => void = () => {};

  readonly connection: Connection = {
    send: (text) => {
      const received = parseAgentMessage(text, 'the agent');
      if (!received.known) throw new Error(`the agent said ${received.type}`);
      if (this.closed === undefined) this.heard.push(received.message);
    },
    close: (reason) => this.close(reason),
    onMessage: (listener) => {
      this.#toAgent = listener;
    },
    onClose: (listener) => {
      this.#onClose = listener;
    },
  };

  say(message: ControllerMessage | string): void {
    if (this.closed !== undefined) return;
    this.#toAgent(typeof message === 'string' ? message : encodeMessage(message));
  }

  close(reason: string): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.#onClose(reason);
  }

  get types(): readonly string[] {
    return this.heard.map(({ type }) => type);
  }
}

export class FakeTransport implements Transport {
  readonly network = 'management';
  /** Every connection that was opened, oldest first. */
  readonly peers: FakePeer[] = [];
  /** When each dial was begun, as the clock given says. */
  readonly dialledAtMs: number[] = [];
  /** Why dials fail now; undefined: they succeed. */
  refusal: string | undefined;
  /** Dials hang until they are aborted. */
  hangs = false;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async dial(signal: AbortSignal): Promise<Connection> {
    this.dialledAtMs.push(this.#nowMs());
    await Promise.resolve();
    if (this.hangs) await aborted(signal);
    if (this.refusal !== undefined) throw new Error(this.refusal);
    const peer = new FakePeer();
    this.peers.push(peer);
    return peer.connection;
  }

  /** The newest connection. */
  get peer(): FakePeer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('nothing was dialled');
    return peer;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the dial was aborted')), { once: true });
  });
}
