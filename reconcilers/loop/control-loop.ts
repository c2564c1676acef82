// The control loop: startup, change, event and resync all just ask for another look at a key; here, and only here, it is decided what a look's
// outcome leads to. It knows nothing about flags or services.
import { messageOf } from '../../desired-state/errors.ts';
import { backoffMs } from './backoff.ts';
import type { Clock, Random } from './clock.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { Log } from './log.ts';
import type { LoopMonitor } from './loop-monitor.ts';

/** How a pass ended. `sentence` is for people, and is the pass's log line. */
export type Outcome =
  | { readonly kind: 'settled'; readonly sentence: string }
  /** Nothing failed, but something is known to be due: look again in `afterMs`. */
  | { readonly kind: 'look-again'; readonly afterMs: number; readonly sentence: string }
  /** Something failed: look again, backed off. */
  | { readonly kind: 'retry'; readonly sentence: string };

export interface Pass {
  /** Aborts when the loop stops. */
  readonly signal: AbortSignal;
  /** When this look was first asked for, on the monotonic clock: detection, for detect-to-repair latencies. */
  readonly requestedAtMs: number;
  /** To be called right before each look: what was hinted at until now will be seen by it, and asks for no pass of its own. */
  readonly looking: () => void;
}

/** One pass: observe, diff, plan, apply, report. Throwing counts as `retry`. */
type Reconcile = (pass: Pass) => Promise<Outcome>;

export interface ControlLoopOptions<K extends string> {
  readonly reconcilers: Readonly<Record<K, Reconcile>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Every key is looked at that often, ms, start to start. */
  readonly resyncIntervalMs: number;
  readonly monitor: LoopMonitor<K>;
}

/** First wait after a failure, ms; doubles up to the resync interval. */
const RETRY_BASE_MS = 100;

export class ControlLoop<K extends string> {
  readonly #options: ControlLoopOptions<K>;
  readonly #keys: readonly K[];
  readonly #queue: KeyedQueue<K>;
  readonly #stopping = new AbortController();
  readonly #requestedAt = new Map<K, number>();
  readonly #running = new Set<K>();
  /** Keys of which something was hinted at during their pass: what follows depends on how it ends. */
  readonly #hinted = new Set<K>();
  readonly #failures = new Map<K, number>();
  readonly #lastSentence = new Map<K, string>();
  readonly #timers = new Map<K | 'resync', () => void>();

  constructor(options: ControlLoopOptions<K>) {
    this.#options = options;
    this.#keys = keysOf(options.reconcilers);
    this.#queue = new KeyedQueue((key) => this.#pass(key), this.#keys.length);
  }

  /** Begins the resync; the first comes one interval from now. */
  start(): void {
    this.#setTimer('resync', this.#options.resyncIntervalMs, () => {
      this.start();
      for (const key of this.#keys) this.request(key);
    });
  }

  /** Asks for a look at `key`. */
  request(key: K): void {
    if (this.#stopping.signal.aborted) return;
    if (!this.#requestedAt.has(key)) {
      this.#requestedAt.set(key, this.#options.clock.monotonicMs());
      this.#options.monitor.passAsked(key);
    }
    this.#queue.add(key);
  }

  /**
   * Something happened: asks for a look at `key`, unless a failure of it is backed off. What is written in vain makes such events too, so the retry,
   * which comes within the resync interval, serves this one.
   */
  hint(key: K): void {
    if (this.#running.has(key)) {
      this.#hinted.add(key);
      return;
    }
    const isBackedOff = (this.#failures.get(key) ?? 0) > 0 && this.#timers.has(key);
    if (!isBackedOff) this.request(key);
  }

  /** Ends timers, lets running passes end and resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await this.#queue.close();
  }

  async #pass(key: K): Promise<void> {
    const { clock, monitor } = this.#options;
    const beganAtMs = clock.monotonicMs();
    const requestedAtMs = this.#requestedAt.get(key) ?? beganAtMs;
    this.#requestedAt.delete(key);
    this.#cancelTimer(key);
    this.#running.add(key);
    monitor.passBegan(key, beganAtMs);
    const outcome = await this.#options.reconcilers[key]({
      signal: this.#stopping.signal,
      requestedAtMs,
      looking: () => this.#hinted.delete(key),
    }).catch((error: unknown): Outcome => {
      return { kind: 'retry', sentence: `the pass failed: ${messageOf(error)}` };
    });
    this.#running.delete(key);
    monitor.passEnded(key, outcome.kind, clock.monotonicMs());
    const wasHinted = this.#hinted.delete(key);
    if (this.#stopping.signal.aborted) return;
    this.#settle(key, outcome);
    if (wasHinted && outcome.kind !== 'retry') this.request(key);
  }

  /** The one switch over outcomes. */
  #settle(key: K, outcome: Outcome): void {
    const failures = outcome.kind === 'retry' ? (this.#failures.get(key) ?? 0) + 1 : 0;
    this.#failures.set(key, failures);
    const isNews = this.#lastSentence.get(key) !== outcome.sentence;
    this.#lastSentence.set(key, outcome.sentence);
    const { clock, log, random, resyncIntervalMs } = this.#options;
    switch (outcome.kind) {
      case 'settled':
        log.debug({ key }, outcome.sentence);
        break;
      case 'look-again':
        log.debug({ key, afterMs: outcome.afterMs }, outcome.sentence);
        this.#setTimer(key, Math.min(outcome.afterMs, resyncIntervalMs), () => this.request(key));
        break;
      case 'retry': {
        const afterMs = backoffMs(failures, { baseMs: RETRY_BASE_MS, capMs: resyncIntervalMs }, random);
        // The same failure again and again is one warning: I7, each transition is logged once.
        if (isNews) log.warn({ key, failures, afterMs, at: clock.now() }, outcome.sentence);
        else log.debug({ key, failures, afterMs }, outcome.sentence);
        this.#setTimer(key, afterMs, () => this.request(key));
        break;
      }
    }
  }

  #setTimer(name: K | 'resync', ms: number, fire: () => void): void {
    this.#cancelTimer(name);
    if (this.#stopping.signal.aborted) return;
    this.#timers.set(
      name,
      this.#options.clock.setTimer(ms, () => {
        this.#timers.delete(name);
        fire();
      }),
    );
  }

  #cancelTimer(name: K | 'resync'): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): readonly K[] {
  const keys: K[] = [];
  for (const key in record) keys.push(key);
  return keys;
}
