// Plans what the manifests folder asks of the store: which files are taken or refused as a whole, which hosts change, which are released. Pure.
// A file's metadata.generation is ignored: the file is what should be, not a change of it, and would contradict itself after the next edit.
import { ANNOTATIONS } from '../../desired-state/host.ts';
import type { HostRecord } from '../../desired-state/store/store.ts';
import { type Application, planApply } from '../manifest-change.ts';
import type { Origin } from '../spec-change.ts';
import { type FileDispute, settleDisputes } from './file-disputes.ts';
import { type FileReading, foldersAbove } from './file-reading.ts';

/** `accepted`: its hosts become as it says. `refused`, `pending`: all that is its own stays as it is. */
export interface PlannedFile {
  readonly file: string;
  readonly verdict: 'accepted' | 'refused' | 'pending';
  readonly isExplicit: boolean;
  /** A sentence that names the file. */
  readonly reason: string;
  /** Those that it declares; when it can't be read, those that it holds. */
  readonly hosts: readonly string[];
  /** Those for which it is the truth, as the store says: what it declared when it was last good. */
  readonly held: readonly string[];
}

/** A host becomes as the file says. */
export interface ManifestApplication extends Application {
  readonly file: string;
}

interface Release {
  readonly host: string;
  readonly reason: string;
}

export interface ManifestPlan {
  /** By name. */
  readonly files: readonly PlannedFile[];
  /** Only those that change something; in the order of the files. */
  readonly applications: readonly ManifestApplication[];
  readonly releases: readonly Release[];
}

/**
 * @param readings each file and folder once, by name.
 * @param records every host of the store, by its name.
 */
export function planManifests(
  readings: readonly FileReading[],
  records: ReadonlyMap<string, HostRecord>,
  origin: Origin,
  nowIso: string,
): ManifestPlan {
  const holders = holdersOf(readings, records);
  const disputes = settleDisputes(readings, holders);
  const held = groupByHolder(holders);
  const files = readings
    .filter(({ kind }) => kind !== 'gone')
    .map((reading) => planFile(reading, disputes.get(reading.file), held.get(reading.file) ?? []));
  const accepted = new Set(files.filter(({ verdict }) => verdict === 'accepted').map(({ file }) => file));
  const wishes = readings.flatMap((reading) => {
    if (reading.kind !== 'read' || !accepted.has(reading.file)) return [];
    const { file, isExplicit } = reading;
    return reading.manifests.map((manifest): ManifestApplication => ({ manifest, file, isExplicit }));
  });
  const wished = new Set(wishes.map(({ manifest }) => manifest.metadata.name));
  return {
    files,
    applications: wishes.filter((wish) => {
      return planApply(records.get(wish.manifest.metadata.name), wish, origin, nowIso) !== undefined;
    }),
    releases: [...holders].flatMap(([host, { owner, reading }]) => {
      if (wished.has(host)) return [];
      if (reading === undefined) return { host, reason: `${owner} is gone` };
      return accepted.has(reading) ? { host, reason: `${owner} does not declare it any more` } : [];
    }),
  };
}

/** `owner`: the file that the store names; `reading`: the file or folder that speaks for it now. */
interface Holder {
  readonly owner: string;
  readonly reading: string | undefined;
}

/** Of every host that the store says a file declares. */
function holdersOf(
  readings: readonly FileReading[],
  records: ReadonlyMap<string, HostRecord>,
): ReadonlyMap<string, Holder> {
  const known = new Set(readings.map(({ file }) => file));
  const holders = new Map<string, Holder>();
  for (const { name, annotations, deleted } of records.values()) {
    const owner = annotations[ANNOTATIONS.manifest];
    if (owner === undefined || deleted) continue;
    holders.set(name, { owner, reading: [owner, ...foldersAbove(owner)].find((path) => known.has(path)) });
  }
  return holders;
}

function groupByHolder(holders: ReadonlyMap<string, Holder>): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [host, { reading }] of holders) {
    if (reading === undefined) continue;
    const group = groups.get(reading);
    if (group === undefined) groups.set(reading, [host]);
    else group.push(host);
  }
  return groups;
}

function planFile(
  reading: FileReading,
  dispute: FileDispute | undefined,
  held: readonly string[],
): PlannedFile {
  const { file } = reading;
  if (reading.kind !== 'read') {
    const verdict = reading.kind === 'refused' ? 'refused' : 'pending';
    return { file, verdict, isExplicit: false, reason: reading.why, hosts: held, held };
  }
  const hosts = reading.manifests.map(({ metadata }) => metadata.name);
  const { isExplicit } = reading;
  if (dispute !== undefined) return { file, ...dispute, isExplicit, hosts, held };
  return { file, verdict: 'accepted', isExplicit, reason: `${file}: ${describeHosts(hosts)}`, hosts, held };
}

function describeHosts({ length }: readonly string[]): string {
  if (length === 0) return 'it declares no host';
  return length === 1 ? '1 host is as it says' : `${length} hosts are as it says`;
}
