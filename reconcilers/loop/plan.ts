// Plans as data: what a reconciler would do and why. Dry-run, logs, `describe` and tests all print the same plan.

export interface Step {
  /** A verb: create, remove, start, stop, abort, ... */
  readonly kind: string;
  readonly target: string;
  /** A sentence without its full stop. */
  readonly reason: string;
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
