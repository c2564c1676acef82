// The pass of the key `flags`: the remembered copy and the flags, in the order of a change (docs/adr/0014): an unlock's copy is durable before a flag goes, a lock's copy and
// flags are made at once, and nothing is acknowledged before both are durable. A disk that hangs holds up the copies, not the flags.
import { messageOf } from '../desired-state/errors.ts';
import type { CopyReconciler, CopyResult } from '../reconcilers/copy/copy-reconciler.ts';
import type { KnownSpec } from '../reconcilers/copy/known-spec.ts';
import type { FlagsReconciler, FlagsResult } from '../reconcilers/flags/flags-reconciler.ts';
import type { Clock } from '../reconcilers/loop/clock.ts';
import type { Outcome, Pass } from '../reconcilers/loop/control-loop.ts';
import { describeBlocked, describeStep } from '../reconcilers/loop/plan.ts';
import type { Desired, Knowledge } from './knowledge.ts';

/** What the newest pass found and did. */
export interface FlagsView {
  readonly desired: Desired;
  /** When the flags were done, monotonic ms; of a lock the copies may have been done later. */
  readonly flagsDoneAtMs: number;
  /** The spec that the flags were kept for is remembered, durably; also when there was none to remember. */
  readonly remembered: boolean;
  readonly copyFailure: CopyResult['failure'];
  /** The copies' disk has not answered in time: they go on without a pass, and nothing else is written to them before they have ended. */
  readonly isDiskSilent: boolean;
  readonly result: FlagsResult;
}

export interface FlagsPassOptions {
  readonly knowledge: Knowledge;
  readonly copies: CopyReconciler;
  readonly flags: FlagsReconciler;
  readonly clock: Clock;
  /** The copies are looked at that often, ms, beside each time that there is something new to remember. */
  readonly copyCheckIntervalMs: number;
  /** The newest spec is remembered now: from here on it counts as a whole. */
  readonly onRemembered: () => void;
  /** A copy that could not be read before says more than a controller did. */
  readonly onFound: () => void;
  /** Copies that a pass did not wait for have ended: another look is due. */
  readonly onCopiesLate: () => void;
  readonly drafts: PassDrafts;
}

/** What a pass is about to write is laid down while it looks: see drafts.ts. */
export interface PassDrafts {
  /** Begins those of a newer desired state. */
  begin(known: KnownSpec): void;
  /** Removes those that no step took. Never rejects. */
  discard(): Promise<void>;
}

/** What was seen of the flags counts for that long, ms: far longer than a disk takes that is well. */
const LOOK_STANDS_MS = 100;

/** A pass waits that long for the copies, ms: flags have 5 s from the resync before it. Where a disk is only busy it costs a pass more. */
const COPIES_LIMIT_MS = 500;

const LOOK_ONCE_MORE: Outcome = {
  kind: 'look-again',
  afterMs: 1,
  sentence: 'the flags were looked at long before the copies were on the disk, so once more',
};

export class FlagsPass {
  readonly #options: FlagsPassOptions;
  #view: FlagsView | undefined;
  #acknowledged = 0;
  #copiesCheckedMs = Number.NEGATIVE_INFINITY;
  #copyFailure: CopyResult['failure'];
  #draftedGeneration = 0;
  /** The flags were as desired when they were looked at, but that was long before the copies were done. */
  #isFlagLookOld = false;
  /** Copies that no pass waits for any more are still under way. */
  #isDiskSilent = false;

  constructor(options: FlagsPassOptions) {
    this.#options = options;
  }

  /** Undefined before the first pass. */
  get view(): FlagsView | undefined {
    return this.#view;
  }

  /** The newest generation whose copy and flags are as desired, durably: what may be told to a controller. 0: none. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  async run(pass: Partial<Pick<Pass, 'looking'>> = {}): Promise<Outcome> {
    if (!this.#isDiskSilent) this.#beginDrafts();
    try {
      return await this.#run(pass);
    } finally {
      // Drafts of copies that are under way are theirs.
      if (!this.#isDiskSilent) await this.#options.drafts.discard();
    }
  }

  async #run({ looking }: Partial<Pick<Pass, 'looking'>>): Promise<Outcome> {
    const { knowledge, clock } = this.#options;
    const wasDiskSilent = this.#isDiskSilent;
    // That the copies are still there is checked after the flags, so that no correction waits for it.
    const isNew =
      knowledge.newest !== undefined && (!knowledge.isRemembered || this.#copyFailure !== undefined);
    const isLock = knowledge.newest?.spec.locked === true;
    const remembering = isNew ? this.#rememberInTime() : Promise.resolve(rememberedOf(knowledge));
    // After a crash a lock's flag alone says as much as its copies do: neither waits for the other.
    if (!isLock) await remembering;
    const tried = knowledge.desired;
    const isUnacknowledged = isNew || this.#isFlagLookOld;
    const flagging = this.#keepFlags(tried, isUnacknowledged, looking);
    const [remembered, { result: seen, doneAtMs }] = await bothEnded(remembering, flagging);
    // The copies' disk may have hung meanwhile: somebody may have changed the flags since.
    this.#isFlagLookOld = isNew && clock.monotonicMs() - doneAtMs > LOOK_STANDS_MS;
    const isLookDue = this.#isFlagLookOld && !this.#isDiskSilent;
    const result = isLookDue ? { ...seen, inSync: false } : seen;
    // Whenever late copies end: the flags are looked at, and made durable, once more before they are acknowledged.
    if (isNew && (wasDiskSilent || this.#isDiskSilent)) this.#isFlagLookOld = true;
    if (!isNew && this.#isCheckDue()) await this.#rememberInTime();
    const isRemembered = remembered !== undefined && remembered === tried.generation;
    if (result.inSync && isRemembered) this.#acknowledged = Math.max(this.#acknowledged, tried.generation);
    this.#view = {
      // Of a lock more may be desired once it is remembered, and nothing else of its flags.
      desired: isSameOfFlags(knowledge.desired, tried) ? knowledge.desired : tried,
      flagsDoneAtMs: doneAtMs,
      remembered: isRemembered || knowledge.newest === undefined,
      copyFailure: this.#copyFailure,
      isDiskSilent: this.#isDiskSilent,
      result,
    };
    if (isLookDue && this.#copyFailure === undefined) return LOOK_ONCE_MORE;
    return outcomeOf(this.#view, knowledge);
  }

  async #keepFlags(
    { locked, lock }: Desired,
    isUnacknowledged: boolean,
    looking: Pass['looking'] | undefined,
  ) {
    const { flags, clock } = this.#options;
    const result = await flags.reconcile({ locked, content: lock, isUnacknowledged }, looking);
    return { result, doneAtMs: clock.monotonicMs() };
  }

  /** Once for each that a controller tells: what is tried again, or found at the start, may need no write at all. */
  #beginDrafts(): void {
    const { knowledge, drafts } = this.#options;
    const { newest, source, isRemembered } = knowledge;
    if (newest === undefined || source !== 'controller' || isRemembered) return;
    if (newest.generation === this.#draftedGeneration) return;
    this.#draftedGeneration = newest.generation;
    drafts.begin(newest);
  }

