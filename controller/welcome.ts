// Plans what a host's hello means for the store: known, adopted, registered or refused (design.md, "The resource"). Pure.
import { LockstepError } from '../desired-state/errors.ts';
import { describeSpec, type Spec, sameSpec } from '../desired-state/host.ts';
import type { HostRecord } from '../desired-state/store/store.ts';
import type { Hello, Remembered } from '../desired-state/wire.ts';
import { LOCKED_SPEC, noRecord, type PlannedWrite, planWrite } from './spec-change.ts';

export type Welcome =
  /** The store knows the host. `disagreement`: the agent holds another spec under the same generation. */
  | { readonly kind: 'known'; readonly reportedGeneration: number; readonly disagreement?: string }
  /** The host was deleted, and its agent keeps what it has. */
  | { readonly kind: 'refused'; readonly reportedGeneration: number; readonly error: LockstepError }
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
  if (record.deleted) return { kind: 'refused', reportedGeneration, error: deleted(host) };
  if (disagrees(record, remembers)) {
    return {
      kind: 'known',
      // One above what both call theirs: the agent refuses this generation, so the next explicit change must not repeat it.
      reportedGeneration: reportedGeneration + 1,
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

function disagrees(
  record: HostRecord,
  remembers: Remembered | null,
): remembers is { readonly generation: number; readonly spec: Spec } {
  if (remembers === null || remembers.spec === null) return false;
  return remembers.generation === record.generation && !sameSpec(remembers.spec, record.spec);
}

function deleted(host: string): LockstepError {
  return new LockstepError(
    'Refused',
    `host ${host} was deleted from this controller: run \`lockstep declare ${host}\` to bring it back`,
  );
}
