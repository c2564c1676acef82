// The text of a manifest file, YAML or JSON, as manifests: for the CLI's apply and diff and for the manifests folder. It reads no file.
import { type Document, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import { API_VERSION } from '../../desired-state/host.ts';
import { type Manifest, manifestSchema } from '../../desired-state/manifest.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';

/** A manifest, and where it stands: `lab.yaml, document 2`, for messages. */
export interface PlacedManifest {
  readonly manifest: Manifest;
  readonly place: string;
}

/** What `get hosts -o yaml` prints. */
export const manifestListSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('HostList'),
  items: z.array(manifestSchema),
});
/** Of one document with its aliases resolved, in characters: more than any file that is read. */
const MAX_SIZE = 33_554_432;
/** Some 4,000 keys in one map, or a tenth of a second. */
const MAX_KEY_COMPARISONS = 10_000_000;
const kindSchema = z.looseObject({ kind: z.enum(['Host', 'HostList']) });

/**
 * The text of a manifest file, without a byte order mark.
 * @throws LockstepError `Invalid` when it is not UTF-8: read as something else, a name could become another one.
 */
export function decodeManifests(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LockstepError('Invalid', `${file}: expected UTF-8 text, found other bytes`, { cause });
  }
}

/**
 * Every manifest of `text`, in order; documents without content are passed over.
 * @param file how messages call the text: its file's name, `standard input`.
 * @throws LockstepError `Invalid` naming file, document, line and path, what was expected and what was found; also for a host that stands in it twice.
 */
export function parseManifests(text: string, file: string): readonly PlacedManifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    // What it would warn of on standard error is in `warnings`, or in a status and does not matter.
    logLevel: 'error',
    uniqueKeys: sameKeys(),
  });
  const found = [...documents].flatMap((document, index) => {
    const place = documents.length === 1 ? file : `${file}, document ${index + 1}`;
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) {
      const { line } = lines.linePos(problem.pos[0]);
      throw new LockstepError(
        'Invalid',
        `${place}, line ${line}: expected YAML, found: ${wordsOf(problem)}`,
        {
          cause: problem,
        },
      );
    }
    return parseDocument(document, place);
  });
  refuseTwice(found);
  return found;
}

/** Are two keys of a map the same? The parser compares each with all before it: 1 MiB of keys in one map would hold up the program for minutes. */
function sameKeys(): (a: unknown, b: unknown) => boolean {
  let left = MAX_KEY_COMPARISONS;
  return (a, b) => {
    left -= 1;
    if (left < 0) throw new Error('maps of too many keys');
    return a === b || (isScalar(a) && isScalar(b) && a.value === b.value);
  };
}

function parseDocument(document: Document, place: string): readonly PlacedManifest[] {
  const json = toJson(document, place);
  if (json === null || json === undefined) return [];
  if (parseOrThrow(kindSchema, json, place).kind === 'Host') {
    return [{ manifest: withoutStatus(parseOrThrow(manifestSchema, json, place)), place }];
  }
  const { items } = parseOrThrow(manifestListSchema, json, place);
  return items.map((item, index) => ({
    manifest: withoutStatus(item),
    place: `${place}, items.${index}`,
  }));
}

/** Aliases are resolved here; too many of them throw, and so do those that lead in a circle or to too much. */
function toJson(document: Document, place: string): unknown {
  try {
    const json: unknown = document.toJS();
    checkJson(json, new Set());
    return json;
  } catch (cause) {
    throw new LockstepError('Invalid', `${place}: expected YAML, found: ${wordsOf(cause)}`, { cause });
  }
}

/**
 * Refuses what the schemas would not see. Resolved aliases are one object in several places: whoever prints or copies it, as an error message does, would meet it each time, or for ever.
 * @param above what `json` stands in; as it was when this returns.
 * @returns how many values and characters `json` has, printed.
 */
function checkJson(json: unknown, above: Set<object>): number {
  if (typeof json === 'string') return json.length;
  if (typeof json !== 'object' || json === null) return 1;
  if (above.has(json)) throw new Error('an alias of what it stands in');
  above.add(json);
  let size = 1;
  for (const [key, value] of Object.entries(json)) {
    // The schemas would pass over it without a word: no object may have such a key, Fastify refuses it in a body, too.
    if (key === '__proto__') throw new Error('the key __proto__, which nothing can be called');
    size += key.length + checkJson(value, above);
    if (size > MAX_SIZE) throw new Error('too much once its aliases are resolved');
  }
  above.delete(json);
  return size;
}

/** The parser's own words, but for what it says when it runs out of stack. */
function wordsOf(problem: unknown): string {
  const words = messageOf(problem);
  return /call stack/i.test(words) ? 'lists or maps too deep inside each other' : words;
}

function withoutStatus({ status: _ignored, ...manifest }: z.infer<typeof manifestSchema>): Manifest {
  return manifest;
}

/** @throws LockstepError `Invalid`, naming both places of a host that stands there twice. */
export function refuseTwice(found: readonly PlacedManifest[]): void {
  const places = new Map<string, string>();
  for (const { manifest, place } of found) {
    const { name } = manifest.metadata;
    const before = places.get(name);
    if (before !== undefined) {
      throw new LockstepError(
        'Invalid',
        `${place}: metadata.name: expected each host once, found ${name} here and in ${before}`,
      );
    }
    places.set(name, place);
  }
}
