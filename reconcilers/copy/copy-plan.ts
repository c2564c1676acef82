// Plans the remembered copy: pure. Both files hold the newest generation, and a corrupt one is kept aside for people.
import type { Plan, Step } from '../loop/plan.ts';
import type { KnownSpec } from './known-spec.ts';
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
  /** Were both copies made durable, by this agent, as they stand? A failed sync or a crash leaves that open. */
  readonly confirmed: boolean;
}

export function planCopies({ wanted, observed, hasTrace, confirmed }: CopyPlanInput): Plan<CopyStep> {
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
    const reason = whyWrite(seen, wanted);
    if (reason !== undefined) {
      steps.push({ kind: 'write', target: copy, reason });
    } else if (!confirmed) {
      steps.push({ kind: 'confirm', target: copy, reason: 'it is there, but may not be on the disk yet' });
    }
  }
  return { steps, blocked: [] };
}

function whyWrite(seen: CopyState, wanted: KnownSpec): string | undefined {
  switch (seen.state) {
    case 'absent':
      return `generation ${wanted.generation} is not remembered`;
    case 'corrupt':
      return `generation ${wanted.generation} is remembered in a corrupt copy`;
    case 'unreadable':
      return `the copy cannot be read (${seen.message})`;
    case 'valid':
      return JSON.stringify(seen.known) === JSON.stringify(wanted)
        ? undefined
        : `the copy holds generation ${seen.known.generation}`;
  }
}
