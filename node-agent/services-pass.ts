// The pass of the key `services`: what holds starts and stops back, then gates and services. It begins operations and never waits for one.
import { messageOf } from '../desired-state/errors.ts';
import { FLAG_NAMES, type ObservedFlag, type ObservedFlags } from '../reconcilers/flags/flag-files.ts';
import { flagsAsDesired } from '../reconcilers/flags/flag-plan.ts';
import type { FlagsReconciler } from '../reconcilers/flags/flags-reconciler.ts';
import type { GateKeeper } from '../reconcilers/gates/gate-keeper.ts';
import type { Clock } from '../reconcilers/loop/clock.ts';
import type { Outcome, Pass } from '../reconcilers/loop/control-loop.ts';
import { type Blocked, describeBlocked, describeStep } from '../reconcilers/loop/plan.ts';
import type { Scope } from '../reconcilers/services/service-driver.ts';
import type {
  ServicesDesired,
  ServicesReconciler,
  ServicesResult,
} from '../reconcilers/services/services-reconciler.ts';
import type { BootGrace } from './boot-grace.ts';
import type { FlagsPass } from './flags-pass.ts';
import type { Desired, Knowledge } from './knowledge.ts';
import { OnceAResync } from './once-a-resync.ts';

export interface ServicesView {
  readonly desired: Desired;
  readonly result: ServicesResult;
}

export interface ServicesPassOptions {
  readonly knowledge: Knowledge;
  readonly flagsPass: FlagsPass;
  readonly flags: FlagsReconciler;
  readonly services: ServicesReconciler;
  readonly gates: GateKeeper;
  readonly grace: BootGrace;
  readonly clock: Clock;
  readonly resyncIntervalMs: number;
  /** Called before each look: no service is looked at before it resolved. */
  readonly resume: () => Promise<void>;
}

type Hold = Omit<Blocked, 'target'>;

export class ServicesPass {
  readonly #options: ServicesPassOptions;
  /** When it was seen that a service was not as desired although all were before, by service id, monotonic ms. */
  readonly #detectedAt = new Map<string, number>();
  #settledGeneration: number | undefined;
  #isHeldByFlags = true;
  #isLookingAtFlags = false;
  #view: ServicesView | undefined;
  readonly #askAll: OnceAResync;
  /** The generation for which every service was asked last; undefined: the newest look failed, or there was none. */
  #askedGeneration: number | undefined;
  #failure: string | undefined;

  constructor(options: ServicesPassOptions) {
    this.#options = options;
    this.#askAll = new OnceAResync(options.clock, options.resyncIntervalMs);
  }

  /** As the newest look that succeeded left it; undefined before that. */
  get view(): ServicesView | undefined {
    return this.#view;
  }

  /** Why the newest look failed; undefined: it did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** When the correction that succeeded was detected, monotonic ms; undefined: the operation was none. Asked once for each. */
  corrected(id: string): number | undefined {
    const detectedAtMs = this.#detectedAt.get(id);
    this.#detectedAt.delete(id);
    return detectedAtMs;
  }

  /**
   * The newest pass found something held by the flags, or one that looks at them just now may: only then does a mended flag ask for a look at services. A
   * pass looks at the flags last, when the services have answered.
   */
  get mayWaitForFlags(): boolean {
    return this.#isHeldByFlags || this.#isLookingAtFlags;
  }

  /** Throws only when the loop stops: what fails then says nothing of the services. */
  async run(pass: Pass): Promise<Outcome> {
    try {
      await this.#options.resume();
      const outcome = await this.#run(pass);
      this.#failure = undefined;
      return outcome;
    } catch (error) {
      if (pass.signal.aborted) throw error;
      this.#failure = messageOf(error);
      this.#isLookingAtFlags = false;
      this.#askedGeneration = undefined;
      return { kind: 'retry', sentence: `services cannot be looked at: ${this.#failure}` };
    }
  }

