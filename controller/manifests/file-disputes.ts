// Which well-formed manifest files are refused because of other files: two that declare one host, and one that declares a host of a file that is itself
// refused, whose hosts keep their last good state. Pure.
import { cutSentence, type FileReading } from './file-reading.ts';

export interface FileDispute {
  readonly verdict: 'refused' | 'pending';
  /** A sentence that names the file, the other ones and the hosts. */
  readonly reason: string;
}

/** `reading`: the file or folder that now speaks for the one that the store names. */
type Holders = ReadonlyMap<string, { readonly owner: string; readonly reading: string | undefined }>;

/** Hosts named in one message at most; the rest is counted. */
const MAX_NAMED = 5;
const MAX_FILES_NAMED = 3;

/** The disputes by file. @param holders the file that the store says is the truth for a host. */
export function settleDisputes(
  readings: readonly FileReading[],
  holders: Holders,
): ReadonlyMap<string, FileDispute> {
  const declarers = declarersOf(readings);
  const objections = new Map<string, Objections>();
  const reached = new Set<string>();
  for (const [host, files] of declarers) {
    if (files.length === 1) continue;
    for (const file of files) {
      reached.add(file);
      const others = files.filter((other) => other !== file);
      objectionsOf(objections, file, 'refused').hosts.set(host, `${host} in ${someOf(others)} too`);
    }
  }
  const disputed = disputedHosts(declarers, holders);
  const refused = readings.filter(({ kind }) => kind === 'refused').map(({ file }) => file);
  spread('refused', [...refused, ...reached], disputed, objections);
  const pending = readings.filter(({ kind }) => kind === 'pending').map(({ file }) => file);
  spread('pending', pending, disputed, objections);
  return new Map([...objections].map(([file, found]) => [file, disputeOf(file, found)]));
}

interface Objections {
  readonly verdict: FileDispute['verdict'];
  /** By host: what is said of it. */
  readonly hosts: Map<string, string>;
}

/** A host that a file declares and that is another one's. */
interface DisputedHost {
  readonly host: string;
  readonly declarer: string;
  readonly owner: string;
}

/** Whoever declares a host of a file that is held up is held up too; and so on, each file once. */
function spread(
  verdict: FileDispute['verdict'],
  from: readonly string[],
  disputed: ReadonlyMap<string, readonly DisputedHost[]>,
  objections: Map<string, Objections>,
): void {
  const next = [...from];
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    for (const { host, declarer, owner } of disputed.get(file) ?? []) {
      const known = objections.get(declarer);
      if (known === undefined) next.push(declarer);
      else if (known.verdict !== verdict) continue;
      const { hosts } = objectionsOf(objections, declarer, verdict);
      if (!hosts.has(host))
        hosts.set(host, `${host}, which ${owner} holds until that is good again or deleted`);
    }
  }
}

/** By the file or folder that speaks for the owner. */
function disputedHosts(
  declarers: ReadonlyMap<string, readonly string[]>,
  holders: Holders,
): ReadonlyMap<string, readonly DisputedHost[]> {
  const disputed = new Map<string, DisputedHost[]>();
  for (const [host, { owner, reading }] of holders) {
    for (const declarer of declarers.get(host) ?? []) {
      if (reading === undefined || declarer === owner) continue;
      const known = disputed.get(reading);
      const found = { host, declarer, owner };
      if (known === undefined) disputed.set(reading, [found]);
      else known.push(found);
    }
  }
  return disputed;
}

function declarersOf(readings: readonly FileReading[]): ReadonlyMap<string, readonly string[]> {
  const declarers = new Map<string, string[]>();
  for (const reading of readings) {
    if (reading.kind !== 'read') continue;
    for (const { metadata } of reading.manifests) {
      const known = declarers.get(metadata.name);
      if (known === undefined) declarers.set(metadata.name, [reading.file]);
      else known.push(reading.file);
    }
  }
  return declarers;
}

function objectionsOf(
  objections: Map<string, Objections>,
  file: string,
  verdict: FileDispute['verdict'],
): Objections {
  const known = objections.get(file) ?? { verdict, hosts: new Map<string, string>() };
  objections.set(file, known);
  return known;
}

function disputeOf(file: string, { verdict, hosts }: Objections): FileDispute {
  // By name: the same dispute is the same sentence, and told once.
  const sorted = [...hosts].sort(([a], [b]) => (a < b ? -1 : 1));
  const named = sorted.slice(0, MAX_NAMED).map(([, why]) => why);
  const rest = sorted.length > MAX_NAMED ? `; and ${sorted.length - MAX_NAMED} more` : '';
  const found = named.join('; ') + rest;
  return {
    verdict,
    reason: cutSentence(`${file}: expected hosts that no other file declares, found ${found}`),
  };
}

function someOf(files: readonly string[]): string {
  const rest = files.length - MAX_FILES_NAMED;
  return files.slice(0, MAX_FILES_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
