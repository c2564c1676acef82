// Asks scripts for their `status`, each with its own deadline and all of them within one for the look. Those that do not answer are asked beside the looks,
// which they would hold up. It decides nothing.
import {
  describeRun,
  type RunResult,
  type ServiceObservation,
} from '../../../reconcilers/services/service-driver.ts';
import { HANGS_AFTER_MS, MAX_COMPUTING, QuestionLane } from './question-lane.ts';
import { type RunContext, runScript, type ScriptCall } from './script-run.ts';

export type StatusAnswer = Pick<ServiceObservation, 'state' | 'message'>;
type StatusCall = Pick<ScriptCall, 'path' | 'runId' | 'variables'>;

/** So few are asked all at once, as far as that goes: it is over in a moment, and one of them may be about to be started again. */
const FEW = 16;
/** One script's time to answer, ms; less where the time limit of the services is less. */
const MAX_ANSWER_MS = 2_000;
/** All scripts' time together, ms: below the 5 s of the resync. Whoever was not reached then is unknown, and asked first at the next look. */
const LOOK_LIMIT_MS = 4_000;

export class StatusQuestions {
  readonly #context: RunContext;
  readonly #answerLimitMs: number;
  readonly #processors: number;
  readonly #onAnswer: () => void;
  readonly #lane: QuestionLane;
  /** For those that were asked in vain. */
  readonly #lastLane: QuestionLane;
  /** When each was asked last, in questions counted as they ended. */
  readonly #askedAt = new Map<string, number>();
  #asked = 0;
  /** What is known of those that were asked in vain, until they answer. */
  readonly #inVain = new Map<string, StatusAnswer>();
  /** Those of them that are being asked again, or about to be. */
  readonly #askedAgain = new Set<string>();
  readonly #closing = new AbortController();
  /** The last answers: one still counts for the one look after it that did not reach its script, which is then asked first. */
  readonly #answers = new Map<string, StatusAnswer>();

  /**
   * @param timeoutMs of a start or stop: no answer may take longer.
   * @param processors of this host. Of many scripts all but one compute answers: scripts on every one of them, each a session that gets its share, delayed a flag by up to 80 ms.
   * @param onAnswer one that was asked in vain answers again: asks for a look.
   */
  constructor(context: RunContext, timeoutMs: number, processors: number, onAnswer: () => void) {
    this.#context = context;
    this.#onAnswer = onAnswer;
    this.#lane = new QuestionLane(context.clock, MAX_COMPUTING);
    this.#lastLane = new QuestionLane(context.clock, 1);
    this.#answerLimitMs = Math.min(timeoutMs, MAX_ANSWER_MS);
    this.#processors = processors;
  }

  /** A signal for one look at `services` of them: aborts with `signal`, and when the look has taken its time. `done` frees its timer. */
  beginLook(
    services: number,
    signal: AbortSignal,
  ): { readonly signal: AbortSignal; readonly done: () => void } {
    this.#lane.quickAtOnce = services <= FEW ? MAX_COMPUTING : Math.max(this.#processors - 1, 1);
    const limit = new AbortController();
    const done = this.#context.clock.setTimer(LOOK_LIMIT_MS, () => limit.abort());
    return { signal: AbortSignal.any([signal, limit.signal]), done };
  }

  /** `things` in the order in which they should be asked: first who was asked longest ago, or never. */
  inTurn<T>(things: readonly T[], idOf: (thing: T) => string): readonly T[] {
    const askedAt = (thing: T) => this.#askedAt.get(idOf(thing)) ?? 0;
    return [...things].sort((a, b) => askedAt(a) - askedAt(b));
  }

  /** Runs the script with `status`; those asked first come first. Never rejects; on abort the run is ended with its children and the answer is unknown. */
  async ask(id: string, call: StatusCall, signal: AbortSignal): Promise<StatusAnswer> {
    return this.#lane.ask(async () => {
      const last = this.#answers.get(id);
      this.#answers.delete(id);
      if (signal.aborted) return last ?? NOT_REACHED;
      const { clock } = this.#context;
      const beganMs = clock.monotonicMs();
      const result = await this.#run(call, signal);
      const answer = answerFrom(result);
      if (result.kind !== 'aborted') this.#answers.set(id, answer);
      // The look's end cut it short before it had its time: as if it had not been reached.
      const isCutShort = result.kind === 'aborted' && clock.monotonicMs() - beganMs < HANGS_AFTER_MS;
      if (!isCutShort) this.#noteAsked(id, result, answer);
      return answer;
    });
  }

  /** What is known of a script that was asked in vain, and has not answered since; undefined of any other. */
  inVain(id: string): StatusAnswer | undefined {
    return this.#inVain.get(id);
  }

  /** Asks a script that was asked in vain once more, for which no look waits. Nothing, while it is being asked. */
  askAgain(id: string, call: StatusCall): void {
    const before = this.#inVain.get(id);
    if (before === undefined || this.#askedAgain.has(id)) return;
    this.#askedAgain.add(id);
    void this.#lastLane.ask(async () => {
      const isKnownOtherwise = () => this.#inVain.get(id) !== before || this.#closing.signal.aborted;
      const result = isKnownOtherwise() ? undefined : await this.#run(call, this.#closing.signal);
      this.#askedAgain.delete(id);
      if (result === undefined || isKnownOtherwise()) return;
      this.#noteAsked(id, result, answerFrom(result));
      if (!this.#inVain.has(id)) this.#onAnswer();
    });
  }

  /** Ends what no look waits for. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lastLane.idle();
  }

  #run(call: StatusCall, signal: AbortSignal): Promise<RunResult> {
    const status = {
      ...call,
      args: ['status'],
      outputPath: undefined,
      limitMs: this.#answerLimitMs,
      graceMs: 0,
    };
    return runScript(status, this.#context, signal);
  }

  #noteAsked(id: string, { kind }: RunResult, answer: StatusAnswer): void {
    this.#asked += 1;
    this.#askedAt.set(id, this.#asked);
    if (kind === 'timed-out' || kind === 'aborted') this.#inVain.set(id, answer);
    else this.#inVain.delete(id);
  }

  /** The service is started or stopped: what its script answered before, or did not, says nothing any more. */
  forget(id: string): void {
    this.#answers.delete(id);
    this.#inVain.delete(id);
  }

  /** Forgets every service that is not in `ids`. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const known of [this.#answers, this.#askedAt, this.#inVain]) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    }
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
