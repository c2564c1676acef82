// The text of a manifest file, YAML or JSON, as manifests: for the CLI's apply and diff and for the manifests folder. It reads no file.
import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { LockstepError } from '../../desired-state/errors.ts';
import { API_VERSION } from '../../desired-state/host.ts';
import { type Manifest, manifestSchema } from '../../desired-state/manifest.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';

/** A manifest, and where it stands: `lab.yaml, document 2`, for messages. */
export interface PlacedManifest {
  readonly manifest: Manifest;
  readonly place: string;
}

/** What `get hosts -o yaml` prints. */
const manifestListSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('HostList'),
  items: z.array(manifestSchema),
});
const kindSchema = z.looseObject({ kind: z.enum(['Host', 'HostList']) });

/**
 * Every manifest of `text`, in order; documents without content are passed over.
 * @param file how messages call the text: its file's name, `standard input`.
 * @throws LockstepError `Invalid` naming file, document, line and path, what was expected and what was found; also for a host that stands in it twice.
 */
export function parseManifests(text: string, file: string): readonly PlacedManifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const found = [...documents].flatMap((document, index) => {
    const place = documents.length === 1 ? file : `${file}, document ${index + 1}`;
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) {
      const { line } = lines.linePos(problem.pos[0]);
      throw new LockstepError('Invalid', `${place}, line ${line}: expected YAML, found: ${problem.message}`, {
        cause: problem,
      });
    }
    return parseDocument(document, place);
  });
  refuseTwice(found);
  return found;
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

/** Aliases are resolved here, and too many of them throw. */
function toJson(document: Document, place: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new LockstepError('Invalid', `${place}: expected YAML, found: ${String(cause)}`, { cause });
  }
}

function withoutStatus({ status: _ignored, ...manifest }: z.infer<typeof manifestSchema>): Manifest {
  return manifest;
}

function refuseTwice(found: readonly PlacedManifest[]): void {
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
