// The manifests that -f names: files, folders and standard input, all of them read and parsed before a command does anything. It changes nothing.
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { errnoOf, LockstepError, messageOf } from '../../desired-state/errors.ts';
import type { PlacedManifest } from '../manifests/parse-manifests.ts';
import { oneLine } from './terminal.ts';

/** All inputs together, in bytes: some 10,000 hosts as `get hosts -o json` prints them, or half a minute of parsing. */
const MAX_BYTES = 16_777_216;
/** Entries of folders that are looked at: a slip such as `-R -f /` ends there. */
const MAX_ENTRIES = 100_000;
/** Bad files named in one message; the rest is counted. */
const MAX_NAMED = 10;

const MANIFEST_FILE = /\.(yaml|yml|json)$/;

export interface ManifestOptions {
  readonly filename: readonly string[];
  readonly recursive?: true;
}

export const INPUT_HELP = `
A manifest is a Host as \`get host NAME -o yaml\` prints it; \`lockstep schema\` prints its JSON Schema. A file holds one,
several separated by ---, or a HostList. Of a folder, its *.yaml, *.yml and *.json files are taken, by name, but not
hidden ones. All is read before anything is done: a file that is missing or wrong, a host that is there twice, or no
manifest at all is exit code 4, naming file, document and path. A HostList without items is one of nothing to do.`;

/** Adds -f and -R. */
export function addManifestInputs(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-f, --filename <path...>',
        'a file, a folder, or - for standard input; may be repeated',
      ).makeOptionMandatory(),
    )
    .option('-R, --recursive', "also the folders' folders");
}

/**
 * Every manifest of the inputs, in order, each host once; none only of a HostList that has no items.
 * @param stdin called once, for `-`.
 * @throws LockstepError `Invalid` naming each input that is missing or wrong (the first 10), or the places of a host that is there twice; `Usage` for a second `-`.
 */
export async function readManifests(
  { filename, recursive }: ManifestOptions,
  stdin: () => AsyncIterable<Uint8Array>,
): Promise<readonly PlacedManifest[]> {
  if (filename.filter((path) => path === '-').length > 1) {
    throw new LockstepError('Usage', 'expected -f - once: standard input can be read only once');
  }
  // Loaded on demand: most commands parse no YAML.
  const { decodeManifests, parseManifests, refuseTwice } = await import('../manifests/parse-manifests.ts');
  const budget: Budget = { bytes: MAX_BYTES, entries: MAX_ENTRIES };
  const problems: string[] = [];
  let hasEmptyList = false;
  const files = await collected(filename, (path) => filesOf(path, recursive === true, budget), problems);
  const manifests = await collected(
    files,
    async (path) => {
      const name = path === '-' ? 'standard input' : oneLine(path);
      const bytes = await readBounded(path === '-' ? stdin() : createReadStream(path), name, budget);
      const text = decodeManifests(bytes, name);
      const found = parseManifests(text, name);
      if (found.length === 0) hasEmptyList ||= await hasContent(text);
      return found;
    },
    problems,
  );
  if (problems.length > 0) throw new LockstepError('Invalid', describeProblems(problems));
  if (manifests.length === 0 && !hasEmptyList) throw nothingFound(filename, files.length);
  refuseTwice(manifests);
  return manifests;
}

/** @param text what has no manifest, and nothing wrong with it: each of its documents has no content or is a HostList without items. */
async function hasContent(text: string): Promise<boolean> {
  const { parseAllDocuments } = await import('yaml');
  return [...parseAllDocuments(text, { logLevel: 'error' })].some((document) => document.toJS() !== null);
}

/** What is left of the bounds. */
interface Budget {
  bytes: number;
  entries: number;
}

/** All that `read` finds, one input after the other; what is wrong with one is noted, and holds back no other. */
async function collected<T>(
  inputs: readonly string[],
  read: (input: string) => Promise<readonly T[]>,
  problems: string[],
): Promise<readonly T[]> {
  const all: T[] = [];
  for (const input of inputs) {
    try {
      for (const one of await read(input)) all.push(one);
    } catch (error) {
      if (error instanceof LockstepError && error.code === 'Invalid') problems.push(error.message);
      else if (errnoOf(error) !== undefined) problems.push(describeUnreadable(input, error));
      else throw error;
    }
  }
  return all;
}

/** The files that a value of -f means. */
async function filesOf(path: string, recursive: boolean, budget: Budget): Promise<readonly string[]> {
  if (path === '-' || !(await stat(path)).isDirectory()) return [path];
  const files: string[] = [];
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    budget.entries -= 1;
    if (budget.entries < 0) {
      throw new LockstepError(
        'Invalid',
        `${oneLine(path)}: expected at most ${MAX_ENTRIES} files and folders to look at, found more`,
      );
    }
    if (entry.name.startsWith('.')) continue;
    const child = join(path, entry.name);
    if (entry.isDirectory()) {
      if (recursive) for (const file of await filesOf(child, recursive, budget)) files.push(file);
    } else if (MANIFEST_FILE.test(entry.name) && (await isFile(child))) {
      files.push(child);
    }
  }
  return files;
}

/**
 * A link counts as what it leads to, and as a file where that is missing: reading it then says so.
 * @throws LockstepError `Invalid` for a pipe, socket or device: a folder of manifests has none, and reading it could take for ever.
 */
async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return true;
  if (found.isDirectory()) return false;
  throw new LockstepError('Invalid', `${oneLine(path)}: expected a file, found a pipe, socket or device`);
}

async function readBounded(
  stream: AsyncIterable<Uint8Array>,
  name: string,
  budget: Budget,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    budget.bytes -= chunk.length;
    if (budget.bytes < 0) {
      throw new LockstepError(
        'Invalid',
        `${name}: expected at most ${MAX_BYTES} bytes of manifests in one command, found more: give fewer at a time`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'nothing there',
  ENOTDIR: 'nothing there',
  EACCES: 'one that may not be read (permission denied)',
  ELOOP: 'links that lead in a circle',
};

/** @param input what was asked for; the error may be about something in it. */
function describeUnreadable(input: string, error: unknown): string {
  const path =
    error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : input;
  const found = READ_ERRORS[errnoOf(error) ?? ''] ?? messageOf(error);
  return `${oneLine(path)}: expected a file or a folder, found ${found}`;
}

function describeProblems(problems: readonly string[]): string {
  if (problems.length === 1) return `${problems[0]}`;
  const rest = problems.length - MAX_NAMED;
  const named = problems.slice(0, MAX_NAMED).map((problem) => `\n  ${problem}`);
  const more = rest > 0 ? `\n  and ${rest} more` : '';
  return `${problems.length} of the inputs are wrong, nothing was done:${named.join('')}${more}`;
}

function nothingFound(inputs: readonly string[], files: number): LockstepError {
  const where = inputs.map((path) => (path === '-' ? 'standard input' : oneLine(path))).join(', ');
  const found = files === 0 ? 'no *.yaml, *.yml or *.json file' : 'none';
  return new LockstepError('Invalid', `${where}: expected at least one manifest, found ${found}`);
}
