// Events on their way to a controller: at most one a second, equal ones within a minute are one with a count (design.md, "The wire"), bounded while
// there is no controller.
import type { EventBody } from '../desired-state/events.ts';
import type { EventMessage } from '../desired-state/wire.ts';
import { type Clock, nowIso } from '../reconcilers/loop/clock.ts';

/** Shortest time between two sent events, ms. */
const SEND_INTERVAL_MS = 1_000;
/** Equal events within this are one, ms. */
const MERGE_MS = 60_000;
/** Different events kept at most; the oldest goes first. */
const MAX_KEPT = 256;

interface Kept {
  body: EventBody;
  firstAt: string;
  at: string;
  /** Not sent yet; 0: all sent, kept to merge with. */
  count: number;
  sentAtMs: number;
}

export class EventOutbox {
  readonly #clock: Clock;
  readonly #send: (message: EventMessage) => boolean;
  readonly #kept = new Map<string, Kept>();
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  /** @param send sends now and says whether it could. */
  constructor(clock: Clock, send: (message: EventMessage) => boolean) {
    this.#clock = clock;
    this.#send = send;
  }

  record(body: EventBody): void {
    const key = JSON.stringify([body.type, body.reason, body.message, body.generation]);
    const at = nowIso(this.#clock);
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      this.#kept.set(key, { body, firstAt: at, at, count: 1, sentAtMs: Number.NEGATIVE_INFINITY });
      this.#dropOldest();
    } else {
      // What was sent is told, and how slow it was: the next message speaks of what came after it.
      if (kept.count === 0) {
        kept.firstAt = at;
        kept.body = body;
      }
      kept.at = at;
      kept.count += 1;
      kept.body = slower(kept.body, body);
    }
    this.flush();
  }

  /** Sends what is due; call it when a connection has come up. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#closed) return;
    const nowMs = this.#clock.monotonicMs();
    const next = this.#nextDue(nowMs);
    if (next === undefined) return;
    if (next.atMs > nowMs) {
      this.#cancelTimer = this.#clock.setTimer(next.atMs - nowMs, () => this.flush());
      return;
    }
    const { kept } = next;
    if (
      !this.#send({ type: 'event', event: kept.body, at: kept.at, firstAt: kept.firstAt, count: kept.count })
    )
      return;
    kept.count = 0;
    kept.sentAtMs = nowMs;
    this.#lastSentMs = nowMs;
    this.flush();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  /** The waiting event that may go first, and when, monotonic ms. Forgets what is sent and too old to merge with. */
  #nextDue(nowMs: number): { readonly kept: Kept; readonly atMs: number } | undefined {
    let next: { kept: Kept; atMs: number } | undefined;
    for (const [key, kept] of this.#kept) {
      if (kept.count === 0) {
        if (nowMs - kept.sentAtMs >= MERGE_MS) this.#kept.delete(key);
        continue;
      }
      const atMs = Math.max(kept.sentAtMs + MERGE_MS, this.#lastSentMs + SEND_INTERVAL_MS);
      if (next === undefined || atMs < next.atMs) next = { kept, atMs };
    }
    return next;
  }

  #dropOldest(): void {
    if (this.#kept.size <= MAX_KEPT) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** Of merged corrections the slowest is told. */
function slower(a: EventBody, b: EventBody): EventBody {
  return (b.latencyMs ?? 0) > (a.latencyMs ?? 0) ? b : a;
}
