// What the agent holds to be desired, as it learns more: the basis it started from, what a controller said since, and what of that is remembered.
// Generations only rise here (I5). It does no I/O.
import { describeSpec, type Spec, sameSpec } from '../desired-state/host.ts';
import type { Remembered } from '../desired-state/wire.ts';
import type { KnownSpec } from '../reconcilers/copy/known-spec.ts';
import type { FlagContent } from '../reconcilers/flags/flag-files.ts';
import type { Basis } from './recall.ts';

/** `leave`: neither started nor stopped, neither created nor removed. */
export interface Desired {
  readonly locked: boolean | 'leave';
  readonly servicesEnabled: boolean | 'leave';
  readonly generation: number;
  /** What a flag's further lines say while it is present: of the generation that locked the host, never of one that unlocks it and is not begun. */
  readonly lock: FlagContent;
}

/** Is it the same that is to be so? What flags say further is not compared. */
export function isSameWish(a: Desired | undefined, b: Desired | undefined): boolean {
  return (
    a?.generation === b?.generation && a?.locked === b?.locked && a?.servicesEnabled === b?.servicesEnabled
  );
}

/** accepted: it is newer. confirmed: known already. behind: an older generation, refused. contradicts: the same generation with another spec, refused. */
export type Verdict = 'accepted' | 'confirmed' | 'behind' | 'contradicts';

export class Knowledge {
  #basis: Basis;
  #told: KnownSpec | undefined;
  /** What was to be so before `#told` came. */
  #before: Desired | undefined;
  /** What was read from a copy counts only once it is confirmed: a crash may have left it unsynced. */
  #rememberedGeneration = 0;

  constructor(basis: Basis) {
    this.#basis = basis;
  }

  get source(): Basis['source'] | 'controller' {
    return this.#told === undefined ? this.#basis.source : 'controller';
  }

  /** The highest generation known here, whether applied or not; 0: none. */
  get generation(): number {
    return this.#told?.generation ?? generationOf(this.#basis);
  }

  /** The newest whole desired state known here: what is to be remembered. */
  get newest(): KnownSpec | undefined {
    if (this.#told !== undefined) return this.#told;
    return this.#basis.source === 'remembered' ? this.#basis.known : undefined;
  }

  /** The newest spec is durably in both copies, and nothing that could not be read may be newer. */
  get isRemembered(): boolean {
    if (this.#told === undefined && this.#basis.source === 'remembered' && !this.#basis.certain) return false;
    return this.newest !== undefined && this.#rememberedGeneration === this.newest.generation;
  }

  /** What hello says of it. */
  get remembers(): Remembered | null {
    if (this.newest !== undefined) return { generation: this.newest.generation, spec: this.newest.spec };
    return this.#basis.source === 'flags' ? { generation: this.#basis.generation, spec: null } : null;
  }

  /** A later look at the disk may know more than the first: it counts while no controller has spoken, if it is not older than what is known. */
  rebase(basis: Basis): void {
    if (this.#told === undefined && generationOf(basis) >= this.generation) this.#basis = basis;
  }

  /**
   * A copy that could not be read until now says more than what is known: it counts, and what a controller said is behind.
   * @returns whether it does.
   */
  found(known: KnownSpec): boolean {
    if (known.generation < this.generation) return false;
    this.#told = undefined;
    this.#before = undefined;
    this.#rememberedGeneration = 0;
    this.#basis = { source: 'remembered', known, flagged: true, certain: true };
    return true;
  }

  /** Takes what a controller says, if it is newer than all that is known here. */
  offer(offered: KnownSpec): Verdict {
    // 0 is no spec's generation: it means that none is known.
    if (offered.generation < 1) return 'behind';
    if (offered.generation < this.generation) return 'behind';
    if (offered.generation === this.generation && this.newest !== undefined) {
      return sameSpec(offered.spec, this.newest.spec) ? 'confirmed' : 'contradicts';
    }
    // A flag of the same generation and no copy: that generation was a lock.
    if (offered.generation === this.generation && !offered.spec.locked) return 'contradicts';
    this.#before = this.desired;
    this.#told = offered;
    return 'accepted';
  }

  /** `generation` is durably in both copies. */
  remembered(generation: number): void {
    this.#rememberedGeneration = Math.max(this.#rememberedGeneration, generation);
  }

  /**
   * What is to be so now. Until the newest spec is remembered only its restrictive half counts: a lock is applied and services are stopped, an unlock
   * and a start are not begun, and what was before stays (design.md: "a lock is applied but not acknowledged, and an unlock is not begun").
   */
  get desired(): Desired {
    const { newest } = this;
    const before = this.#before ?? desiredOf(this.#basis);
    if (newest === undefined) return before;
    const whole = wholeOf(newest);
    if (this.isRemembered) return whole;
    const { locked, lock } = newest.spec.locked ? whole : before;
    const servicesEnabled = newest.spec.servicesEnabled ? before.servicesEnabled : false;
    return { locked, servicesEnabled, generation: newest.generation, lock };
  }
}

/** What a flag's further lines say once `known` locks the host. */
export function lockOf({ generation, since, reason }: KnownSpec): FlagContent {
  return { generation, since, reason };
}

/** For people: what is known and how. */
export function describeKnowledge(knowledge: Knowledge): string {
  const { newest, generation } = knowledge;
  switch (knowledge.source) {
    case 'controller':
      return `a controller said ${describe(newest?.spec)} (generation ${generation})`;
    case 'remembered':
      return `remembered: ${describe(newest?.spec)} (generation ${generation})`;
    case 'flags':
      return 'a flag says that the host is locked; services are left as they are';
    case 'fresh-install':
      return 'a fresh install: locked, services are left as they are';
    case 'nothing':
      return 'nothing is known: everything is left as it is until a controller answers';
  }
}

function describe(spec: Spec | undefined): string {
  return spec === undefined ? 'nothing' : describeSpec(spec);
}

function generationOf(basis: Basis): number {
  if (basis.source === 'remembered') return basis.known.generation;
  return basis.source === 'flags' ? basis.generation : 0;
}

/** All that a flag alone says. */
const ONLY_LOCKED = { locked: true, servicesEnabled: 'leave' } as const;

function wholeOf(known: KnownSpec): Desired {
  const { generation, spec } = known;
  return { ...spec, generation, lock: lockOf(known) };
}

function bare(generation: number): FlagContent {
  return { generation, since: undefined, reason: undefined };
}

/** What is to be so before anything is remembered or told. */
function desiredOf(basis: Basis): Desired {
  switch (basis.source) {
    case 'remembered': {
      const whole = wholeOf(basis.known);
      if (basis.known.spec.locked) return whole;
      // The copy may not be on the disk yet: until it is confirmed, the unlock that it tells of is not begun on a host with a flag.
      if (basis.flagged) return { ...whole, ...ONLY_LOCKED, lock: bare(0) };
      // What could not be read may say that the host is locked: it is neither locked nor unlocked for that.
      return basis.certain
        ? whole
        : { ...whole, locked: 'leave', servicesEnabled: whole.servicesEnabled && 'leave' };
    }
    case 'flags':
      return { ...ONLY_LOCKED, generation: basis.generation, lock: bare(basis.generation) };
    case 'fresh-install':
      return { ...ONLY_LOCKED, generation: 0, lock: bare(0) };
    case 'nothing':
      return { locked: 'leave', servicesEnabled: 'leave', generation: 0, lock: bare(0) };
  }
}
