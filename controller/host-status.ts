// What is known of a host besides its spec: the agent's report and the controller's Online, in one status. Pure functions.
import { isDeepStrictEqual } from 'node:util';
import {
  type ConditionClaim,
  findCondition,
  stampCondition,
  withCondition,
} from '../desired-state/conditions.ts';
import type { Status } from '../desired-state/host.ts';
import type { HostRecord, StatusWrite } from '../desired-state/store/store.ts';

/** The status of a host whose agent has never reported. */
export const UNREPORTED: Status = {
  observedGeneration: 0,
  conditions: [],
  flags: { volatile: 'unknown', persistent: 'unknown' },
  services: [],
  bootId: '',
  agentVersion: '',
  roles: [],
};

/** `reported`, with the stored Online: that one and Ready are the controller's to say, whatever an agent sends. */
export function withReport(stored: Status | undefined, reported: Status): Status {
  const byType = new Map(reported.conditions.map((condition) => [condition.type, condition]));
  byType.delete('Ready');
  byType.delete('Online');
  const online = findCondition(stored?.conditions ?? [], 'Online');
  return { ...reported, conditions: [...byType.values(), ...(online === undefined ? [] : [online])] };
}

/** The stored status with Online as `claim` says. */
function withOnline(stored: Status | undefined, claim: ConditionClaim, nowIso: string): Status {
  const status = stored ?? UNREPORTED;
  const online = stampCondition(claim, findCondition(status.conditions, 'Online'), nowIso);
  return { ...status, conditions: withCondition(status.conditions, online) };
}

/** The write that makes Online as `claim` says, or undefined when its status and reason are so already. */
export function planOnline(
  record: HostRecord,
  claim: ConditionClaim,
  nowIso: string,
): StatusWrite | undefined {
  const online = findCondition(record.status?.conditions ?? [], 'Online');
  if (online?.status === claim.status && online.reason === claim.reason) return undefined;
  return { name: record.name, status: withOnline(record.status, claim, nowIso) };
}

/** Would writing `next` over `stored` change anything? */
export function sameStatus(stored: Status | undefined, next: Status): boolean {
  return isDeepStrictEqual(stored, next);
}

/** An Online claim in the controller's words, about the spec at `generation`. */
export function claimOnline(online: OnlineFact, generation: number): ConditionClaim {
  return { type: 'Online', ...ONLINE_CLAIMS[online], observedGeneration: generation };
}

export type OnlineFact = 'Connected' | 'Disconnected' | 'HeartbeatMissed' | 'ControllerRestarted';

const ONLINE_CLAIMS = {
  Connected: { status: 'True', reason: 'Connected', message: 'the agent is connected' },
  Disconnected: { status: 'False', reason: 'Disconnected', message: 'the agent closed its last connection' },
  HeartbeatMissed: { status: 'False', reason: 'HeartbeatMissed', message: 'the agent has not been heard of' },
  ControllerRestarted: {
    status: 'Unknown',
    reason: 'ControllerRestarted',
    message: 'the controller restarted and has not heard of the agent yet',
  },
} as const;
