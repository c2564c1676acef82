// Operations: runs of start and stop that passes begin and do not wait for. At most one per service; what happened to each service is remembered
// here between passes. It begins and aborts what it is told, and asks for a look when one ends.
import PQueue from 'p-queue';
import { backoffMs } from '../loop/backoff.ts';
import type { Clock, Random } from '../loop/clock.ts';
import type {
  ResumedRun,
  RunResult,
  Service,
  ServiceDriver,
  ServiceObservation,
  Verb,
} from './service-driver.ts';
import type { BegunOperation, ServiceHistory } from './service-plan.ts';

export interface Operation extends BegunOperation {
  /** Wall clock, ms since the epoch. */
  readonly since: number;
  readonly abort: () => void;
}

/** How an operation ended. */
export interface EndedOperation {
  readonly service: Service;
  readonly verb: Verb;
  readonly result: RunResult;
}

interface Remembered {
  verb: Verb;
  attempts: number;
  notBeforeMs: number;
  /** The last run of `verb`, when it failed. */
  failure: RunResult | undefined;
  /** When `verb` last succeeded, monotonic ms; undefined after a failure, or once it was undone. */
  doneAtMs: number | undefined;
  /** It was told that it is backed off for being undone again and again. */
  isBackOffTold: boolean;
}

export interface OperationsOptions {
  readonly driver: ServiceDriver;
  readonly clock: Clock;
  readonly random: Random;
  /** Longest wait before a failed verb is tried again, ms: the resync interval. */
  readonly retryCapMs: number;
  /** Asked when a run's turn comes, which may be long after its step was planned: what is desired by now may be the contrary. */
  readonly mayBegin: (verb: Verb) => boolean;
  /** An operation ended: asks for a look. */
  readonly onEnd: (ended: EndedOperation) => void;
  /** What succeeded is undone again and again, and is backed off from now on: told once until it is forgiven. */
  readonly onBackOff: (service: Service, verb: Verb) => void;
}

/** First wait after a failure, ms. */
const RETRY_BASE_MS = 250;
/** After a start (or stop) returned, a service has this long to be as wished, ms: many daemons detach a moment before they answer `status`. */
export const SETTLE_MS = 1_000;
/** What stayed as wished this long was no crash loop, ms (systemd's DefaultStartLimitIntervalSec=10s). */
const STABLE_MS = 10_000;
/** Runs at once at most that may compute; the others wait their turn inside their place. */
const MAX_COMPUTING = 16;
/** A run that takes longer than that, ms, waits more than it computes, and leaves its turn to the next one: those that hang hold up nobody until their time limit. */
const WAITS_AFTER_MS = 1_000;
/** Runs at once at most, however many wait. */
const MAX_RUNS_AT_ONCE = 256;

