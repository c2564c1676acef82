// What keeps a host from being as its spec says, the first cause first. Pure.
import { type Condition, type ConditionType, findCondition } from '../../desired-state/conditions.ts';
import type { Host } from '../../desired-state/host.ts';

/** The cause, by which it is decided what to do next. */
type Cause =
  | 'offline'
  | 'never-connected'
  | 'refused'
  | 'disk'
  | 'flag-blocked'
  | 'gate'
  | 'service-failed'
  | 'service-unknown'
  | 'services-unread'
  | 'left'
  | 'under-way';

export interface Block {
  readonly cause: Cause;
  readonly sentence: string;
  readonly at: string | undefined;
}

/** Failing services, and held steps, that are told each. */
const MAX_TOLD = 5;

/** Empty: the host is ready. */
export function findBlocks(host: Host): readonly Block[] {
  const { conditions } = host.status;
  const ready = findCondition(conditions, 'Ready');
  const refusal = findRefusal(conditions);
  if (ready?.status === 'True' && refusal === undefined) return [];
  const observed = [
    ...findOffline(conditions),
    ...(refusal === undefined ? [] : [refusal]),
    ...findFlags(host),
    ...findGates(host),
    ...findServices(host),
  ];
  const blocks = [...observed, ...findHeld(host, observed)];
  if (blocks.length > 0) return blocks;
  const sentence = `${ready?.reason ?? 'Unknown'}: ${ready?.message ?? 'nothing is known of it'}`;
  const cause = ready?.reason === 'StoreBehind' ? 'refused' : 'under-way';
  return [{ cause, sentence, at: ready?.lastTransitionTime }];
}

function findOffline(conditions: readonly Condition[]): readonly Block[] {
  const online = findCondition(conditions, 'Online');
  if (online === undefined || online.status === 'True') return [];
  if (online.reason === 'NeverConnected') {
    return [
      { cause: 'never-connected', sentence: 'no agent of this host has ever connected', at: undefined },
    ];
  }
  return [blockOf('offline', `offline: ${online.message}`, online)];
}

/** The agent holds to what it has: nothing that the store says reaches the host before the next change. */
function findRefusal(conditions: readonly Condition[]): Block | undefined {
  const fresh = findCondition(conditions, 'SpecFresh');
  if (fresh?.reason !== 'StoreBehind' && fresh?.reason !== 'Contradiction') return undefined;
  return blockOf('refused', `${fresh.reason}: ${fresh.message}`, fresh);
}

const FLAG_CAUSES: Readonly<Record<string, Cause>> = {
  FlagBlocked: 'flag-blocked',
  FlagWriteFailed: 'disk',
  NotRemembered: 'disk',
  LeftAsTheyAre: 'left',
};

function findFlags(host: Host): readonly Block[] {
  return findNotTrue(host, 'FlagsInSync', (reason) => FLAG_CAUSES[reason] ?? 'under-way');
}

function findGates(host: Host): readonly Block[] {
  if (!host.spec.servicesEnabled) return [];
  return findNotTrue(host, 'GoEnabled', (reason) => (reason === 'GateFailed' ? 'gate' : 'under-way'));
}

/** A failing service says its exit code and the end of its output itself. */
function findServices(host: Host): readonly Block[] {
  const { services, conditions } = host.status;
  const inSync = findCondition(conditions, 'ServicesInSync');
  const failed = services.filter(({ state }) => state === 'failed');
  const told = failed
    .slice(0, MAX_TOLD)
    .map(({ set, name, message }) =>
      blockOf('service-failed', `${set}/${name} failed${message === '' ? '' : `: ${message}`}`, inSync),
    );
  const more = failed.length - MAX_TOLD;
  if (more > 0) return [...told, blockOf('service-failed', `and ${more} more services failed`, inSync)];
  if (told.length > 0) return told;
  return findNotTrue(host, 'ServicesInSync', (reason) => SERVICES_CAUSES[reason] ?? 'under-way');
}

const SERVICES_CAUSES: Readonly<Record<string, Cause>> = {
  ServiceUnknown: 'service-unknown',
  ServicesUnreadable: 'services-unread',
  SetNotLookedAt: 'services-unread',
  LeftAsTheyAre: 'left',
};

/** What the last plan held, but for what is told already, and services that are as desired by now. */
function findHeld({ metadata, spec, status }: Host, told: readonly Block[]): readonly Block[] {
  const { lastPlan, services } = status;
  if (lastPlan === undefined || lastPlan.generation !== metadata.generation) return [];
  const wanted = spec.servicesEnabled ? 'running' : 'stopped';
  const settled = services.filter(({ state }) => state === wanted).map(({ set, name }) => `${set}/${name}`);
  return lastPlan.blocked
    .filter((sentence) => {
      const [target = '', message = sentence] = sentence.split(' is held: ');
      if (settled.includes(target)) return false;
      return !told.some(
        (block) => block.sentence.startsWith(`${target} failed`) || block.sentence.includes(message),
      );
    })
    .slice(0, MAX_TOLD)
    .map((sentence) => ({ cause: 'under-way', sentence, at: lastPlan.at }));
}

/** The condition where it is about the current spec and not True. An older one says nothing of it. */
function findNotTrue(
  { metadata, status }: Host,
  type: ConditionType,
  causeOf: (reason: string) => Cause,
): readonly Block[] {
  const found = findCondition(status.conditions, type);
  if (found === undefined || found.status === 'True') return [];
  // A refused write is about the newer spec that it could not take.
  if (found.observedGeneration !== metadata.generation && found.reason !== 'NotRemembered') return [];
  return [
    blockOf(causeOf(found.reason), `${type} is ${found.status}, ${found.reason}: ${found.message}`, found),
  ];
}

function blockOf(cause: Cause, sentence: string, { lastTransitionTime }: Partial<Condition> = {}): Block {
  return { cause, sentence, at: lastTransitionTime };
}