  #isCheckDue(): boolean {
    const { clock, copyCheckIntervalMs } = this.#options;
    return clock.monotonicMs() - this.#copiesCheckedMs >= copyCheckIntervalMs;
  }

  /**
   * As #remember, but it waits no longer than the limit, and not at all for copies that were late before: one at a time is under way, and what is newer is
   * remembered after its end. @returns undefined, too, when they have not ended.
   */
  async #rememberInTime(): Promise<number | undefined> {
    if (this.#isDiskSilent) return undefined;
    const remembering = this.#remember();
    if (await endsWithin(COPIES_LIMIT_MS, remembering, this.#options.clock)) return remembering;
    this.#isDiskSilent = true;
    void this.#endLate(remembering);
    return undefined;
  }

  async #endLate(remembering: Promise<unknown>): Promise<void> {
    const { drafts, onCopiesLate } = this.#options;
    await Promise.allSettled([remembering]);
    await drafts.discard();
    this.#isDiskSilent = false;
    onCopiesLate();
  }

  /** @returns the newest spec's generation if that is remembered now. */
  async #remember(): Promise<number | undefined> {
    const { knowledge, copies, clock } = this.#options;
    const wanted = knowledge.newest;
    if (wanted === undefined) return undefined;
    const nowMs = clock.monotonicMs();
    const result = await copies.reconcile(wanted);
    this.#copiesCheckedMs = nowMs;
    this.#copyFailure = result.failure;
    if (result.remembered && !knowledge.isRemembered) {
      knowledge.remembered(wanted.generation);
      this.#options.onRemembered();
    }
    const { newer } = result.plan;
    if (newer !== undefined && knowledge.found(newer)) this.#options.onFound();
    return rememberedOf(knowledge);
  }
}

function rememberedOf(knowledge: Knowledge): number | undefined {
  return knowledge.isRemembered ? knowledge.newest?.generation : undefined;
}

/** As far as flags go. */
function isSameOfFlags(a: Desired, b: Desired): boolean {
  return a.generation === b.generation && a.locked === b.locked;
}

/** @returns whether `promise` ended, in whatever way, before `ms` had passed. */
function endsWithin(ms: number, promise: Promise<unknown>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(ms, () => resolve(false));
    void Promise.allSettled([promise]).then(() => {
      cancel();
      resolve(true);
    });
  });
}

/** A pass that ends while a part of it goes on would be two at once. @throws what the first threw, else what the second did, when both have ended. */
async function bothEnded<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

function outcomeOf(view: FlagsView, knowledge: Knowledge): Outcome {
  const { result, copyFailure, desired } = view;
  if (copyFailure !== undefined) {
    return {
      kind: 'retry',
      sentence: `generation ${knowledge.generation} cannot be remembered: ${describeStep(copyFailure.step)}: ${messageOf(copyFailure.error)}`,
    };
  }
  const failure = result.failures[0];
  if (failure !== undefined) {
    return { kind: 'retry', sentence: `${describeStep(failure.step)}, but: ${messageOf(failure.error)}` };
  }
  const held = result.plan.blocked[0];
  // Blocked is for a person to clear: the resync looks again.
  if (held !== undefined) return { kind: 'settled', sentence: describeBlocked(held) };
  // Somebody was quicker: that was seen, so no event will ask for it.
  if (!result.inSync) {
    return { kind: 'look-again', afterMs: 1, sentence: 'the flags were changed while they were corrected' };
  }
  if (view.isDiskSilent && !view.remembered) {
    return {
      kind: 'settled',
      sentence: `generation ${knowledge.generation} is not remembered yet: the disk of the copies does not answer`,
    };
  }
  if (result.done.length > 0) return { kind: 'settled', sentence: result.done.map(describeStep).join('; ') };
  const wish = desired.locked === 'leave' ? 'left as they are' : desired.locked ? 'present' : 'absent';
  return { kind: 'settled', sentence: `flags are ${wish}, as desired` };
}
