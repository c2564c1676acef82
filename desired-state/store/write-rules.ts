// What a write to the store means, for every adapter: which writes are refused, which generation follows, which events stay.
// Pure functions: no I/O, no state.
import { z } from 'zod';
import { LockstepError } from '../errors.ts';
import { eventSchema, type HostEvent } from '../events.ts';
import { generationAbove, generationSchema } from '../generation.ts';
import {
  annotationsSchema,
  hostNameSchema,
  labelsSchema,
  sameSpec,
  specSchema,
  statusSchema,
} from '../host.ts';
import { parseOrThrow } from '../parse.ts';
import {
  type Fence,
  type HostRecord,
  MAX_EVENTS_PER_HOST,
  MAX_HOSTS_PER_WRITE,
  type SpecWrite,
  type StatusWrite,
} from './store.ts';

const specWriteSchema = z.object({
  name: hostNameSchema,
  expectedSpecRevision: z.int().min(0),
  spec: specSchema,
  labels: labelsSchema,
  annotations: annotationsSchema,
  deleted: z.boolean(),
  generationFloor: generationSchema.default(0),
  renumber: z.boolean().default(false),
});
type CheckedSpecWrite = z.infer<typeof specWriteSchema>;

const statusWriteSchema = z.object({
  name: hostNameSchema,
  status: statusSchema.optional(),
  reportedGeneration: generationSchema.default(0),
});
type CheckedStatusWrite = z.infer<typeof statusWriteSchema>;

/**
 * Copies of the writes, each known to be readable again: what the schemas refuse must not get in, or nobody could read it back.
 * @throws LockstepError `Invalid` for 0 or over 128 hosts, the same host twice, or a value that its schema refuses.
 */
export function checkSpecWrites(writes: readonly SpecWrite[]): readonly CheckedSpecWrite[] {
  checkBatch(writes);
  return parseOrThrow(z.array(specWriteSchema), writes, 'specs to store');
}

/** As checkSpecWrites, for statuses. @throws LockstepError `Invalid`. */
export function checkStatusWrites(writes: readonly StatusWrite[]): readonly CheckedStatusWrite[] {
  checkBatch(writes);
  return parseOrThrow(z.array(statusWriteSchema), writes, 'statuses to store');
}

/** Copies of the events, each known to be readable again. @throws LockstepError `Invalid`. */
export function checkEvents(events: readonly HostEvent[]): readonly HostEvent[] {
  return parseOrThrow(z.array(eventSchema), events, 'events to store');
}

/** How many events a query asks for. @throws LockstepError `Invalid` unless it is a whole number, 0 or more. */
export function checkEventLimit(limit: number): number {
  return parseOrThrow(z.int().min(0), limit, 'limit of events');
}

/**
 * @param token where the fence stands in the store; undefined when nobody ever advanced it.
 * @throws LockstepError `Conflict` when `fence` is given and does not stand there.
 */
export function checkFence(fence: Fence | undefined, token: number | undefined): void {
  if (fence === undefined || fence.token === token) return;
  throw new LockstepError(
    'Conflict',
    `fence ${fence.name}: expected token ${fence.token}, found ${token ?? 'none'}; somebody else took over`,
  );
}

/**
 * The record after `write`, whose revision becomes `revision`.
 * @throws LockstepError `Conflict` when `current` is not what the writer saw, `Invalid` when no generation is left.
 */
export function recordAfterSpecWrite(
  write: CheckedSpecWrite,
  current: HostRecord | undefined,
  revision: number,
): HostRecord {
  const found = current?.specRevision ?? 0;
  if (found !== write.expectedSpecRevision) {
    throw new LockstepError(
      'Conflict',
      `host ${write.name}: expected its spec at revision ${write.expectedSpecRevision}, found ${found}; read it again and retry`,
    );
  }
  return {
    name: write.name,
    generation: generationAfter(write, current),
    labels: write.labels,
    annotations: write.annotations,
    spec: write.spec,
    deleted: write.deleted,
    status: current?.status,
    reportedGeneration: current?.reportedGeneration ?? 0,
    specRevision: revision,
    revision,
  };
}

/**
 * The record after `write`, whose revision becomes `revision`.
 * @throws LockstepError `NotFound` when there is no record, not even a tombstone.
 */
export function recordAfterStatusWrite(
  write: CheckedStatusWrite,
  current: HostRecord | undefined,
  revision: number,
): HostRecord {
  if (current === undefined) {
    throw new LockstepError('NotFound', `host ${write.name}: not found in the store`);
  }
  return {
    ...current,
    status: write.status ?? current.status,
    reportedGeneration: Math.max(current.reportedGeneration, write.reportedGeneration),
    revision,
  };
}

/** A host's events are numbered 1, 2, 3, ...; with `newest` the newest, the first that stays. */
export function firstKeptEvent(newest: number): number {
  return Math.max(1, newest - MAX_EVENTS_PER_HOST + 1);
}

function checkBatch(writes: readonly { readonly name: string }[]): void {
  if (writes.length < 1 || writes.length > MAX_HOSTS_PER_WRITE) {
    throw new LockstepError(
      'Invalid',
      `write to the store: expected 1 to ${MAX_HOSTS_PER_WRITE} hosts, found ${writes.length}`,
    );
  }
  const names = new Set<string>();
  for (const { name } of writes) {
    if (names.has(name)) {
      throw new LockstepError('Invalid', `write to the store: host ${name} stands in it twice`);
    }
    names.add(name);
  }
}

function generationAfter(write: CheckedSpecWrite, current: HostRecord | undefined): number {
  const lifted = current?.deleted === true && !write.deleted;
  const stays = current !== undefined && !lifted && !write.renumber && sameSpec(current.spec, write.spec);
  if (stays) return current.generation;
  const highest = Math.max(current?.generation ?? 0, current?.reportedGeneration ?? 0, write.generationFloor);
  return generationAbove(highest, write.name);
}