export class Operations {
  readonly #options: OperationsOptions;
  readonly #queue = new PQueue({ concurrency: MAX_COMPUTING });
  /** How many runs are under way that have taken longer than WAITS_AFTER_MS. */
  #longRuns = 0;
  readonly #inFlight = new Map<string, Operation>();
  readonly #remembered = new Map<string, Remembered>();
  /** When a run of each service last began or ended, in begins and ends counted since the start. */
  readonly #changedAt = new Map<string, number>();
  #changes = 0;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  get inFlight(): ReadonlyMap<string, Operation> {
    return this.#inFlight;
  }

  get history(): ReadonlyMap<string, ServiceHistory> {
    return this.#remembered;
  }

  /** Begins and ends of runs so far: taken before a look, it tells afterwards which of its answers are old news. */
  get changes(): number {
    return this.#changes;
  }

  /** Services of which a run began or ended after `changes` was read. */
  changedSince(changes: number): ReadonlySet<string> {
    return new Set([...this.#changedAt].filter(([, at]) => at > changes).map(([id]) => id));
  }

  /** How the last run of a service failed, and with which verb; undefined when it succeeded or none was. */
  failureOf(
    id: string,
  ): { readonly verb: Verb; readonly attempts: number; readonly result: RunResult | undefined } | undefined {
    const remembered = this.#remembered.get(id);
    // While what succeeded last is given its time to show, there is no failure to tell.
    return remembered === undefined || remembered.attempts === 0 || remembered.doneAtMs !== undefined
      ? undefined
      : { verb: remembered.verb, attempts: remembered.attempts, result: remembered.failure };
  }

  /** Begins one run and returns. Nothing is begun while one of the same service is under way. */
  begin(service: Service, verb: Verb): void {
    if (this.#inFlight.has(service.id)) return;
    const aborting = new AbortController();
    this.#noteBegin(service, verb, () => aborting.abort(), true);
    this.#follow(service, verb, this.#runInTurn(service, verb, aborting.signal));
  }

  /** Takes over runs that an earlier life of the agent left. */
  resume(runs: readonly ResumedRun[]): void {
    for (const run of runs) {
      this.#noteBegin(run.service, run.verb, () => run.abort(), false);
      this.#follow(run.service, run.verb, run.ended);
    }
  }

  /** Ends the run of a service, if one is under way; its end asks for a look. */
  abort(id: string): void {
    this.#inFlight.get(id)?.abort();
  }

  /**
   * Notes what a look saw: what was done and is undone again counts as an attempt that failed, and what stays as wished is forgiven.
   * @param stale services whose answer is old news.
   */
  note(observed: readonly ServiceObservation[], stale: ReadonlySet<string>): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { service, state } of observed) {
      const remembered = this.#remembered.get(service.id);
      if (remembered === undefined || state === 'unknown' || this.#inFlight.has(service.id)) continue;
      if (stale.has(service.id)) continue;
      const isAsWished = state === (remembered.verb === 'start' ? 'running' : 'stopped');
      const sinceDoneMs = nowMs - (remembered.doneAtMs ?? nowMs);
      if (isAsWished && (sinceDoneMs >= STABLE_MS || remembered.failure !== undefined)) {
        this.#remembered.delete(service.id);
      } else if (!isAsWished && remembered.doneAtMs !== undefined && sinceDoneMs >= SETTLE_MS) {
        this.#noteUndone(service, remembered, sinceDoneMs);
      }
    }
    this.#forgetVanished(observed);
  }

  /** Aborted while it waits for its turn, it ends at once. */
  #runInTurn(service: Service, verb: Verb, signal: AbortSignal): Promise<RunResult> {
    return new Promise((resolve) => {
      const leave = () => resolve({ kind: 'aborted' });
      signal.addEventListener('abort', leave, { once: true });
      void this.#queue.add(async () => {
        if (signal.aborted || !this.#options.mayBegin(verb)) return leave();
        signal.removeEventListener('abort', leave);
        const operation = this.#inFlight.get(service.id);
        if (operation !== undefined) this.#inFlight.set(service.id, { ...operation, isWaiting: false });
        resolve(await this.#makingRoom(() => this.#options.driver.run(service, verb, signal)));
      });
    });
  }

  /** Lets one more run beside it once it takes long. */
  async #makingRoom<T>(run: () => Promise<T>): Promise<T> {
    let isLong = false;
    const cancel = this.#options.clock.setTimer(WAITS_AFTER_MS, () => {
      isLong = true;
      this.#setLongRuns(this.#longRuns + 1);
    });
    try {
      return await run();
    } finally {
      cancel();
      if (isLong) this.#setLongRuns(this.#longRuns - 1);
    }
  }

  #setLongRuns(longRuns: number): void {
    this.#longRuns = longRuns;
    this.#queue.concurrency = Math.min(MAX_COMPUTING + longRuns, MAX_RUNS_AT_ONCE);
  }

  #noteBegin(service: Service, verb: Verb, abort: () => void, isWaiting: boolean): void {
    this.#noteChange(service.id);
    this.#inFlight.set(service.id, {
      service,
      verb,
      since: this.#options.clock.now(),
      isWaiting,
      abort,
    });
  }

  #follow(service: Service, verb: Verb, ended: Promise<RunResult>): void {
    void ended.then((result) => {
      this.#inFlight.delete(service.id);
      this.#noteChange(service.id);
      this.#noteEnd(service, verb, result);
      this.#options.onEnd({ service, verb, result });
    });
  }

  #noteChange(id: string): void {
    this.#changes += 1;
    this.#changedAt.set(id, this.#changes);
  }

  #noteEnd(service: Service, verb: Verb, result: RunResult): void {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#remembered.get(service.id);
    const { attempts: attemptsBefore, isBackOffTold } =
      before?.verb === verb ? before : { attempts: 0, isBackOffTold: false };
    if (result.kind === 'aborted' || result.kind === 'ended-unseen') {
      this.#remembered.delete(service.id);
    } else if (result.kind === 'succeeded') {
      this.#remembered.set(service.id, {
        verb,
        attempts: attemptsBefore,
        notBeforeMs: nowMs + SETTLE_MS,
        failure: undefined,
        doneAtMs: nowMs,
        isBackOffTold,
      });
    } else {
      const attempts = attemptsBefore + 1;
      this.#remembered.set(service.id, {
        verb,
        attempts,
        notBeforeMs: nowMs + this.#retryInMs(attempts),
        failure: result,
        doneAtMs: undefined,
        isBackOffTold,
      });
    }
  }

  /** The first time is mended at once; the next ones are backed off. */
  #noteUndone(service: Service, remembered: Remembered, sinceDoneMs: number): void {
    const { clock, mayBegin, onBackOff } = this.#options;
    const nowMs = clock.monotonicMs();
    const wasStable = sinceDoneMs >= STABLE_MS;
    const attempts = wasStable ? 0 : remembered.attempts + 1;
    const isBackedOff = attempts > 1;
    remembered.attempts = attempts;
    remembered.notBeforeMs = isBackedOff ? nowMs + this.#retryInMs(attempts - 1) : nowMs;
    remembered.doneAtMs = undefined;
    if (wasStable) remembered.isBackOffTold = false;
    // Undoing what is not wanted any more is no trouble.
    if (!isBackedOff || remembered.isBackOffTold || !mayBegin(remembered.verb)) return;
    remembered.isBackOffTold = true;
    onBackOff(service, remembered.verb);
  }

  #retryInMs(attempts: number): number {
    const { random, retryCapMs } = this.#options;
    return backoffMs(attempts, { baseMs: RETRY_BASE_MS, capMs: retryCapMs }, random);
  }

  #forgetVanished(observed: readonly ServiceObservation[]): void {
    const there = new Set(observed.map(({ service }) => service.id));
    for (const id of this.#remembered.keys()) {
      if (!there.has(id) && !this.#inFlight.has(id)) this.#remembered.delete(id);
    }
    for (const id of this.#changedAt.keys()) {
      if (!there.has(id) && !this.#inFlight.has(id)) this.#changedAt.delete(id);
    }
  }
}
