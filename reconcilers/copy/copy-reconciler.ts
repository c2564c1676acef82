// Keeps the remembered copy as what is known: observe, plan, apply. Not remembered means not acknowledged; what follows from that is decided elsewhere.
import type { Plan, StepFailure } from '../loop/plan.ts';
import { type CopyPlanInput, type CopyStep, planCopies } from './copy-plan.ts';
import type { KnownSpec } from './known-spec.ts';
import type { SpecCopies } from './spec-copies.ts';

export interface CopyResult {
  readonly plan: Plan<CopyStep>;
  /** Both copies hold it, durably; also when there is nothing to remember. */
  readonly remembered: boolean;
  readonly failure: StepFailure<CopyStep> | undefined;
}

export class CopyReconciler {
  readonly #copies: SpecCopies;
  #durability: CopyPlanInput['durability'] = 'unknown';

  constructor(copies: SpecCopies) {
    this.#copies = copies;
  }

  /** One pass. It stops at the first failed step, so the copies differ by one generation at most; it does not throw for it. */
  async reconcile(wanted: KnownSpec | undefined): Promise<CopyResult> {
    const plan = planCopies(await this.#observe(wanted));
    for (const step of plan.steps) {
      try {
        await this.#applyStep(step, wanted);
      } catch (error) {
        this.#durability = 'suspect';
        return { plan, remembered: false, failure: { step, error } };
      }
    }
    if (wanted !== undefined) this.#durability = 'confirmed';
    return { plan, remembered: true, failure: undefined };
  }

  /** What a pass would do now; reads only. */
  async dryRun(wanted: KnownSpec | undefined): Promise<Plan<CopyStep>> {
    return planCopies(await this.#observe(wanted));
  }

  async #observe(wanted: KnownSpec | undefined) {
    const [observed, hasTrace] = await Promise.all([this.#copies.observe(), this.#copies.hasTrace()]);
    return { wanted, observed, hasTrace, durability: this.#durability };
  }

  async #applyStep(step: CopyStep, wanted: KnownSpec | undefined): Promise<void> {
    if (step.target === 'trace') return this.#copies.leaveTrace();
    if (step.kind === 'set-aside') return this.#copies.setAside(step.target);
    if (step.kind === 'confirm') return this.#copies.confirm(step.target);
    if (wanted !== undefined) return this.#copies.write(step.target, wanted);
  }
}