  async #run({ signal, requestedAtMs }: Pass): Promise<Outcome> {
    let gatesNextInMs: number | undefined;
    let desired = this.#options.knowledge.desired;
    const result = await this.#options.services.reconcile(
      async () => {
        this.#isLookingAtFlags = true;
        const flags = await this.#options.flags.look();
        gatesNextInMs = await this.#options.gates.reconcile(this.#areGatesNeeded(flags));
        desired = this.#options.knowledge.desired;
        this.#isHeldByFlags = (this.#notTried(desired) ?? flagsHold(desired, flags)) !== undefined;
        this.#isLookingAtFlags = false;
        return this.#decide(desired, flags);
      },
      signal,
      this.#scope(),
    );
    this.#view = { desired, result };
    this.#noteCorrections(this.#view, requestedAtMs);
    return outcomeOf(result, gatesNextInMs);
  }

  /** What a pass would do now; reads only. */
  async dryRun(signal: AbortSignal) {
    return this.#options.services.dryRun(async () => {
      const flags = await this.#options.flags.look();
      return this.#decide(this.#options.knowledge.desired, flags);
    }, signal);
  }

  /** Every service is asked at each resync, and when something else is desired; between them an event of one of many leaves the others alone. */
  #scope(): Scope {
    const { generation } = this.#options.knowledge.desired;
    if (!this.#askAll.isDue && generation === this.#askedGeneration) return 'changed';
    this.#askAll.done();
    this.#askedGeneration = generation;
    return 'all';
  }

  /** A step on a host whose services were as desired at this generation before is a correction: somebody or something changed them. */
  #noteCorrections({ desired, result }: ServicesView, requestedAtMs: number): void {
    const { steps, blocked } = result.plan;
    const { services, knowledge } = this.#options;
    if (this.#settledGeneration === desired.generation) {
      // One that failed and waits for its next try is still the same correction; one that came right by itself is none.
      const waiting = new Set([...steps, ...blocked].map(({ target }) => target));
      for (const id of this.#detectedAt.keys()) {
        if (!services.isBusy && !waiting.has(id)) this.#detectedAt.delete(id);
      }
      for (const { target } of steps) {
        if (!this.#detectedAt.has(target)) this.#detectedAt.set(target, requestedAtMs);
      }
      return;
    }
    this.#detectedAt.clear();
    if (steps.length === 0 && blocked.length === 0 && !services.isBusy && knowledge.isRemembered) {
      this.#settledGeneration = desired.generation;
    }
  }

  /** Nothing awaits between this and the first begun operation: what is decided here is what is known then. */
  #decide(desired: Desired, flags: ObservedFlags): ServicesDesired {
    const notTried = this.#notTried(desired);
    const startsHeldBy = notTried ?? flagsHold(desired, flags) ?? this.#graceHold() ?? this.#gatesHold();
    return { enabled: desired.servicesEnabled, startsHeldBy, stopsHeldBy: notTried };
  }

  /** Flags come first in the order of a change: services wait until they were tried, in vain or not, for this desired state. */
  #notTried(desired: Desired): Hold | undefined {
    const tried = this.#options.flagsPass.view?.desired;
    if (tried !== undefined && tried.generation === desired.generation && tried.locked === desired.locked) {
      return undefined;
    }
    return {
      reason: 'FlagsFirst',
      message: `the flags come first for generation ${desired.generation}`,
    };
  }

  #graceHold(): Hold | undefined {
    return this.#options.grace.isOver
      ? undefined
      : {
          reason: 'BootGrace',
          message: 'just booted: waiting for a controller to answer, or for bootGrace to pass',
        };
  }

  #gatesHold(): Hold | undefined {
    return this.#options.gates.hasPassed
      ? undefined
      : { reason: 'GatesNotPassed', message: 'the gates have not passed since this boot' };
  }

  #areGatesNeeded(flags: ObservedFlags): boolean {
    const { desired } = this.#options.knowledge;
    const held = this.#notTried(desired) ?? flagsHold(desired, flags) ?? this.#graceHold();
    return desired.servicesEnabled === true && held === undefined;
  }
}

/** @param observed may be older than `desired`: then it is held against what is wanted now. */
function flagsHold({ locked }: Desired, observed: ObservedFlags): Hold | undefined {
  if (flagsAsDesired(locked, observed)) return undefined;
  const states = FLAG_NAMES.map((flag) => `${flag} ${describeFlag(observed[flag])}`).join(', ');
  return {
    reason: 'FlagsNotAsDesired',
    message: `nothing is started before the flags are ${locked ? 'present' : 'absent'} (${states})`,
  };
}

function describeFlag(flag: ObservedFlag): string {
  return flag.state === 'present' && flag.flaw !== undefined ? `present, but ${flag.flaw}` : flag.state;
}

function outcomeOf({ plan }: ServicesResult, gatesNextInMs: number | undefined): Outcome {
  const sentence = sentenceOf(plan);
  const waits = [plan.nextInMs, gatesNextInMs].filter((ms) => ms !== undefined);
  return waits.length === 0
    ? { kind: 'settled', sentence }
    : { kind: 'look-again', afterMs: Math.min(...waits), sentence };
}

function sentenceOf(plan: ServicesResult['plan']): string {
  if (plan.steps.length > 0) return plan.steps.map(describeStep).join('; ');
  const held = plan.blocked[0];
  return held === undefined ? 'services are as desired, or on their way' : describeBlocked(held);
}
