// Plans what a host's hello means for the store: known, adopted, registered or refused (design.md, "The resource"). Pure.
import { LockstepError } from '../desired-state/errors.ts';
import { MAX_GENERATION } from '../desired-state/generation.ts';
import { describeSpec, type Spec, sameSpec } from '../desired-state/host.ts';
import type { HostRecord } from '../desired-state/store/store.ts';
import type { Hello, Remembered } from '../desired-state/wire.ts';
import { LOCKED_SPEC, noRecord, type PlannedWrite, planWrite } from './spec-change.ts';

export type Welcome =
  /** The store knows the host. `disagreement`: the agent holds another spec under the same generation. */
  | { readonly kind: 'known'; readonly reportedGeneration: number; readonly disagreement?: string }
  /** The host was deleted, and its agent keeps what it has. `planned`: that is newer than what was deleted, and is what declaring the host brings back. */
  | {
      readonly kind: 'refused';
      readonly reportedGeneration: number;
      readonly planned: PlannedWrite | undefined;
      readonly error: LockstepError;
    }
  | { readonly kind: 'new'; readonly planned: PlannedWrite };

/** @param record what the store has under that name, a tombstone too. */
export function planWelcome(
  record: HostRecord | undefined,
  hello: Hello,
  network: string,
  nowIso: string,
): Welcome {
  const { host, remembers } = hello;
  if (record === undefined || (record.deleted && remembers === null)) {
    return { kind: 'new', planned: planNew(record ?? noRecord(host), remembers, network, nowIso) };
  }
  const reportedGeneration = remembers?.generation ?? 0;
  if (record.deleted) {
    const planned = planKept(record, remembers, network, nowIso);
    const message = deletedMessage({
      name: host,
      generation: planned?.event.generation ?? record.generation,
      spec: planned?.write.spec ?? record.spec,
    });
    return { kind: 'refused', reportedGeneration, planned, error: new LockstepError('Refused', message) };
  }
  if (disagrees(record, remembers)) {
    return {
      kind: 'known',
      // One above what both call theirs: the agent refuses this generation, so the next explicit change must not repeat it.
      reportedGeneration: Math.min(reportedGeneration + 1, MAX_GENERATION),
      disagreement: `generation ${record.generation} is ${describeSpec(remembers.spec)} on the host and ${describeSpec(record.spec)} in the store; the host keeps its own: lock or unlock it to say what it should be`,
    };
  }
  return { kind: 'known', reportedGeneration };
}

function planNew(
  record: HostRecord,
  remembers: Remembered | null,
  network: string,
  nowIso: string,
): PlannedWrite {
  const { labels, annotations } = noRecord(record.name);
  const plan = (eventReason: string, reason: string, spec: Spec, generationFloor: number) =>
    planWrite(record, eventReason, { actor: 'agent', network, reason }, nowIso, {
      spec,
      labels,
      annotations,
      generationFloor,
    });
  if (remembers === null) {
    return plan('Registered', 'a new host is locked until somebody unlocks it', LOCKED_SPEC, 0);
  }
  const { generation, spec } = remembers;
  if (spec === null) {
    return plan('Registered', 'its flag says that it is locked', LOCKED_SPEC, generation);
  }
  return plan('Adopted', 'unknown here, taken as it is', spec, Math.max(generation - 1, 0));
}

/** What the agent of a deleted host is told. `generation`, `spec`: the tombstone's. */
export function deletedMessage({
  name,
  generation,
  spec,
}: Pick<HostRecord, 'name' | 'generation' | 'spec'>): string {
  return `host ${name} was deleted from this controller at generation ${generation}: \`lockstep declare ${name}\` brings it back as it was: ${describeSpec(spec)}`;
}

function disagrees(
  record: HostRecord,
  remembers: Remembered | null,
): remembers is { readonly generation: number; readonly spec: Spec } {
  if (remembers === null || remembers.spec === null) return false;
  return remembers.generation === record.generation && !sameSpec(remembers.spec, record.spec);
}

/**
 * The tombstone as the agent keeps its host, or undefined when it is so, or newer. The agent of a restored store may hold what that store never knew: bringing
 * back what was there before would be a change that nobody asked for.
 */
function planKept(
  record: HostRecord,
  remembers: Remembered | null,
  network: string,
  nowIso: string,
): PlannedWrite | undefined {
  if (remembers === null || remembers.generation < record.generation) return undefined;
  // A flag alone says that the host is locked, and nothing of its services.
  const spec = remembers.spec ?? { ...record.spec, locked: true };
  if (sameSpec(spec, record.spec)) return undefined;
  const reason = 'its agent keeps it so though it was deleted: declaring it brings this back';
  const { write, event } = planWrite(record, 'KeptByAgent', { actor: 'agent', network, reason }, nowIso, {
    spec,
    labels: record.labels,
    annotations: record.annotations,
    generationFloor: Math.max(remembers.generation - 1, 0),
  });
  return { write: { ...write, deleted: true }, event };
}
