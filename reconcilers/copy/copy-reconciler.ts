// Keeps the remembered copy as what is known: observe, plan, apply. Not remembered means not acknowledged; what follows from that is decided elsewhere.
import { type StepFailure, turnsOf } from '../loop/plan.ts';
import { type CopyPlan, type CopyPlanInput, type CopyStep, planCopies } from './copy-plan.ts';
import type { KnownSpec } from './known-spec.ts';
import type { SpecCopies } from './spec-copies.ts';

export interface CopyResult {
  readonly plan: CopyPlan;
  /** Both copies hold it, durably; also when there is nothing to remember. */
  readonly remembered: boolean;
  readonly failure: StepFailure<CopyStep> | undefined;
}

export class CopyReconciler {
  readonly #copies: SpecCopies;
  #durability: CopyPlanInput['durability'] = 'unknown';
  #areOurs = false;

  constructor(copies: SpecCopies) {
    this.#copies = copies;
  }

  /** One pass. It ends with the turn in which a step failed, when all of that turn have ended, and tells the first of them; it does not throw for it. */
  async reconcile(wanted: KnownSpec | undefined): Promise<CopyResult> {
    const plan = planCopies(await this.#observe(wanted));
    if (plan.newer !== undefined) return { plan, remembered: false, failure: undefined };
    for (const turn of turnsOf(plan.steps)) {
      const [failure] = await this.#applyTurn(turn, wanted);
      if (failure === undefined) continue;
      this.#durability = 'suspect';
      return { plan, remembered: false, failure };
    }
    if (wanted !== undefined) {
      this.#durability = 'confirmed';
      this.#areOurs = true;
    }
    return { plan, remembered: true, failure: undefined };
  }

  /** What a pass would do now; reads only. */
  async dryRun(wanted: KnownSpec | undefined): Promise<CopyPlan> {
    return planCopies(await this.#observe(wanted));
  }

  async #observe(wanted: KnownSpec | undefined) {
    const [observed, hasTrace] = await Promise.all([this.#copies.observe(), this.#copies.hasTrace()]);
    return { wanted, observed, hasTrace, durability: this.#durability, areOurs: this.#areOurs };
  }

  /** @returns the steps that failed, in their order. */
  async #applyTurn(
    turn: readonly CopyStep[],
    wanted: KnownSpec | undefined,
  ): Promise<readonly StepFailure<CopyStep>[]> {
    const failures = await Promise.all(
      turn.map((step) =>
        this.#applyStep(step, wanted).then(
          () => [],
          (error: unknown) => [{ step, error }],
        ),
      ),
    );
    return failures.flat();
  }

  async #applyStep(step: CopyStep, wanted: KnownSpec | undefined): Promise<void> {
    if (step.target === 'trace') return this.#copies.leaveTrace();
    if (step.target === 'folder') return this.#copies.settle();
    if (step.kind === 'set-aside') return this.#copies.setAside(step.target);
    if (step.kind === 'confirm') return this.#copies.confirm(step.target);
    if (wanted !== undefined) return this.#copies.write(step.target, wanted);
  }
}
