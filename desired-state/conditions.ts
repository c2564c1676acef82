// Conditions as Kubernetes has them: what is observed of a host, each with a reason and since when.
import { z } from 'zod';
import { generationSchema } from './generation.ts';

export const CONDITION_TYPES = [
  'Ready',
  'Online',
  'FlagsInSync',
  'ServicesInSync',
  'GoEnabled',
  'SpecFresh',
] as const;

const conditionTypeSchema = z.enum(CONDITION_TYPES);
export type ConditionType = z.infer<typeof conditionTypeSchema>;

export const conditionStatusSchema = z.enum(['True', 'False', 'Unknown']);
export type ConditionStatus = z.infer<typeof conditionStatusSchema>;

/** In the message of ServicesInSync, before the scripts that are not run because others could have written them. */
export const NOT_RUN = '; not run: ';

/** The longest message of a condition, in characters. */
const MAX_MESSAGE = 4_096;

/** `lastTransitionTime` is when `status` last changed, RFC 3339 UTC; `observedGeneration` is the spec it speaks of. */
export const conditionSchema = z.object({
  type: conditionTypeSchema.describe('What is observed: `Ready` sums up all others.'),
  status: conditionStatusSchema.describe('Is it so? `Unknown`: nobody can tell.'),
  reason: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]*$/, 'expected a CamelCase word')
    .describe('Why, for programs: a CamelCase word.'),
  message: z.string().max(MAX_MESSAGE).describe('Why, for people.'),
  lastTransitionTime: z.iso.datetime().describe('When status last changed.'),
  observedGeneration: generationSchema.describe('The generation that it speaks of.'),
});
export type Condition = z.infer<typeof conditionSchema>;

/** A condition as its observer states it, before anybody knows whether it changed. */
export type ConditionClaim = Omit<Condition, 'lastTransitionTime'>;

/** `claim` stamped: the time of `previous` where the status stayed the same, else `nowIso`. */
export function stampCondition(
  claim: ConditionClaim,
  previous: Condition | undefined,
  nowIso: string,
): Condition {
  const lastTransitionTime =
    previous !== undefined && previous.status === claim.status ? previous.lastTransitionTime : nowIso;
  return { ...claim, lastTransitionTime };
}

/** The condition of that type, if it is there. */
export function findCondition(conditions: readonly Condition[], type: ConditionType): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** `conditions` with `condition` in the place of the one of its type. */
export function withCondition(conditions: readonly Condition[], condition: Condition): Condition[] {
  return [...conditions.filter((other) => other.type !== condition.type), condition];
}

export interface ReadyInput {
  readonly generation: number;
  readonly servicesEnabled: boolean;
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  /** When the spec last changed, RFC 3339: Ready can't be older than what it speaks of. */
  readonly specChangedAt: string;
}

/**
 * Ready, derived: True when FlagsInSync, ServicesInSync and (services enabled) GoEnabled are True at `generation` and
 * Online is True; Unknown while Online is not True; else False with the first that is missing (design.md, "The resource").
 * Its lastTransitionTime is the newest of what it is derived from.
 */
export function deriveReady(input: ReadyInput): Condition {
  const needed: readonly ConditionType[] = input.servicesEnabled
    ? ['FlagsInSync', 'ServicesInSync', 'GoEnabled']
    : ['FlagsInSync', 'ServicesInSync'];
  const involved = (['Online', ...needed] as const)
    .map((type) => findCondition(input.conditions, type)?.lastTransitionTime)
    .filter((time) => time !== undefined);
  const claim = claimReady(input, needed);
  return {
    ...claim,
    lastTransitionTime: [...involved, input.specChangedAt].sort().at(-1) ?? input.specChangedAt,
  };
}

function claimReady(input: ReadyInput, needed: readonly ConditionType[]): ConditionClaim {
  const ready = (status: ConditionStatus, reason: string, message: string): ConditionClaim => ({
    type: 'Ready',
    status,
    reason,
    // It may quote a whole message of another condition.
    message: message.slice(0, MAX_MESSAGE),
    observedGeneration: input.generation,
  });
  const online = findCondition(input.conditions, 'Online');
  if (online?.status !== 'True') {
    return ready(
      'Unknown',
      online?.reason ?? 'NeverConnected',
      online?.message ?? 'the host has never connected',
    );
  }
  for (const type of needed) {
    const condition = findCondition(input.conditions, type);
    if (condition === undefined || condition.observedGeneration !== input.generation) {
      return ready('False', 'Pending', `${type} has not been reported at generation ${input.generation} yet`);
    }
    if (condition.status !== 'True') {
      return ready('False', condition.reason, `${type} is ${condition.status}: ${condition.message}`);
    }
  }
  if (input.observedGeneration < input.generation) {
    return ready('False', 'Pending', `generation ${input.generation} has not been acknowledged yet`);
  }
  return ready('True', 'InSync', 'the host is as its spec says');
}
