// What is logged about peers that misbehave, bounded: however often a peer does it, it can't fill the log.
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';

/** One line per peer and message in that time, with a count of those left out. */
const REPEAT_AFTER_MS = 60_000;
/** Peers and messages remembered at most; the one longest known is forgotten first, and may then be logged again. */
const MAX_REMEMBERED = 4_096;
/** Unknown types logged per peer at most: a peer that makes up types is known well enough by then. */
const MAX_TYPES_PER_PEER = 32;

type Level = 'warn' | 'error';

export class PeerLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #repeats = new Map<string, { lastMs: number; leftOut: number }>();
  readonly #unknownTypes = new Map<string, Set<string>>();
  readonly #refusals = new Map<string, true>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Logs at once, then at most one line a minute per `peer` and `message`; `repeated` counts what was left out in between. */
  bounded(level: Level, peer: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    const key = `${peer} ${message}`;
    const nowMs = this.#clock.monotonicMs();
    const last = this.#repeats.get(key);
    if (last !== undefined && nowMs - last.lastMs < REPEAT_AFTER_MS) {
      last.leftOut += 1;
      return;
    }
    remember(this.#repeats, key, { lastMs: nowMs, leftOut: 0 });
    const repeated = last === undefined || last.leftOut === 0 ? {} : { repeated: last.leftOut };
    this.#log[level]({ peer, ...fields, ...repeated }, message);
  }

  /** Was this peer never refused with these words? For what is recorded, not only logged: once per controller life, however often the peer dials. */
  isNewRefusal(peer: string, message: string): boolean {
    const key = `${peer} ${message}`;
    const isNew = !this.#refusals.has(key);
    remember(this.#refusals, key, true);
    return isNew;
  }

  /** Row F13: logged once per peer and type, also over many connections. */
  unknownCommand(peer: string, type: string): void {
    const types = this.#unknownTypes.get(peer) ?? new Set();
    if (types.has(type) || types.size >= MAX_TYPES_PER_PEER) return;
    types.add(type);
    remember(this.#unknownTypes, peer, types);
    this.#log.warn({ peer, type }, 'unknown command');
  }
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > MAX_REMEMBERED && oldest !== undefined) memory.delete(oldest);
}
