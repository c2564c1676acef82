// What a host is waited for: a goal says what the host still lacks, in words, or nothing when it is there. Pure.
import {
  CONDITION_TYPES,
  type ConditionStatus,
  type ConditionType,
  conditionStatusSchema,
  findCondition,
} from '../../desired-state/conditions.ts';
import { LockstepError } from '../../desired-state/errors.ts';
import type { Host } from '../../desired-state/host.ts';

/** What `host` still lacks, or undefined. @throws LockstepError when it can't be reached any more. */
export type Goal = (host: Host) => string | undefined;

/**
 * Ready=True at the generation that a command wrote.
 * @throws (the goal) LockstepError `Conflict` when somebody changed the host again: that generation will never be ready.
 */
export function readyAt(generation: number): Goal {
  return (host) => {
    const { name, generation: current } = host.metadata;
    if (current > generation) {
      throw new LockstepError(
        'Conflict',
        `host ${name}: generation ${generation} was replaced by ${current} while waiting for it: \`lockstep events ${name}\` says by whom`,
      );
    }
    // A watch may tell of the host as it was just before the write.
    if (current < generation) return `generation ${generation} is not seen yet`;
    const ready = findCondition(host.status.conditions, 'Ready');
    return ready?.status === 'True' ? undefined : `${ready?.reason}: ${ready?.message}`;
  };
}

export interface ConditionGoal {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
}

/** The condition as it is about the host's current generation. */
export function conditionIs({ type, status }: ConditionGoal): Goal {
  return (host) => lackOf(host, type, status);
}

/** @throws LockstepError `Usage` when `text` is not condition=TYPE or condition=TYPE=STATUS. */
export function parseConditionGoal(text: string): ConditionGoal {
  const [, typeText = '', statusText = 'True'] = /^condition=([^=]+)(?:=(.+))?$/.exec(text) ?? [];
  const type = CONDITION_TYPES.find((known) => known.toLowerCase() === typeText.toLowerCase());
  const status = conditionStatusSchema.options.find(
    (known) => known.toLowerCase() === statusText.toLowerCase(),
  );
  if (type !== undefined && status !== undefined) return { type, status };
  throw new LockstepError(
    'Usage',
    `expected condition=TYPE or condition=TYPE=STATUS with a type of ${CONDITION_TYPES.join(', ')} and a status of ${conditionStatusSchema.options.join(', ')}, found ${JSON.stringify(text)}`,
  );
}

/** Those that the agent states about a spec: older ones say nothing about the current one. */
const ABOUT_SPEC: readonly ConditionType[] = ['FlagsInSync', 'ServicesInSync', 'GoEnabled'];

function lackOf(host: Host, type: ConditionType, status: ConditionStatus): string | undefined {
  const found = findCondition(host.status.conditions, type);
  if (found === undefined) return `${type} has not been reported yet`;
  if (ABOUT_SPEC.includes(type) && found.observedGeneration < host.metadata.generation) {
    return `${type} has not been reported at generation ${host.metadata.generation} yet`;
  }
  if (found.status === status) return undefined;
  return `${type} is ${found.status}, ${found.reason}: ${found.message}`;
}
