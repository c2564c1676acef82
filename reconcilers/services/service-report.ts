// What is reported of the services: each one's state, and the condition ServicesInSync. Pure.
import { type ConditionClaim, NOT_RUN } from '../../desired-state/conditions.ts';
import type { ServiceStatus } from '../../desired-state/host.ts';
import type { Operations } from './operations.ts';
import { describeRun, type ServiceObservation, type Skipped, type Verb } from './service-driver.ts';
import { compareServices, type ServicePlan, whyInTurn } from './service-plan.ts';

export interface ServiceReportInput {
  readonly enabled: boolean | 'leave';
  readonly generation: number;
  readonly observed: readonly ServiceObservation[];
  readonly skipped: readonly Skipped[];
  /** Services of which a run began or ended since they were asked: an `unknown` of theirs is old news. */
  readonly stale: ReadonlySet<string>;
  readonly operations: Pick<Operations, 'inFlight' | 'failureOf'>;
  readonly plan: ServicePlan;
}

/** Failing services, and scripts that are not run, named in one message at most; the rest is counted. */
const MAX_NAMED = 3;
const MAX_MESSAGE = 4_096;

/** Every service with its state, in the order of starting. */
export function reportServices({
  enabled,
  observed,
  stale,
  operations,
}: ServiceReportInput): ServiceStatus[] {
  return [...observed]
    .sort((a, b) => compareServices(a.service, b.service))
    .map((seen) => reportService(seen, enabled, operations, stale.has(seen.service.id)));
}

/**
 * ServicesInSync: True when every service is as desired; a failing one is named, with its exit code and the tail of its output. What others could have
 * written is no service, so it changes the message only; a folder that was not looked at may hold services that are not as desired.
 */
export function claimServicesInSync(input: ServiceReportInput): ConditionClaim {
  const { enabled, generation, plan } = input;
  const services = reportServices(input);
  const claim = (
    status: ConditionClaim['status'],
    reason: string,
    message: string,
    notRun = nameNotRun(input.skipped),
  ): ConditionClaim => ({
    type: 'ServicesInSync',
    status,
    reason,
    message: message.slice(0, MAX_MESSAGE - notRun.length) + notRun,
    observedGeneration: generation,
  });
  if (enabled === 'leave') {
    return claim(
      'Unknown',
      'LeftAsTheyAre',
      'it is not known whether services are enabled: none is started, none stopped',
    );
  }
  const named = (state: ServiceStatus['state']) => services.filter((service) => service.state === state);
  const failed = named('failed');
  if (failed.length > 0) return claim('False', 'ServiceFailed', nameAll(failed));
  const hidden = input.skipped.filter((one) => one.hidesServices === true);
  if (hidden.length > 0) {
    const rest = nameNotRun(input.skipped.filter((one) => !hidden.includes(one)));
    return claim('Unknown', 'SetNotLookedAt', nameSome(hidden.map(nameSkipped)), rest);
  }
  const unknown = named('unknown');
  if (unknown.length > 0) return claim('Unknown', 'ServiceUnknown', nameAll(unknown));
  const wanted = enabled ? 'running' : 'stopped';
  const others = services.filter((service) => service.state !== wanted);
  const held = plan.blocked[0];
  if (others.length === 0 && held?.reason !== 'LookAgain') {
    return services.length === 0
      ? claim('True', 'NoServices', 'there is no service in the sets of this host')
      : claim('True', 'AsDesired', `${count(services.length)} ${wanted}`);
  }
  if (held !== undefined && others.every(({ state }) => state === 'stopped' || state === 'running')) {
    return claim('False', held.reason, `${held.target}: ${held.message}`);
  }
  return claim('False', enabled ? 'Starting' : 'Stopping', nameAll(others));
}

/** For people: what is wrong with a service whose start, or stop, succeeds and is undone again and again. */
export function describeUndone(verb: Verb): string {
  return verb === 'start' ? 'it keeps dying soon after its start' : 'it keeps coming back after its stop';
}

function reportService(
  { service, state, message, recorded }: ServiceObservation,
  enabled: boolean | 'leave',
  operations: Pick<Operations, 'inFlight' | 'failureOf'>,
  isStale: boolean,
): ServiceStatus {
  const base = { name: service.name, set: service.set };
  const failure = operations.failureOf(service.id);
  const isFailing = enabled !== 'leave' && failure?.verb === (enabled ? 'start' : 'stop');
  const inFlight = operations.inFlight.get(service.id);
  const operation = inFlight?.isWaiting === true ? undefined : inFlight;
  const isBeingTried = operation !== undefined || (isStale && state === 'unknown');
  const isOff =
    enabled !== 'leave' && (state === 'incomplete' || state === (enabled ? 'stopped' : 'running'));
  // One that failed stays failed while it is tried again: it clears on the next success, not with each attempt.
  if (isFailing && failure.verb === (operation?.verb ?? failure.verb) && (isBeingTried || isOff)) {
    return { ...base, state: 'failed', message: describeFailure(failure) };
  }
  if (isBeingTried) {
    const isStart = operation === undefined ? enabled : operation.verb === 'start';
    return { ...base, state: isStart ? 'starting' : 'stopping', message: '' };
  }
  if (state === 'incomplete') return { ...base, state: 'unknown', message };
  if (inFlight?.isWaiting === true) return { ...base, state, message: whyInTurn(inFlight.verb) };
  return { ...base, state, message: message === '' && recorded ? 'as its last run left it' : message };
}

function describeFailure({ verb, result }: NonNullable<ReturnType<Operations['failureOf']>>): string {
  return result === undefined ? describeUndone(verb) : `${verb} ${describeRun(result)}`;
}

function nameAll(services: readonly ServiceStatus[]): string {
  return nameSome(
    services.map(
      ({ set, name, state, message }) => `${set}/${name} ${state}${message === '' ? '' : `: ${message}`}`,
    ),
  );
}

/** At most half a message long, so that what it follows is told too; '' where all that could be a service is one. */
function nameNotRun(skipped: readonly Skipped[]): string {
  const unsafe = skipped.filter((one) => one.unsafe).map(nameSkipped);
  return unsafe.length === 0 ? '' : `${NOT_RUN}${nameSome(unsafe)}`.slice(0, MAX_MESSAGE / 2);
}

function nameSkipped({ name, reason }: Skipped): string {
  return `${name}: ${reason}`;
}

function nameSome(all: readonly string[]): string {
  const rest = all.length - MAX_NAMED;
  return all.slice(0, MAX_NAMED).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

function count(services: number): string {
  return services === 1 ? '1 service is' : `${services} services are`;
}
