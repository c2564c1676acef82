// What the agent reports of its host: the status and its conditions, from what the newest passes saw. Pure.
import {
  type Condition,
  type ConditionClaim,
  findCondition,
  stampCondition,
} from '../desired-state/conditions.ts';
import { messageOf } from '../desired-state/errors.ts';
import type { FlagState, ReportedPlan, Role, Spec, Status } from '../desired-state/host.ts';
import type { ObservedFlag } from '../reconcilers/flags/flag-files.ts';
import { describeStep } from '../reconcilers/loop/plan.ts';
import type { Operations } from '../reconcilers/services/operations.ts';
import {
  claimServicesInSync,
  reportServices,
  type ServiceReportInput,
} from '../reconcilers/services/service-report.ts';
import type { FlagsView } from './flags-pass.ts';
import { type Desired, isSameWish, type Verdict } from './knowledge.ts';
import type { ServicesView } from './services-pass.ts';

/** What a controller on one network last said of this host. */
export interface ControllerWord {
  readonly network: string;
  readonly generation: number;
  readonly verdict: Verdict;
}

export interface HostReportInput {
  readonly generation: number;
  /** What is to be so now. */
  readonly desired: Desired;
  /** A newer spec that is not remembered yet, of which `desired` is only the restrictive half; undefined: `desired` is the whole. */
  readonly pending: Spec | undefined;
  readonly acknowledged: number;
  /** Nothing at all is known of what should be (rule 5). */
  readonly knowsNothing: boolean;
  readonly flags: FlagsView | undefined;
  readonly services: ServicesView | undefined;
  /** Why the newest look at services failed; undefined: it did not. */
  readonly servicesFailure: string | undefined;
  readonly operations: Pick<Operations, 'inFlight' | 'failureOf' | 'changedSince'>;
  readonly goEnabled: ConditionClaim;
  /** Of each network that is connected and has answered. */
  readonly words: readonly ControllerWord[];
  /** The newest plan that had anything in it; undefined: no pass had anything to do yet. */
  readonly lastPlan: ReportedPlan | undefined;
  readonly bootId: string;
  readonly agentVersion: string;
  readonly roles: readonly Role[];
}

/** Messages of single services are cut to this where a host has many of them, so that a status always fits one message. */
const MANY_SERVICES = 200;
const MAX_MESSAGE_OF_MANY = 200;

/** @param previous the status before, whose transition times are kept where a condition's status is the same. */
export function reportHost(input: HostReportInput, previous: Status | undefined, nowIso: string): Status {
  const claims = [claimFlagsInSync(input), claimServices(input), input.goEnabled, claimSpecFresh(input)];
  return {
    observedGeneration: input.acknowledged,
    conditions: claims.map(
      (claim): Condition =>
        stampCondition(claim, findCondition(previous?.conditions ?? [], claim.type), nowIso),
    ),
    flags: {
      volatile: stateOf(input.flags?.result.observed.volatile),
      persistent: stateOf(input.flags?.result.observed.persistent),
    },
    services: servicesOf(input),
    bootId: input.bootId,
    agentVersion: input.agentVersion,
    roles: [...input.roles],
    ...(input.lastPlan === undefined ? {} : { lastPlan: input.lastPlan }),
  };
}

function claimFlagsInSync(input: HostReportInput): ConditionClaim {
  const { flags, generation, pending } = input;
  const claim = claimer('FlagsInSync', generation);
  if (flags === undefined) return claim('Unknown', 'NotLookedYet', 'the flags have not been looked at yet');
  const { desired, result, copyFailure, remembered, isDiskSilent } = flags;
  if ((copyFailure !== undefined || isDiskSilent) && !remembered) {
    const isLock = (pending?.locked ?? desired.locked) === true;
    const isThere = Object.values(result.observed).some(({ state }) => state === 'present');
    const lock = isThere
      ? 'a lock is applied but not acknowledged'
      : 'a lock is not acknowledged, and no flag could be created either';
    const half = isLock ? lock : 'it is not begun';
    const why = copyFailure === undefined ? 'the disk does not answer' : messageOf(copyFailure.error);
    return claim(
      'False',
      'NotRemembered',
      `generation ${generation} cannot be written to the disk, so ${half}: ${why}`,
    );
  }
  if (desired.locked === 'leave') {
    return claim(
      'Unknown',
      'LeftAsTheyAre',
      'it is not known whether this host is locked: nothing is touched',
    );
  }
  const held = result.plan.blocked[0];
  if (held !== undefined) return claim('False', held.reason, `${held.target}: ${held.message}`);
  const failure = result.failures[0];
  if (failure !== undefined) {
    return claim(
      'False',
      'FlagWriteFailed',
      `${describeStep(failure.step)}, but: ${messageOf(failure.error)}`,
    );
  }
  const wish = desired.locked ? 'present' : 'absent';
  if (!result.inSync) return claim('False', 'Correcting', `the flags are not both ${wish} yet`);
  // An unlock that was remembered since is not begun yet.
  const isBegun = desired.locked === input.desired.locked;
  if (desired.generation !== generation || pending !== undefined || !isBegun) {
    return claim('False', 'Pending', `generation ${generation} has not been looked at yet`);
  }
  return claim('True', 'AsDesired', `both flags are ${wish}`);
}

