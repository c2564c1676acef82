// What lies in a folder of scripts: which files are scripts to run, which are passed over and why, and who could have written them.
// It reads folders and attributes only, never a content, and runs nothing.
import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, LockstepError, messageOf } from '../../../desired-state/errors.ts';
import type { Role } from '../../../desired-state/host.ts';
import type { Service, Skipped } from '../../../reconcilers/services/service-driver.ts';

export interface ScriptFile {
  /** Its file name, prefix included. */
  readonly name: string;
  readonly path: string;
  /** Changes whenever the file's content or attributes do. */
  readonly stamp: string;
}

/** What is no script to run, and why. */
export interface PassedOver extends Omit<Skipped, 'name'> {
  readonly path: string;
}

/** Both in the order of their names. */
export interface ScriptFolder {
  readonly scripts: readonly ScriptFile[];
  readonly skipped: readonly PassedOver[];
  /** False: there may be more, which was not looked at. */
  readonly isWhole: boolean;
}

export interface ScriptSet extends ScriptFolder {
  readonly set: Role;
}

type Entry =
  | { readonly kind: 'script'; readonly script: ScriptFile }
  | { readonly kind: 'skipped'; readonly skipped: PassedOver }
  | { readonly kind: 'gone' };

/** As many services as a status report holds; what lies beyond is passed over. */
const MAX_ENTRIES = 4_096;
/** Entries looked at at once: libuv has four threads for files, and one that hangs (NFS) keeps its thread. The flags need the others. */
const LOOKED_AT_ONCE = 2;
/** Room for what is appended to the name of a script's record: NAME_MAX is 255. */
const MAX_NAME_BYTES = 200;

/** Files that editors and package managers leave beside the real one. */
const LEFTOVER = /^#.*#$|~$|\.(bak|orig|swp|swo)$|\.dpkg-[^.]+$|\.rpm[^.]*$/;

export interface SetsListing {
  readonly sets: readonly ScriptSet[];
  readonly skipped: readonly PassedOver[];
}

/**
 * The sets of `roles` below `servicesDir`, in the roles' order, and all that was passed over. A missing folder holds no services. Never throws: a folder that
 * can't be read is passed over as a whole, which is not the same as no services.
 */
export async function listSets(servicesDir: string, roles: readonly Role[]): Promise<SetsListing> {
  const unsafe = await whyNotListed(servicesDir);
  if (unsafe !== undefined) return listNone(roles, unsafe);
  const sets: ScriptSet[] = [];
  for (const set of roles) sets.push({ set, ...(await listSet(join(servicesDir, set))) });
  return { sets, skipped: sets.flatMap((set) => set.skipped) };
}

/** Where the folder of all sets is passed over. */
export function listNone(roles: readonly Role[], skipped: PassedOver): SetsListing {
  return {
    sets: roles.map((set) => ({ set, scripts: [], skipped: [], isWhole: false })),
    skipped: [skipped],
  };
}

/** @param reason why nothing is known of what lies in the folder. */
export function passOverFolder(path: string, reason: string): PassedOver {
  return { path, reason, unsafe: false, hidesServices: true };
}

/**
 * The scripts of one folder. A missing folder holds none; an unsafe one is passed over as a whole.
 * @throws LockstepError `Failed` when it can't be read.
 */
export async function listScripts(folder: string): Promise<ScriptFolder> {
  const unsafe = await whyUnsafeFolder(folder);
  if (unsafe !== undefined) {
    const skipped = { path: folder, reason: unsafe, unsafe: true, hidesServices: true };
    return { scripts: [], skipped: [skipped], isWhole: false };
  }
  const names = await listNames(folder);
  const entries: Entry[] = [];
  for (let from = 0; from < Math.min(names.length, MAX_ENTRIES); from += LOOKED_AT_ONCE) {
    const batch = names.slice(from, Math.min(from + LOOKED_AT_ONCE, MAX_ENTRIES));
    entries.push(...(await Promise.all(batch.map((name) => lookAtScript(join(folder, name))))));
  }
  const skipped = entries.flatMap((entry) => (entry.kind === 'skipped' ? [entry.skipped] : []));
  const isWhole = names.length <= MAX_ENTRIES;
  if (!isWhole) {
    const reason = `it holds ${names.length} entries: those after the first ${MAX_ENTRIES} are passed over`;
    skipped.push(passOverFolder(folder, reason));
  }
  const scripts = entries.flatMap((entry) => (entry.kind === 'script' ? [entry.script] : []));
  return { scripts, skipped, isWhole };
}

