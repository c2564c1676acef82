// The plans that one agent was asked for and has not answered yet: bounded in number and time. It sends through its caller.
import { LockstepError } from '../../desired-state/errors.ts';
import type { AgentMessage, ControllerMessage } from '../../desired-state/wire.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';

/** An agent asks every status script for a plan, each of them bounded: one that takes longer than that does not answer, ms. */
export const PLAN_LIMIT_MS = 10_000;
/** Plans that one agent is asked for at a time; each costs it a look at all its services. */
const MAX_PENDING_PLANS = 8;

type PlanMessage = Extract<AgentMessage, { type: 'plan' }>;
/** What an agent would do now, as sentences. */
export type PlanAnswer = Pick<PlanMessage, 'steps' | 'blocked'>;

/** Undefined: the connection ended. */
type Settle = (answer: PlanAnswer | LockstepError | undefined) => void;

export class PlanRequests {
  readonly #clock: Clock;
  readonly #send: (message: ControllerMessage) => void;
  readonly #pending = new Map<string, Settle>();
  #asked = 0;

  constructor(clock: Clock, send: (message: ControllerMessage) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /**
   * Asks for a plan.
   * @param limitMs how long the agent has to answer.
   * @returns the plan; undefined when the connection ended before it came.
   * @throws LockstepError `Unavailable` when the agent refuses, does not answer in time, or is asked for too many already.
   */
  ask(host: string, limitMs: number): Promise<PlanAnswer | undefined> {
    if (this.#pending.size >= MAX_PENDING_PLANS) {
      const message = `host ${host}: its agent is asked for ${MAX_PENDING_PLANS} plans already: try again when they are answered`;
      return Promise.reject(new LockstepError('Unavailable', message));
    }
    this.#asked += 1;
    const id = String(this.#asked);
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(limitMs, () => {
        const message = `host ${host}: its agent is connected and did not answer within ${PLAN_LIMIT_MS / 1_000} s: its status scripts may be slow, try again`;
        this.#settle(id, new LockstepError('Unavailable', message));
      });
      this.#pending.set(id, (answer) => {
        cancel();
        if (answer instanceof LockstepError) reject(answer);
        else resolve(answer);
      });
      this.#send({ type: 'plan-request', id });
    });
  }

  /** @returns false when nobody waits for that plan (any more). */
  answered({ id, steps, blocked }: PlanMessage): boolean {
    return this.#settle(id, { steps, blocked });
  }

  /**
   * The agent refused a request. A nack names none, and what keeps an agent from planning keeps it from all: every one that waits is told.
   * @returns false when nobody waits for a plan.
   */
  refused(host: string, why: string): boolean {
    if (this.#pending.size === 0) return false;
    const error = new LockstepError('Unavailable', `host ${host}: its agent can't make a plan: ${why}`);
    for (const id of [...this.#pending.keys()]) this.#settle(id, error);
    return true;
  }

  /** The connection is gone: nothing will be answered. */
  end(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, undefined);
  }

  #settle(id: string, answer: Parameters<Settle>[0]): boolean {
    const settle = this.#pending.get(id);
    this.#pending.delete(id);
    settle?.(answer);
    return settle !== undefined;
  }
}
