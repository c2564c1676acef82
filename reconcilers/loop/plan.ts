// Plans as data: what a reconciler would do and why. Dry-run, logs, `describe` and tests all print the same plan.

export interface Step {
  /** A verb: create, remove, start, stop, abort, ... */
  readonly kind: string;
  readonly target: string;
  /** A sentence without its full stop. */
  readonly reason: string;
  /** It may be under way at the same time as the step before it: neither needs what the other does. Left out: it is begun when those before it have ended. */
  readonly beside?: boolean;
}

/** Something that is not as desired and that no step of this plan corrects, with what holds it. */
export interface Blocked {
  readonly target: string;
  /** CamelCase, for a condition. */
  readonly reason: string;
  readonly message: string;
}

export interface Plan<S extends Step> {
  readonly steps: readonly S[];
  readonly blocked: readonly Blocked[];
}

/** The same steps, to be done all at once. */
export function sideBySide<S extends Step>(steps: readonly S[]): readonly S[] {
  return steps.map((step, index) => (index === 0 ? step : { ...step, beside: true }));
}

/** A plan's steps in the order in which they are done: those of one turn at once, and a turn when the one before it has ended. */
export function turnsOf<S extends Step>(steps: readonly S[]): readonly (readonly S[])[] {
  const turns: S[][] = [];
  for (const step of steps) {
    const turn = step.beside === true ? turns.at(-1) : undefined;
    if (turn === undefined) turns.push([step]);
    else turn.push(step);
  }
  return turns;
}

export function describeStep(step: Step): string {
  return `${step.kind} ${step.target}: ${step.reason}`;
}

export function describeBlocked(blocked: Blocked): string {
  return `${blocked.target} is held: ${blocked.message}`;
}

/** A thing that was tried and went wrong, for conditions and logs. */
export interface StepFailure<S extends Step> {
  readonly step: S;
  readonly error: unknown;
}
