// How the CLI says that hosts are not there.
import { LockstepError } from '../../desired-state/errors.ts';
import type { Labels } from '../../desired-state/host.ts';
import { selectorOf } from '../targets.ts';

/** @throws LockstepError `NotFound` naming those that were asked for and are not there, if there are any. */
export function refuseUnknown(names: readonly string[]): void {
  if (names.length === 0) return;
  throw new LockstepError(
    'NotFound',
    `host ${names.join(', ')}: not found; \`lockstep get hosts\` lists those that are`,
  );
}

/** Why a list is empty, for people. */
export function describeNone(selector: Labels | undefined): string {
  if (selector !== undefined) return `no host has ${selectorOf(selector)}`;
  return 'no hosts found: `lockstep declare NAME` adds one, and so does an agent that connects';
}
