// A host's plan as lines for people. Pure.
import { findCondition } from '../../desired-state/conditions.ts';
import type { Host } from '../../desired-state/host.ts';
import type { HostPlan } from '../api/schemas.ts';

/** Numbered steps, then what is held; a plan with neither has no lines. */
export function describePlan({ steps, blocked }: Pick<HostPlan, 'steps' | 'blocked'>): readonly string[] {
  return [
    ...steps.map((step, index) => `${index + 1}. ${step}`),
    ...(blocked.length === 0 ? [] : [steps.length === 0 ? 'held:' : 'held meanwhile:']),
    ...blocked.map((held) => `- ${held}`),
  ];
}

/** What an empty plan means for a host as it is. */
export function describeNothing({ metadata, status }: Host): string {
  const ready = findCondition(status.conditions, 'Ready');
  if (ready?.status === 'True') return `nothing to do: host/${metadata.name} is as its spec says`;
  return `nothing to do now, but host/${metadata.name} is not ready: ${ready?.reason}: ${ready?.message}`;
}
