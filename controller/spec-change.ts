// Plans every change that a person makes to a host's spec: what to write, which event tells of it, or why it is refused. Pure functions.
import { findCondition } from '../desired-state/conditions.ts';
import { LockstepError } from '../desired-state/errors.ts';
import type { HostEvent } from '../desired-state/events.ts';
import { MAX_GENERATION } from '../desired-state/generation.ts';
import { ANNOTATIONS, describeSpec, type Labels, type Spec, sameSpec } from '../desired-state/host.ts';
import type { HostRecord, SpecWrite } from '../desired-state/store/store.ts';

/** The spec of a host of which nothing else is said. */
export const LOCKED_SPEC: Spec = { locked: true, servicesEnabled: false };

/** What somebody wants of a host; what is left out stays as it is. */
export interface Wish {
  readonly locked?: boolean;
  readonly servicesEnabled?: boolean;
}

/** Who brought a change, over which network, and why. */
export interface Origin {
  readonly actor: string;
  readonly network: string;
  readonly reason?: string | undefined;
}

export interface Declaration {
  readonly name: string;
  /** Left out: locked for a new host, as it was for a deleted one, as it is for a known one. */
  readonly spec?: Spec | undefined;
  /** Merged into those that the host has, or had when it was deleted. */
  readonly labels?: Labels | undefined;
}

/** One write, and the event that goes with it in the same transaction. */
export interface PlannedWrite {
  readonly write: SpecWrite;
  readonly event: HostEvent;
}

/**
 * The write that makes `wish` so, or undefined when it is, and so is the reason: another one is recorded of what is so already.
 * @throws LockstepError `Refused` when a file of the manifests folder declares the host.
 */
export function planChange(
  record: HostRecord,
  wish: Wish,
  origin: Origin,
  nowIso: string,
): PlannedWrite | undefined {
  const spec: Spec = {
    locked: wish.locked ?? record.spec.locked,
    servicesEnabled: wish.servicesEnabled ?? record.spec.servicesEnabled,
  };
  const same = sameSpec(spec, record.spec);
  // The agent refuses this store's generation: only a new number gets even the same wish through.
  const behind = record.reportedGeneration > record.generation;
  // Saying again what the file says, so that it gets through, contradicts nobody.
  if (!same || !behind) refuseDeclaredByFile(record);
  if (same && !behind) return planReason(record, origin, nowIso);
  return planWrite(record, reasonOfChange(record.spec, spec, wish), origin, nowIso, {
    spec,
    labels: record.labels,
    annotations: record.annotations,
    renumber: behind,
  });
}

/**
 * The write that records why the host is as it is already, or undefined when that is known, or nothing is given. Its generation stays, and its agent is not
 * told: a flag carries the reason of the change that made it.
 */
function planReason(record: HostRecord, origin: Origin, nowIso: string): PlannedWrite | undefined {
  const { name, spec, labels, annotations, generation } = record;
  if (origin.reason === undefined || origin.reason === annotations[ANNOTATIONS.reason]) return undefined;
  return {
    write: writeOf(record, { spec, labels, annotations: stamped(annotations, origin, nowIso) }),
    event: eventOf(name, 'ReasonChanged', describeChange(spec, origin), generation, origin, nowIso),
  };
}

/**
 * The write that `declaration` asks for, or undefined when the host is already so.
 * @throws LockstepError `Conflict` when the host is there with another spec than the declared one; `Refused` when a file of the manifests folder declares it.
 */
export function planDeclare(
  record: HostRecord | undefined,
  declaration: Declaration,
  origin: Origin,
  nowIso: string,
): PlannedWrite | undefined {
  if (record === undefined) {
    return planWrite(noRecord(declaration.name), 'Declared', origin, nowIso, {
      spec: declaration.spec ?? LOCKED_SPEC,
      labels: declaration.labels ?? {},
      annotations: {},
    });
  }
  if (record.deleted) return planReturn(record, declaration, origin, nowIso);
  if (declaration.spec !== undefined && !sameSpec(declaration.spec, record.spec)) {
    // The advice below would be refused in its turn.
    refuseDeclaredByFile(record);
    throw new LockstepError(
      'Conflict',
      `host ${record.name}: declared as ${describeSpec(declaration.spec)}, but it is there as ${describeSpec(record.spec)}; use lock or unlock to change it`,
    );
  }
  const labels = { ...record.labels, ...declaration.labels };
  if (Object.entries(labels).every(([key, value]) => record.labels[key] === value)) return undefined;
  refuseDeclaredByFile(record);
  const { spec, annotations, generation } = record;
  return {
    write: writeOf(record, { spec, labels, annotations }),
    event: eventOf(
      record.name,
      'Relabelled',
      `labels changed ${describeOrigin(origin)}`,
      generation,
      origin,
      nowIso,
    ),
  };
}

