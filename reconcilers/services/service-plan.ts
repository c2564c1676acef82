// Plans the services: pure, total. Stops in reverse order; starts in order (sets, then groups), only when nothing holds them.
// Groups and sets are order, not dependency: one that failed is reported and the next goes on.
import { ROLES } from '../../desired-state/host.ts';
import type { Blocked, Plan, Step } from '../loop/plan.ts';
import type { Service, ServiceObservation, Verb } from './service-driver.ts';

export interface ServiceStep extends Step {
  readonly kind: 'start' | 'stop' | 'abort';
  /** The service's id. */
  readonly target: string;
  readonly service: Service;
}

/** What is remembered of a service between passes: how its last verb went. */
export interface ServiceHistory {
  readonly verb: Verb;
  /** Failures in a row; a start whose service died again soon counts too. */
  readonly attempts: number;
  /** Not begun again before this, on the monotonic clock, ms. */
  readonly notBeforeMs: number;
}

/** `isWaiting`: for its turn, because too many others run. */
export interface BegunOperation {
  readonly service: Service;
  readonly verb: Verb;
  readonly isWaiting: boolean;
}

export interface ServicePlanInput {
  readonly enabled: boolean | 'leave';
  /** What holds every start back (flags not as desired, gates, the grace after a boot), or undefined. */
  readonly startsHeldBy: Omit<Blocked, 'target'> | undefined;
  /** What holds every stop back, or undefined: only that the flags were not looked at yet for this desired state. */
  readonly stopsHeldBy: Omit<Blocked, 'target'> | undefined;
  readonly observed: readonly ServiceObservation[];
  /** Services of which a run began or ended during the look: what it saw of them may be from before, and the run's end asks for another look. */
  readonly stale: ReadonlySet<string>;
  readonly inFlight: ReadonlyMap<string, BegunOperation>;
  readonly history: ReadonlyMap<string, ServiceHistory>;
  readonly nowMs: number;
}

export interface ServicePlan extends Plan<ServiceStep> {
  /** When a service that waits for its next try is due, ms from now; undefined: none waits. */
  readonly nextInMs: number | undefined;
}

export function planServices(input: ServicePlanInput): ServicePlan {
  if (input.enabled === 'leave') return { steps: [], blocked: [], nextInMs: undefined };
  const verb: Verb = input.enabled ? 'start' : 'stop';
  const aborts = planAborts(input, verb);
  const held = verb === 'start' ? input.startsHeldBy : input.stopsHeldBy;
  const settled = input.observed.filter(({ service }) => !input.stale.has(service.id));
  const due = settled.filter((seen) => needs(seen, verb) && !input.inFlight.has(seen.service.id));
  if (held !== undefined) {
    return {
      steps: aborts,
      blocked: due.map(({ service }) => ({ ...held, target: service.id })),
      nextInMs: undefined,
    };
  }
  const { steps, blocked, nextInMs } = planInOrder(input, due, verb);
  return { steps: [...aborts, ...steps], blocked: [...blocked, ...planOtherLooks(input)], nextInMs };
}

