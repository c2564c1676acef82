// Plans what a manifest changes of a host, applied by hand or standing in the manifests folder, and what becomes of a host that no file declares any more.
// Pure functions.
import { LockstepError } from '../desired-state/errors.ts';
import { ANNOTATIONS, type Labels, sameSpec } from '../desired-state/host.ts';
import type { Manifest } from '../desired-state/manifest.ts';
import type { HostRecord } from '../desired-state/store/store.ts';
import {
  describeOrigin,
  eventOf,
  noRecord,
  type Origin,
  type PlannedWrite,
  planWrite,
  refuseDeclaredByFile,
  writeOf,
} from './spec-change.ts';

type Annotations = Readonly<Record<string, string>>;

export interface Application {
  readonly manifest: Manifest;
  /** The file of the manifests folder that it stands in: it then is the truth for the host. Undefined: somebody applies it by hand. */
  readonly file?: string | undefined;
  /**
   * Somebody says so now (an apply, a file that was edited), rather than a file being read again: only that gets even the same wish through to an agent
   * that is ahead of this store.
   */
  readonly isExplicit: boolean;
}

/** Annotations with this prefix are Lockstep's own. */
export const OWN_PREFIX = 'lockstep/';
/** The longest actor of an event, in characters. */
const MAX_ACTOR = 256;

/**
 * The write that makes the host as its manifest says, or undefined when it is so.
 * @throws LockstepError `Conflict` when it is applied by hand and the host is at another generation than the manifest's; `Refused` when it is applied by
 *   hand, would change something, and a file of the manifests folder declares the host.
 */
export function planApply(
  record: HostRecord | undefined,
  { manifest, file, isExplicit }: Application,
  origin: Origin,
  nowIso: string,
): PlannedWrite | undefined {
  const { name, generation } = manifest.metadata;
  const isNew = record === undefined || record.deleted;
  const current = isNew ? { ...noRecord(name), ...record, labels: {}, annotations: {} } : record;
  if (file === undefined) checkGeneration(name, generation, record);
  const why = {
    network: origin.network,
    actor: file === undefined ? origin.actor : `manifest ${file}`.slice(0, MAX_ACTOR),
    reason: origin.reason ?? manifest.metadata.annotations?.[ANNOTATIONS.reason],
  };
  const labels = manifest.metadata.labels ?? current.labels;
  const annotations = annotationsAfter(current.annotations, manifest, file);
  const { spec } = manifest;
  const sameState = !isNew && sameSpec(spec, current.spec);
  const sameMetadata = isSame(labels, current.labels) && isSame(annotations, current.annotations);
  const renumber = sameState && isExplicit && current.reportedGeneration > current.generation;
  if (sameState && sameMetadata && !renumber) return undefined;
  if (file === undefined && !(sameState && sameMetadata)) refuseDeclaredByFile(current);
  if (sameState && !renumber) {
    const message = `labels or annotations changed ${describeOrigin(why)}`;
    return {
      write: writeOf(current, { spec, labels, annotations }),
      event: eventOf(name, 'Relabelled', message, current.generation, why, nowIso),
    };
  }
  return planWrite(current, isNew ? 'Declared' : eventReason(current, manifest), why, nowIso, {
    spec,
    labels,
    annotations,
    renumber,
  });
}

/** The write after which no file declares the host; it is left as it is. Undefined when none did. */
export function planRelease(
  record: HostRecord | undefined,
  origin: Origin,
  nowIso: string,
): PlannedWrite | undefined {
  const { [ANNOTATIONS.manifest]: file, ...annotations } = record?.annotations ?? {};
  if (record === undefined || record.deleted || file === undefined) return undefined;
  const { name, spec, labels, generation } = record;
  // Whether the file is gone, says something else now or is not followed any more: it comes to the same.
  const message = `no longer held by ${file}: left as it is, and changed by hand again`;
  return {
    write: writeOf(record, { spec, labels, annotations }),
    event: eventOf(name, 'Released', message, generation, origin, nowIso),
  };
}

function checkGeneration(name: string, wanted: number | undefined, record: HostRecord | undefined): void {
  const isThere = record !== undefined && !record.deleted;
  if (wanted === undefined || (isThere && wanted === record.generation)) return;
  const events = `\`lockstep events ${name}\``;
  let found = 'no such host: leave it out to declare one, or correct metadata.name';
  if (isThere) {
    found = `generation ${record.generation}: ${events} says what changed; take over its generation, or leave it out`;
  } else if (record !== undefined) {
    found = `no such host, for it was deleted: ${events} says by whom; leave it out to declare it anew`;
  }
  throw new LockstepError(
    'Conflict',
    `host ${name}: metadata.generation: expected the host at generation ${wanted}, found ${found}`,
  );
}

/**
 * Lockstep's own stay, but for the reason that the manifest itself gives; of the others the manifest has all, if it speaks of them. A reason said beside it
 * (--reason) belongs to the change of the spec that it brings, and to nothing that is so already.
 */
function annotationsAfter(
  before: Annotations,
  { metadata }: Manifest,
  file: string | undefined,
): Annotations {
  const isOwn = ([key]: [string, string]) => key.startsWith(OWN_PREFIX);
  const own = Object.entries(before).filter(isOwn);
  const others = Object.entries(metadata.annotations ?? before).filter((entry) => !isOwn(entry));
  const reason = metadata.annotations?.[ANNOTATIONS.reason];
  return {
    ...Object.fromEntries([...own, ...others]),
    ...(reason === undefined ? {} : { [ANNOTATIONS.reason]: reason }),
    ...(file === undefined ? {} : { [ANNOTATIONS.manifest]: file }),
  };
}

function eventReason(current: HostRecord, { spec }: Manifest): string {
  if (spec.locked !== current.spec.locked || sameSpec(spec, current.spec)) {
    return spec.locked ? 'Locked' : 'Unlocked';
  }
  return spec.servicesEnabled ? 'ServicesEnabled' : 'ServicesDisabled';
}

function isSame(a: Labels, b: Labels): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