/** What stands at `path`: a script to run, or why not. Never throws: what can't be looked at is passed over as unsafe, so that it is reported. */
export async function lookAtScript(path: string): Promise<Entry> {
  const skip = (reason: string, unsafe = false): Entry => ({
    kind: 'skipped',
    skipped: { path, reason, unsafe },
  });
  const name = basename(path);
  const whyNotName = whyNoScriptName(name);
  if (whyNotName !== undefined) return skip(whyNotName);
  try {
    const { stats, isLink } = await statEntry(path);
    if (stats === undefined) return isLink ? skip('it is a link to nothing') : { kind: 'gone' };
    const whyNot = whyNoScript(stats);
    if (whyNot !== undefined) return skip(whyNot);
    const unsafe = whyUnsafe(stats, effectiveUser()) ?? (isLink ? await whyUnsafeTarget(path) : undefined);
    if (unsafe !== undefined) return skip(unsafe, true);
    const { dev, ino, size, mtimeMs, ctimeMs } = stats;
    return {
      kind: 'script',
      script: { name, path, stamp: `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}` },
    };
  } catch (error) {
    return skip(`it can't be looked at: ${messageOf(error)}`, true);
  }
}

/** Why others than root and this user could have written a file or folder, or undefined. */
export function whyUnsafe(stats: Pick<Stats, 'uid' | 'mode'>, user: number): string | undefined {
  if (stats.uid !== 0 && stats.uid !== user) return `user ${stats.uid} owns it and could have written it`;
  if ((stats.mode & 0o022) === 0) return undefined;
  return `others than its owner can write it (mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')})`;
}

/** The service that a script in `set` is. */
export function serviceOf(set: Role, name: string): Service {
  const prefix = /^(\d\d)-/.exec(name);
  return { id: `${set}/${name}`, name, set, group: prefix === null ? null : Number(prefix[1]) };
}

function whyNoScriptName(name: string): string | undefined {
  if (name.startsWith('.')) return 'its name begins with a dot';
  if (LEFTOVER.test(name)) return 'its name is that of a backup or leftover';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its name is longer than ${MAX_NAME_BYTES} bytes`;
  // U+FFFD stands for bytes that are no UTF-8: such a name can't be given back to the kernel.
  if (/[\p{Cc}\uFFFD]/u.test(name)) return 'its name holds characters that are not printable';
  return undefined;
}

function whyNoScript(stats: Stats): string | undefined {
  if (stats.isDirectory()) return 'it is a folder';
  if (!stats.isFile()) return 'it is no regular file';
  return (stats.mode & 0o111) === 0 ? 'it is not executable' : undefined;
}

async function whyNotListed(folder: string): Promise<PassedOver | undefined> {
  try {
    const reason = await whyUnsafeFolder(folder);
    return reason === undefined ? undefined : { path: folder, reason, unsafe: true, hidesServices: true };
  } catch (error) {
    return passOverFolder(folder, messageOf(error));
  }
}

async function listSet(folder: string): Promise<ScriptFolder> {
  try {
    return await listScripts(folder);
  } catch (error) {
    return { scripts: [], skipped: [passOverFolder(folder, messageOf(error))], isWhole: false };
  }
}

async function whyUnsafeFolder(folder: string): Promise<string | undefined> {
  try {
    return whyUnsafe(await stat(folder), effectiveUser());
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw unreadable(folder, cause);
  }
}

/** Who can write the folder that a link leads into can put another file in the place of its target. */
async function whyUnsafeTarget(path: string): Promise<string | undefined> {
  const folder = dirname(await realpath(path));
  const why = await whyUnsafeFolder(folder);
  return why === undefined ? undefined : `it is a link into ${folder}: ${why}`;
}

async function listNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw unreadable(folder, cause);
  }
}

/** A link's target, a file's own attributes; `stats` undefined: there is none. */
async function statEntry(path: string): Promise<{ stats: Stats | undefined; isLink: boolean }> {
  const own = await statOrAbsent(lstat(path));
  if (own === undefined || !own.isSymbolicLink()) return { stats: own, isLink: false };
  return { stats: await statOrAbsent(stat(path)), isLink: true };
}

async function statOrAbsent(looking: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function unreadable(folder: string, cause: unknown): LockstepError {
  return new LockstepError('Failed', `${folder}: expected a folder of scripts, found ${messageOf(cause)}`, {
    cause,
  });
}

function effectiveUser(): number {
  return process.geteuid?.() ?? 0;
}