/** The order of starting: set, then group (no prefix last), then name. Stopping is the reverse. */
export function compareServices(a: Service, b: Service): number {
  return comparePlaces(a, b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function comparePlaces(a: Service, b: Service): number {
  const bySet = ROLES.indexOf(a.set) - ROLES.indexOf(b.set);
  if (bySet !== 0) return bySet;
  return Math.sign((a.group ?? Number.POSITIVE_INFINITY) - (b.group ?? Number.POSITIVE_INFINITY)) || 0;
}

/** Unknown is reported and gets no step: it may be either. */
function needs(seen: ServiceObservation, verb: Verb): boolean {
  return seen.state === 'incomplete' || seen.state === (verb === 'start' ? 'stopped' : 'running');
}

/** An ended run whose service has not been looked at since: nothing is as desired before that. */
function planOtherLooks({ stale, inFlight }: ServicePlanInput): Blocked[] {
  return [...stale]
    .filter((id) => !inFlight.has(id))
    .map((id) => waiting(id, 'LookAgain', 'a run of it ended during the look'));
}

function planAborts(input: ServicePlanInput, verb: Verb): ServiceStep[] {
  const steps: ServiceStep[] = [];
  for (const { service, verb: running } of input.inFlight.values()) {
    if (running === verb) continue;
    steps.push({
      kind: 'abort',
      target: service.id,
      service,
      reason: `its ${running} is under way and services are now ${verb === 'start' ? 'enabled' : 'disabled'}`,
    });
  }
  return steps;
}

/** A service that its verb is due for, waits for its turn or is under way: what the walk in order is about. */
interface Candidate {
  readonly service: Service;
  readonly kind: 'due' | 'waiting' | 'under-way';
  readonly isIncomplete: boolean;
}

/** Walks the places in order; a service on its first try, under way or about to be, makes the places after its own wait. */
function planInOrder(input: ServicePlanInput, due: readonly ServiceObservation[], verb: Verb): ServicePlan {
  const steps: ServiceStep[] = [];
  const blocked: Blocked[] = [];
  let nextInMs: number | undefined;
  let holder: Service | undefined;
  for (const place of placesInOrder(candidatesOf(input, due, verb), verb)) {
    let holderHere: Service | undefined;
    for (const { service, kind, isIncomplete } of place) {
      const history = input.history.get(service.id);
      const { attempts, notBeforeMs } = history?.verb === verb ? history : { attempts: 0, notBeforeMs: 0 };
      if (attempts === 0) holderHere ??= service;
      if (kind === 'waiting') blocked.push(waiting(service.id, 'WaitsForTurn', whyInTurn(verb)));
      if (kind !== 'due') continue;
      const waitMs = notBeforeMs - input.nowMs;
      if (holder !== undefined) {
        blocked.push(waiting(service.id, 'WaitsForOrder', `its ${verb} comes after that of ${holder.id}`));
      } else if (waitMs > 0) {
        blocked.push(waiting(service.id, 'BackedOff', whyBackedOff(verb, attempts)));
        nextInMs = Math.min(nextInMs ?? waitMs, waitMs);
      } else {
        steps.push({ kind: verb, target: service.id, service, reason: whyStep(verb, isIncomplete) });
      }
    }
    holder ??= holderHere;
  }
  return { steps, blocked, nextInMs };
}

function candidatesOf(
  input: ServicePlanInput,
  due: readonly ServiceObservation[],
  verb: Verb,
): readonly Candidate[] {
  return [
    ...[...input.inFlight.values()]
      .filter((operation) => operation.verb === verb)
      .map(({ service, isWaiting }): Candidate => {
        return { service, kind: isWaiting ? 'waiting' : 'under-way', isIncomplete: false };
      }),
    ...due.map(({ service, state }): Candidate => {
      return { service, kind: 'due', isIncomplete: state === 'incomplete' };
    }),
  ];
}

/** The candidates in order, those of one place (set and group) together. */
function placesInOrder(candidates: readonly Candidate[], verb: Verb): readonly (readonly Candidate[])[] {
  const sorted = [...candidates].sort((a, b) => compareServices(a.service, b.service));
  if (verb === 'stop') sorted.reverse();
  const places: Candidate[][] = [];
  for (const candidate of sorted) {
    const place = places.at(-1);
    const first = place?.[0];
    if (place !== undefined && first !== undefined && comparePlaces(first.service, candidate.service) === 0) {
      place.push(candidate);
    } else {
      places.push([candidate]);
    }
  }
  return places;
}

function whyStep(verb: Verb, isIncomplete: boolean): string {
  const wish = verb === 'start' ? 'services are enabled' : 'services are disabled';
  if (isIncomplete) return `${wish} and its last run was not completed`;
  return `${wish} and it is ${verb === 'start' ? 'stopped' : 'running'}`;
}

/** For people: it is to be started or stopped, and too many others are just now. */
export function whyInTurn(verb: Verb): string {
  return `its ${verb} waits for its turn`;
}

/** No time in it: a message that changes at each look would be news at each look (I7). */
function whyBackedOff(verb: Verb, attempts: number): string {
  return attempts === 0
    ? `its ${verb} has only just returned`
    : `its ${verb} failed ${attempts === 1 ? 'once' : `${attempts} times in a row`} and is backed off`;
}

function waiting(target: string, reason: string, message: string): Blocked {
  return { target, reason, message };
}
