// Plans the two flag files: pure, total. The persistent flag is the commit point and goes first in both directions (I8).
import type { Blocked, Plan, Step } from '../loop/plan.ts';
import { FLAG_NAMES, type FlagName, type ObservedFlag, type ObservedFlags } from './flag-files.ts';

export interface FlagStep extends Step {
  /** create: nothing fit stands there; refresh: a file of an older state, or one with a flaw; confirm: make durable what stands there; remove. */
  readonly kind: 'create' | 'refresh' | 'confirm' | 'remove';
  readonly target: FlagName;
  /** Steps towards `locked` are begun even after a failed step; others are not. */
  readonly restrictive: boolean;
}

export interface FlagPlanInput {
  /** `leave`: nothing is known, so nothing is touched (design.md, rule 5). */
  readonly locked: boolean | 'leave';
  readonly generation: number;
  readonly observed: ObservedFlags;
  /**
   * What is known of the persistent flag's durability as it stands, for this generation. unknown: it is confirmed or refreshed once. suspect: a write or
   * sync failed, and a later sync of the same data may succeed without writing it, so the flag is written anew.
   */
  readonly durability: 'confirmed' | 'unknown' | 'suspect';
}

export function planFlags(input: FlagPlanInput): Plan<FlagStep> {
  switch (input.locked) {
    case 'leave':
      return { steps: [], blocked: [] };
    case true:
      return planPresent(input);
    case false:
      return planAbsent(input);
  }
}

/** Are both flags as `locked` wants them? What must be left is always as wanted. */
export function flagsAsDesired(locked: boolean | 'leave', observed: ObservedFlags): boolean {
  if (locked === 'leave') return true;
  return FLAG_NAMES.every((flag) => {
    const seen = observed[flag];
    return locked ? seen.state === 'present' && seen.flaw === undefined : seen.state === 'absent';
  });
}

function planPresent(input: FlagPlanInput): Plan<FlagStep> {
  const steps: FlagStep[] = [];
  const blocked: Blocked[] = [];
  const add = (kind: FlagStep['kind'], target: FlagName, reason: string) =>
    steps.push({ kind, target, reason, restrictive: true });
  for (const flag of FLAG_NAMES) {
    const seen = input.observed[flag];
    switch (seen.state) {
      case 'absent':
        add('create', flag, 'the host is locked and the flag is missing');
        break;
      case 'obstructed':
        add('create', flag, `the host is locked and ${seen.by} stands in the flag's place`);
        break;
      case 'blocked':
        blocked.push(blockedBy(flag, seen.message));
        break;
      case 'present':
        if (seen.flaw !== undefined) {
          add('refresh', flag, seen.flaw);
          break;
        }
        if (input.durability === 'confirmed') break;
        if (isOlder(seen, input.generation)) {
          add('refresh', flag, `the flag is not of generation ${input.generation}`);
        } else if (input.durability === 'suspect' && flag === 'persistent') {
          add('refresh', flag, 'a write to the disk failed before');
        } else if (flag === 'persistent') {
          add(
            'confirm',
            flag,
            `generation ${input.generation} must be on the disk before it is acknowledged`,
          );
        }
        break;
    }
  }
  return { steps, blocked };
}

function planAbsent(input: FlagPlanInput): Plan<FlagStep> {
  const steps: FlagStep[] = [];
  const blocked: Blocked[] = [];
  const add = (kind: FlagStep['kind'], target: FlagName, reason: string) =>
    steps.push({ kind, target, reason, restrictive: false });
  for (const flag of FLAG_NAMES) {
    const seen = input.observed[flag];
    switch (seen.state) {
      case 'absent':
        if (flag === 'persistent' && input.durability !== 'confirmed') {
          add(
            'confirm',
            flag,
            `generation ${input.generation} must be on the disk before it is acknowledged`,
          );
        }
        break;
      case 'blocked':
        blocked.push(blockedBy(flag, seen.message));
        break;
      case 'present':
      case 'obstructed':
        if (flag === 'volatile' && input.observed.persistent.state === 'blocked') {
          blocked.push(blockedBy(flag, 'it stays while the persistent flag cannot be removed'));
        } else {
          add(
            'remove',
            flag,
            `the host is unlocked and ${seen.state === 'present' ? 'the flag' : seen.by} is there`,
          );
        }
        break;
    }
  }
  return { steps, blocked };
}

function isOlder(seen: Extract<ObservedFlag, { state: 'present' }>, generation: number): boolean {
  const known = seen.generation === 'unreadable' ? 0 : (seen.generation ?? 0);
  return generation > 0 && known < generation;
}

function blockedBy(target: FlagName, message: string): Blocked {
  return { target: `${target} flag`, reason: 'FlagBlocked', message };
}
