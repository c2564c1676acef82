// Plans the remembered copy: pure. Both files hold the newest generation, and a corrupt one is kept aside for people.
import type { Plan, Step } from '../loop/plan.ts';
import { type KnownSpec, sameKnownSpec } from './known-spec.ts';
import { COPY_NAMES, type CopyName, type CopyState, type CopyStates } from './spec-copies.ts';

export interface CopyStep extends Step {
  /** confirm: make durable what stands there. */
  readonly kind: 'leave-trace' | 'set-aside' | 'write' | 'confirm';
  readonly target: CopyName | 'trace';
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
}

export function planCopies({ wanted, observed, hasTrace, durability }: CopyPlanInput): Plan<CopyStep> {
  const steps: CopyStep[] = [];
  if (wanted === undefined) return { steps, blocked: [] };
  if (!hasTrace) {
    steps.push({
      kind: 'leave-trace',
      target: 'trace',
      reason: 'a host that lost its copy must not pass for a fresh install',
    });
  }
  for (const copy of COPY_NAMES) {
    const seen = observed[copy];
    if (seen.state === 'corrupt') {
      steps.push({ kind: 'set-aside', target: copy, reason: 'the copy is corrupt' });
    }
    const reason = whyWrite(seen, wanted, durability);
    if (reason !== undefined) {
      steps.push({ kind: 'write', target: copy, reason });
    } else if (durability === 'unknown') {
      steps.push({ kind: 'confirm', target: copy, reason: 'it is there, but may not be on the disk yet' });
    }
  }
  return { steps, blocked: [] };
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
