// One simulated TCP connection: two ends, each with what it has sent and the other has not received yet.
import type { Connection } from '../../../desired-state/wire.ts';
import type { Prng } from './prng.ts';
import type { SimClock } from './sim-clock.ts';
import type { Death, SimProcess } from './sim-process.ts';

/** What a connection runs over. */
export interface Wire {
  readonly clock: SimClock;
  readonly prng: Prng;
  /** Nothing arrives. */
  readonly silent: boolean;
  latency(): number;
}

/** How long an end may take to hear that its connection was cut. */
const CUT_NOTICE_MS = [0, 3_000] as const;
/** The chance that an end which closes, or whose process is killed, resets the connection: what it had sent and is still under way is lost. */
const RESET = 0.5;

type Packet = { readonly text: string } | { readonly closed: string };

export class SimConnection {
  readonly #dialled: End;
  readonly #accepted: End;

  /** @param onOver is called once, when neither end believes in it any more. */
  constructor(wire: Wire, dialler: SimProcess, acceptor: SimProcess, onOver: () => void) {
    const onShut = () => {
      if (!this.#dialled.open && !this.#accepted.open) onOver();
    };
    this.#dialled = new End(wire, dialler, (packet) => this.#accepted.receive(packet), onShut);
    this.#accepted = new End(wire, acceptor, (packet) => this.#dialled.receive(packet), onShut);
  }

  get dialled(): Connection {
    return this.#dialled;
  }

  get accepted(): Connection {
    return this.#accepted;
  }

  /** The wire is heard again. */
  flush(): void {
    this.#dialled.flush();
    this.#accepted.flush();
  }

  cut(): void {
    this.#dialled.cut();
    this.#accepted.cut();
  }
}

class End implements Connection {
  readonly #wire: Wire;
  readonly #process: SimProcess;
  readonly #deliver: (packet: Packet) => void;
  readonly #onShut: () => void;
  readonly #messageListeners: ((text: string) => void)[] = [];
  readonly #closeListeners: ((reason: string) => void)[] = [];
  readonly #forgetDeath: () => void;
  /** Arrived, and nobody listened yet. */
  readonly #unread: string[] = [];
  /** Sent, in order; a timer for each takes the first, so that none overtakes another. */
  #underWay: Packet[] = [];
  /** Should have arrived, but the wire is silent. */
  #held: Packet[] = [];
  #lastArrivalMs = 0;
  #isCut = false;
  #closedWith: string | undefined;

  constructor(wire: Wire, process: SimProcess, deliver: (packet: Packet) => void, onShut: () => void) {
    this.#wire = wire;
    this.#process = process;
    this.#deliver = deliver;
    this.#onShut = onShut;
    this.#forgetDeath = process.onDeath((death) => this.#die(death));
  }

  get open(): boolean {
    return this.#closedWith === undefined;
  }

  send(text: string): void {
    if (this.open && this.#process.alive) this.#transmit({ text });
  }

  close(reason: string): void {
    if (!this.open || !this.#process.alive) return;
    this.#sayClosed(`closed by the peer: ${reason}`);
    this.#shut(reason);
  }

  onMessage(listener: (text: string) => void): void {
    this.#messageListeners.push(listener);
    this.#soon(() => this.#readUnread());
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListeners.push(listener);
    const reason = this.#closedWith;
    if (reason !== undefined) this.#soon(() => listener(reason));
  }

  receive(packet: Packet): void {
    if (!this.open || !this.#process.alive) return;
    if ('closed' in packet) this.#shut(packet.closed);
    else {
      this.#unread.push(packet.text);
      this.#readUnread();
    }
  }

  flush(): void {
    const late = this.#held;
    this.#held = [];
    this.#underWay.unshift(...late);
    for (const _ of late) this.#setArrival();
  }

  cut(): void {
    this.#isCut = true;
    if (this.#wire.prng.chance(RESET)) this.#underWay = [];
    this.#held = [];
    const { clock, prng } = this.#wire;
    clock.setTimer(prng.between(CUT_NOTICE_MS), () => this.#shut('the connection was reset'), this.#process);
  }

  #readUnread(): void {
    if (this.#messageListeners.length === 0) return;
    for (const text of this.#unread.splice(0)) {
      if (!this.open) return;
      for (const listener of this.#messageListeners) listener(text);
    }
  }

  #die(death: Death): void {
    if (death === 'killed') this.#sayClosed('the peer is gone');
    this.#shut('its process died');
  }

  #sayClosed(closed: string): void {
    if (this.#wire.prng.chance(RESET)) {
      this.#underWay = [];
      this.#held = [];
    }
    this.#transmit({ closed });
  }

  #transmit(packet: Packet): void {
    if (this.#isCut) return;
    this.#underWay.push(packet);
    this.#setArrival();
  }

  #setArrival(): void {
    const nowMs = this.#wire.clock.monotonicMs();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + this.#wire.latency());
    this.#wire.clock.setTimer(this.#lastArrivalMs - nowMs, () => this.#arrive());
  }

  #arrive(): void {
    const packet = this.#underWay.shift();
    if (packet === undefined) return;
    if (this.#wire.silent) this.#held.push(packet);
    else this.#deliver(packet);
  }

  /** From now on nothing arrives here. Listeners hear of it a turn later, as with a real socket. */
  #shut(reason: string): void {
    if (!this.open) return;
    this.#closedWith = reason;
    this.#forgetDeath();
    this.#onShut();
    for (const listener of this.#closeListeners) this.#soon(() => listener(reason));
  }

  #soon(fire: () => void): void {
    this.#wire.clock.setTimer(0, fire, this.#process);
  }
}