function claimServices(input: HostReportInput): ConditionClaim {
  const claim = claimer('ServicesInSync', input.generation);
  if (input.servicesFailure !== undefined) {
    return claim('Unknown', 'ServicesUnreadable', `services cannot be looked at: ${input.servicesFailure}`);
  }
  const report = serviceReportInput(input);
  if (report === undefined) return claim('Unknown', 'NotLookedYet', 'services have not been asked yet');
  if (input.pending !== undefined || !isSameWish(input.services?.desired, input.desired)) {
    return claim(
      'False',
      'Pending',
      `services have not been looked at for generation ${input.generation} yet`,
    );
  }
  return claimServicesInSync(report);
}

/** design.md: False while running on the remembered state or when the store is behind. */
function claimSpecFresh({ words, generation, knowsNothing }: HostReportInput): ConditionClaim {
  const claim = claimer('SpecFresh', generation);
  if (knowsNothing) {
    return claim(
      'Unknown',
      'NothingKnown',
      'no copy, no flag and no controller: everything is left as it is',
    );
  }
  const fresh = words.find(
    (word) => word.generation === generation && (word.verdict === 'accepted' || word.verdict === 'confirmed'),
  );
  if (fresh !== undefined) {
    return claim(
      'True',
      'Confirmed',
      `generation ${generation} is the store's, over network ${fresh.network}`,
    );
  }
  const word = words[0];
  if (word === undefined) {
    return claim(
      'False',
      'NoController',
      `no controller answers: running on generation ${generation} as remembered`,
    );
  }
  switch (word.verdict) {
    case 'contradicts':
      return claim(
        'False',
        'Contradiction',
        `the store has another spec at generation ${word.generation}: refused; change the host once more`,
      );
    case 'behind':
      return claim(
        'False',
        'StoreBehind',
        `the store is at generation ${word.generation}, behind this host's ${generation}: refused; the next change gets through`,
      );
    case 'accepted':
    case 'confirmed':
      return claim('False', 'Pending', `generation ${generation} is on its way`);
  }
}

function servicesOf(input: HostReportInput): Status['services'] {
  const report = serviceReportInput(input);
  if (report === undefined) return [];
  const services = reportServices(report);
  if (services.length <= MANY_SERVICES) return services;
  return services.map((service) => ({ ...service, message: service.message.slice(0, MAX_MESSAGE_OF_MANY) }));
}

function serviceReportInput({ services, operations }: HostReportInput): ServiceReportInput | undefined {
  if (services === undefined) return undefined;
  return {
    enabled: services.desired.servicesEnabled,
    generation: services.desired.generation,
    observed: services.result.observed.services,
    skipped: services.result.observed.skipped,
    stale: operations.changedSince(services.result.lookedAt),
    operations,
    plan: services.result.plan,
  };
}

function claimer(type: ConditionClaim['type'], observedGeneration: number) {
  return (status: ConditionClaim['status'], reason: string, message: string): ConditionClaim => ({
    type,
    status,
    reason,
    message: message.slice(0, 4_096),
    observedGeneration,
  });
}

function stateOf(flag: ObservedFlag | undefined): FlagState | 'unknown' {
  if (flag === undefined) return 'unknown';
  return flag.state === 'obstructed' ? 'blocked' : flag.state;
}