/**
 * The write that leaves a tombstone.
 * @throws LockstepError `Refused` while the agent is connected, or may be, unless `force`; and when a file of the manifests folder declares the host.
 */
export function planRemove(record: HostRecord, force: boolean, origin: Origin, nowIso: string): PlannedWrite {
  refuseDeclaredByFile(record);
  const online = findCondition(record.status?.conditions ?? [], 'Online');
  if (!force && online !== undefined && online.status !== 'False') {
    throw new LockstepError(
      'Refused',
      `host ${record.name}: ${online.message}; stop its agent first, or use --force (the agent then keeps what it has)`,
    );
  }
  const { spec, labels, annotations, generation } = record;
  return {
    write: { ...writeOf(record, { spec, labels, annotations }), deleted: true },
    event: eventOf(record.name, 'Deleted', `deleted ${describeOrigin(origin)}`, generation, origin, nowIso),
  };
}

/** A deleted host comes back as it was, but for what is declared of it: its agent may have kept it so all the while, and would stop what runs. */
function planReturn(
  record: HostRecord,
  declaration: Declaration,
  origin: Origin,
  nowIso: string,
): PlannedWrite {
  const { write, event } = planWrite(record, 'Declared', origin, nowIso, {
    spec: declaration.spec ?? record.spec,
    labels: { ...record.labels, ...declaration.labels },
    annotations: record.annotations,
  });
  if (declaration.spec !== undefined) return { write, event };
  return { write, event: { ...event, message: `brought back as it was: ${event.message}` } };
}

interface NewState {
  readonly spec: Spec;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly generationFloor?: number;
  readonly renumber?: boolean;
}

/** A write with a new generation, stamped with who, when and why, and its event. */
export function planWrite(
  record: HostRecord,
  eventReason: string,
  origin: Origin,
  nowIso: string,
  next: NewState,
): PlannedWrite {
  const annotations = stamped(next.annotations, origin, nowIso);
  // The store's own rule (SpecWrite). An agent's report between our read and the write can raise the number: the event then names a lower one.
  const highest = Math.max(record.generation, record.reportedGeneration, next.generationFloor ?? 0);
  // Where no number is left the store says so.
  const generation = Math.min(highest + 1, MAX_GENERATION);
  const message = describeChange(next.spec, origin);
  return {
    write: writeOf(record, { ...next, annotations }),
    event: eventOf(record.name, eventReason, message, generation, origin, nowIso),
  };
}

/** `annotations` with who, when and why; a reason that was there before is gone. */
function stamped(
  annotations: NewState['annotations'],
  origin: Origin,
  nowIso: string,
): NewState['annotations'] {
  const { [ANNOTATIONS.reason]: _gone, ...kept } = annotations;
  return {
    ...kept,
    [ANNOTATIONS.changedBy]: origin.actor,
    [ANNOTATIONS.changedAt]: nowIso,
    ...(origin.reason === undefined ? {} : { [ANNOTATIONS.reason]: origin.reason }),
  };
}

/** The record of a host that the store has never heard of: nothing at revision 0. */
export function noRecord(name: string): HostRecord {
  return {
    name,
    generation: 0,
    labels: {},
    annotations: {},
    spec: LOCKED_SPEC,
    deleted: false,
    status: undefined,
    reportedGeneration: 0,
    specRevision: 0,
    revision: 0,
  };
}

/** @throws LockstepError `Refused`, naming the file that is the truth for the host. */
export function refuseDeclaredByFile({ name, annotations }: HostRecord): void {
  const file = annotations[ANNOTATIONS.manifest];
  if (file === undefined) return;
  throw new LockstepError(
    'Refused',
    `host ${name}: ${file} in the manifests folder declares it: change it there, or take it out of the file first`,
  );
}

export function writeOf(record: HostRecord, next: NewState): SpecWrite {
  return { name: record.name, expectedSpecRevision: record.specRevision, deleted: false, ...next };
}

export function eventOf(
  host: string,
  reason: string,
  message: string,
  generation: number,
  origin: Origin,
  at: string,
): HostEvent {
  return {
    host,
    type: 'Normal',
    reason,
    message,
    generation,
    at,
    firstAt: at,
    count: 1,
    actor: origin.actor,
  };
}

function reasonOfChange(before: Spec, after: Spec, wish: Wish): string {
  const locking = before.locked !== after.locked || (sameSpec(before, after) && wish.locked !== undefined);
  if (locking) return after.locked ? 'Locked' : 'Unlocked';
  return after.servicesEnabled ? 'ServicesEnabled' : 'ServicesDisabled';
}

function describeChange(spec: Spec, origin: Origin): string {
  return `${describeSpec(spec)}; ${describeOrigin(origin)}`;
}

export function describeOrigin({ actor, network, reason }: Origin): string {
  return `by ${actor} over ${network}${reason === undefined ? '' : `: ${reason}`}`;
}
