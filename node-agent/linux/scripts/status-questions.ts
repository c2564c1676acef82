// Asks scripts for their `status`, as many at once as leave room for the flags, each with its own deadline and all of them within one for the look. It decides nothing.
import PQueue from 'p-queue';
import {
  describeRun,
  type RunResult,
  type ServiceObservation,
} from '../../../reconcilers/services/service-driver.ts';
import { type RunContext, runScript, type ScriptCall } from './script-run.ts';

export type StatusAnswer = Pick<ServiceObservation, 'state' | 'message'>;

/** Scripts asked at once at most, however long they take. */
const ASKED_AT_ONCE = 8;
/** So few are asked all at once, as far as that goes: it is over in a moment, and one of them may be about to be started again. */
const FEW = 16;
/** A script that takes longer than that, ms, waits more than it computes, and leaves its processor to the next one. One that runs nothing but itself takes about 3. */
const SLOW_AFTER_MS = 10;
/** One script's time to answer, ms; less where the time limit of the services is less. */
const MAX_ANSWER_MS = 2_000;
/** All scripts' time together, ms: below the 5 s of the resync. Whoever was not reached then is unknown, and asked first at the next look. */
const LOOK_LIMIT_MS = 4_000;

/** Who was asked in vain comes behind those who answered: it holds up nobody but itself. */
const TURN = { notReached: 0, answered: 1, inVain: 2 } as const;

export class StatusQuestions {
  readonly #context: RunContext;
  readonly #answerLimitMs: number;
  readonly #processors: number;
  readonly #queue = new PQueue({ concurrency: ASKED_AT_ONCE });
  #quickAtOnce = ASKED_AT_ONCE;
  /** How many of those that are being asked have taken longer than SLOW_AFTER_MS. */
  #slow = 0;
  readonly #turns = new Map<string, number>();
  /** The last answers: one still counts for the one look after it that did not reach its script, which is then asked first. */
  readonly #answers = new Map<string, StatusAnswer>();

  /**
   * @param timeoutMs of a start or stop: no answer may take longer.
   * @param processors of this host. Of many scripts all but one compute answers: scripts on every one of them, each a session that gets its share, delayed a flag by up to 80 ms.
   */
  constructor(context: RunContext, timeoutMs: number, processors: number) {
    this.#context = context;
    this.#answerLimitMs = Math.min(timeoutMs, MAX_ANSWER_MS);
    this.#processors = processors;
  }

  /** A signal for one look at `services` of them: aborts with `signal`, and when the look has taken its time. `done` frees its timer. */
  beginLook(
    services: number,
    signal: AbortSignal,
  ): { readonly signal: AbortSignal; readonly done: () => void } {
    this.#quickAtOnce = services <= FEW ? ASKED_AT_ONCE : Math.max(this.#processors - 1, 1);
    this.#setSlow(this.#slow);
    const limit = new AbortController();
    const done = this.#context.clock.setTimer(LOOK_LIMIT_MS, () => limit.abort());
    return { signal: AbortSignal.any([signal, limit.signal]), done };
  }

  /** `things` in the order in which they should be asked, by what the last look made of each. */
  inTurn<T>(things: readonly T[], idOf: (thing: T) => string): readonly T[] {
    const turnOf = (thing: T) => this.#turns.get(idOf(thing)) ?? TURN.answered;
    return [...things].sort((a, b) => turnOf(a) - turnOf(b));
  }

  /** Runs the script with `status`; those asked first come first. Never rejects; on abort the run is ended with its children and the answer is unknown. */
  async ask(
    id: string,
    call: Pick<ScriptCall, 'path' | 'runId' | 'variables'>,
    signal: AbortSignal,
  ): Promise<StatusAnswer> {
    const status = {
      ...call,
      args: ['status'],
      outputPath: undefined,
      limitMs: this.#answerLimitMs,
      graceMs: 0,
    };
    return this.#queue.add(async () => {
      const last = this.#answers.get(id);
      this.#answers.delete(id);
      if (signal.aborted) {
        this.#turns.set(id, TURN.notReached);
        return last ?? NOT_REACHED;
      }
      const result = await this.#makingRoom(() => runScript(status, this.#context, signal));
      this.#turns.set(id, turnAfter(result));
      const answer = answerFrom(result);
      if (result.kind !== 'aborted') this.#answers.set(id, answer);
      return answer;
    });
  }

  /** Lets one more be asked beside it once it takes long. */
  async #makingRoom<T>(run: () => Promise<T>): Promise<T> {
    let isSlow = false;
    const cancel = this.#context.clock.setTimer(SLOW_AFTER_MS, () => {
      isSlow = true;
      this.#setSlow(this.#slow + 1);
    });
    try {
      return await run();
    } finally {
      cancel();
      if (isSlow) this.#setSlow(this.#slow - 1);
    }
  }

  #setSlow(slow: number): void {
    this.#slow = slow;
    this.#queue.concurrency = Math.min(this.#quickAtOnce + slow, ASKED_AT_ONCE);
  }

  /** The service is started or stopped: what its script answered before says nothing any more. */
  forget(id: string): void {
    this.#answers.delete(id);
  }

  /** Forgets every service that is not in `ids`. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#answers.keys()) if (!ids.has(id)) this.#answers.delete(id);
    for (const id of this.#turns.keys()) if (!ids.has(id)) this.#turns.delete(id);
  }
}

const NOT_REACHED: StatusAnswer = {
  state: 'unknown',
  message: 'its status was not asked: the look at all services had to end',
};

/** LSB: 0 is running; 1, 2 and 3 are the ways of being stopped; anything else says nothing. */
export function answerFrom(result: RunResult): StatusAnswer {
  const unknown = (message: string): StatusAnswer => ({ state: 'unknown', message });
  switch (result.kind) {
    case 'succeeded':
      return { state: 'running', message: '' };
    case 'failed': {
      const { exitCode, signal } = result;
      if (exitCode === 1 || exitCode === 2 || exitCode === 3) return { state: 'stopped', message: '' };
      return unknown(
        exitCode === null
          ? `its status was ended by ${signal}`
          : `its status exited with ${exitCode}: expected 0 (running) or 1 to 3 (stopped)`,
      );
    }
    case 'timed-out':
      return unknown(`its status did not answer within ${result.afterMs} ms and was ended`);
    case 'aborted':
      return unknown('its status was not asked to the end: the look at all services had to end');
    case 'ended-unseen':
    case 'not-run':
      return unknown(`its status ${describeRun(result)}`);
  }
}

function turnAfter({ kind }: RunResult): number {
  return kind === 'timed-out' || kind === 'aborted' ? TURN.inVain : TURN.answered;
}
