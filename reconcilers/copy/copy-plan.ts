// Plans the remembered copy: pure. Both files hold the newest generation, and a corrupt one is kept aside for people.
import { sameSpec } from '../../desired-state/host.ts';
import { type Blocked, type Plan, type Step, sideBySide } from '../loop/plan.ts';
import { type KnownSpec, sameKnownSpec } from './known-spec.ts';
import { COPY_NAMES, type CopyName, type CopyState, type CopyStates } from './spec-copies.ts';

export interface CopyStep extends Step {
  /** confirm: make durable what stands there. settle: make durable that it stands there, for both copies at once. */
  readonly kind: 'leave-trace' | 'set-aside' | 'write' | 'confirm' | 'settle';
  readonly target: CopyName | 'trace' | 'folder';
}

export interface CopyPlanInput {
  /** What is to be remembered; undefined: nothing is known to remember. */
  readonly wanted: KnownSpec | undefined;
  readonly observed: CopyStates;
  readonly hasTrace: boolean;
  /**
   * What is known of the copies' durability as they stand. unknown: a crash may have left them unsynced, so they are synced once. suspect: a write or
   * sync failed, and a later sync of the same data may succeed without writing it (LWN, "PostgreSQL's fsync() surprise", 2018), so they are written anew.
   */
  readonly durability: 'confirmed' | 'unknown' | 'suspect';
  /** Both copies were as wanted once: from then on nobody but this agent has anything to write there. */
  readonly areOurs: boolean;
}

export interface CopyPlan extends Plan<CopyStep> {
  /** What a copy says that is newer than what is to be remembered: nothing is to be done about the copies before that is known. */
  readonly newer: KnownSpec | undefined;
}

/**
 * The copies are written side by side, and their folder is synced once, when both stand in it. Each is replaced in one step by a file that is on the disk already, so a
 * crash between any two calls leaves of each the old or the new, and either is what a controller said; neither counts as remembered before the folder is synced.
 */
export function planCopies(input: CopyPlanInput): CopyPlan {
  const { wanted, observed, hasTrace, durability } = input;
  if (wanted === undefined) return { steps: [], blocked: [], newer: undefined };
  const newer = newerCopy(input, wanted);
  if (newer !== undefined) return { steps: [], blocked: [HELD_BY_NEWER], newer };
  const corrupt = COPY_NAMES.filter((copy) => observed[copy].state === 'corrupt');
  const made = COPY_NAMES.flatMap((copy) => planCopy(copy, observed[copy], wanted, durability));
  const steps = [
    ...(hasTrace ? [] : [LEAVE_TRACE]),
    ...sideBySide(corrupt.map(setAside)),
    ...sideBySide(made),
    ...(made.length === 0 ? [] : [SETTLE]),
  ];
  return { steps, blocked: [], newer: undefined };
}

/**
 * A valid copy that says more than what is to be remembered, or the contrary of it at the same generation: it could not be read when the agent recalled what it knows, and
 * a controller whose store went back was taken at its word. It is never overwritten (I5).
 */
function newerCopy({ observed, areOurs }: CopyPlanInput, wanted: KnownSpec): KnownSpec | undefined {
  if (areOurs) return undefined;
  const found = COPY_NAMES.flatMap((copy) => {
    const seen = observed[copy];
    return seen.state === 'valid' && saysMore(seen.known, wanted) ? [seen.known] : [];
  });
  return found.sort((a, b) => b.generation - a.generation)[0];
}

function saysMore(found: KnownSpec, wanted: KnownSpec): boolean {
  if (found.generation !== wanted.generation) return found.generation > wanted.generation;
  return !sameSpec(found.spec, wanted.spec);
}

const HELD_BY_NEWER: Blocked = {
  target: 'remembered copy',
  reason: 'CopyIsNewer',
  message: 'a copy that could not be read before says more than what is known',
};

const LEAVE_TRACE: CopyStep = {
  kind: 'leave-trace',
  target: 'trace',
  reason: 'a host that lost its copy must not pass for a fresh install',
};

const SETTLE: CopyStep = {
  kind: 'settle',
  target: 'folder',
  reason: 'a copy counts only once its place in the folder is on the disk',
};

function setAside(target: CopyName): CopyStep {
  return { kind: 'set-aside', target, reason: 'the copy is corrupt' };
}

function planCopy(
  target: CopyName,
  seen: CopyState,
  wanted: KnownSpec,
  durability: CopyPlanInput['durability'],
): readonly CopyStep[] {
  const reason = whyWrite(seen, wanted, durability);
  if (reason !== undefined) return [{ kind: 'write', target, reason }];
  if (durability === 'confirmed') return [];
  return [{ kind: 'confirm', target, reason: 'it is there, but may not be on the disk yet' }];
}

function whyWrite(
  seen: CopyState,
  wanted: KnownSpec,
  durability: CopyPlanInput['durability'],
): string | undefined {
  switch (seen.state) {
    case 'absent':
      return `generation ${wanted.generation} is not remembered`;
    case 'corrupt':
      return `generation ${wanted.generation} is remembered in a corrupt copy`;
    case 'unreadable':
      return `the copy cannot be read (${seen.message})`;
    case 'valid':
      if (!sameKnownSpec(seen.known, wanted)) {
        return `the copy holds generation ${seen.known.generation}`;
      }
      return durability === 'suspect' ? 'a write to the disk failed before' : undefined;
  }
}
