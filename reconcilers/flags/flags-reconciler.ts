// Keeps the two flag files as desired: observe, plan, apply, observe again. It does not decide what is desired, nor report.
import type { StepFailure } from '../loop/plan.ts';
import type { FlagContent, FlagFiles, ObservedFlag, ObservedFlags } from './flag-files.ts';
import { type FlagPlanInput, type FlagStep, flagsAsDesired, planFlags } from './flag-plan.ts';

export interface FlagsDesired {
  readonly locked: boolean | 'leave';
  readonly content: FlagContent;
  /** What stands there is then made durable once more: what was durable a while ago may have been replaced unseen. */
  readonly isUnacknowledged?: boolean;
}

export interface FlagsResult {
  readonly plan: ReturnType<typeof planFlags>;
  readonly done: readonly FlagStep[];
  readonly failures: readonly StepFailure<FlagStep>[];
  readonly observed: ObservedFlags;
  /** Both flags are as desired and the persistent one durably so. */
  readonly inSync: boolean;
}

export class FlagsReconciler {
  readonly #files: FlagFiles;
  /** The generation and wish for which the persistent flag was made durable by this agent; undefined: not yet. */
  #confirmed: { readonly generation: number; readonly locked: boolean | 'leave' } | undefined;
  #isSuspect = false;

  constructor(files: FlagFiles) {
    this.#files = files;
  }

  /**
   * One pass. Failed steps are in the result; it does not throw for them.
   * @param looking called right before each look at the flags: the last one sees all that happened until then, the pass's own steps too.
   */
  async reconcile(desired: FlagsDesired, looking: () => void = () => {}): Promise<FlagsResult> {
    looking();
    const before = await this.#observe(desired);
    const plan = planFlags(before);
    const applied = await this.#apply(plan.steps, desired);
    const observed = plan.steps.length === 0 ? before.observed : await this.#lookAgain(looking);
    const { done, failures } = withoutVain(applied, before.observed, observed);
    // What was blocked when it was looked at has had no step: however it looks now, it is not known to be on the disk.
    const isDone = failures.length === 0 && plan.blocked.length === 0;
    const inSync = isDone && flagsAsDesired(desired.locked, observed);
    this.#noteDurability(desired, failures, inSync);
    return { plan, done, failures, observed, inSync };
  }

  /** What a pass would do now; reads only. */
  async dryRun(desired: FlagsDesired): Promise<ReturnType<typeof planFlags>> {
    return planFlags(await this.#observe(desired));
  }

  /** Both flags as they are now. */
  look(): Promise<ObservedFlags> {
    return this.#files.observe({ withGeneration: false });
  }

  #lookAgain(looking: () => void): Promise<ObservedFlags> {
    looking();
    return this.#files.observe({ withGeneration: false });
  }

  async #observe(desired: FlagsDesired): Promise<FlagPlanInput> {
    const { generation } = desired.content;
    const confirmed = this.#confirmed?.generation === generation && this.#confirmed.locked === desired.locked;
    const isKnown = confirmed && desired.isUnacknowledged !== true;
    const durability = this.#isSuspect ? 'suspect' : isKnown ? 'confirmed' : 'unknown';
    const observed = await this.#files.observe({ withGeneration: durability !== 'confirmed' });
    return { locked: desired.locked, generation, observed, durability };
  }

  async #apply(steps: readonly FlagStep[], desired: FlagsDesired): Promise<Applied> {
    const done: FlagStep[] = [];
    const failures: StepFailure<FlagStep>[] = [];
    for (const step of steps) {
      if (failures.length > 0 && !step.restrictive) break;
      try {
        await this.#applyStep(step, desired.content);
        done.push(step);
      } catch (error) {
        failures.push({ step, error });
      }
    }
    return { done, failures };
  }

  #applyStep(step: FlagStep, content: FlagContent): Promise<void> {
    switch (step.kind) {
      case 'create':
      case 'refresh':
        return this.#files.create(step.target, content);
      case 'remove':
        return this.#files.remove(step.target);
      case 'confirm':
        return this.#files.confirm(step.target);
    }
  }

  /** Drift after a confirmation is mended durably and keeps it. */
  #noteDurability(desired: FlagsDesired, failures: readonly StepFailure<FlagStep>[], inSync: boolean): void {
    if (failures.some(({ step }) => step.target === 'persistent')) {
      this.#isSuspect = true;
    } else if (inSync) {
      this.#isSuspect = false;
      this.#confirmed = { generation: desired.content.generation, locked: desired.locked };
    }
  }
}

type Applied = Pick<FlagsResult, 'done' | 'failures'>;

/** A flag that was made anew and has the same flaw still, on a file system that takes no mode, is backed off like any failure, not made anew at once for ever. */
function withoutVain({ done, failures }: Applied, before: ObservedFlags, after: ObservedFlags): Applied {
  const vain = done.filter(({ kind, target }) => {
    const flaw = flawOf(after[target]);
    return kind === 'refresh' && flaw !== undefined && flaw === flawOf(before[target]);
  });
  if (vain.length === 0) return { done, failures };
  return {
    done: done.filter((step) => !vain.includes(step)),
    failures: [
      ...failures,
      ...vain.map((step) => ({ step, error: new Error(`${flawOf(after[step.target])} all the same`) })),
    ],
  };
}

function flawOf(flag: ObservedFlag): string | undefined {
  return flag.state === 'present' ? flag.flaw : undefined;
}
