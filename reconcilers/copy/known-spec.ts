// A desired state as a host knows it, and its form on the host's disk: checksummed, so that a torn or rotten copy is never believed.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { generationSchema } from '../../desired-state/generation.ts';
import { looseSpecSchema, reasonSchema } from '../../desired-state/host.ts';

const knownSpecSchema = z.object({
  generation: generationSchema.min(1),
  spec: looseSpecSchema,
  /** Why, and since when (RFC 3339), as the operator's change said it. */
  reason: reasonSchema.optional(),
  since: z.iso.datetime().optional(),
});
export type KnownSpec = z.infer<typeof knownSpecSchema>;

const copySchema = z.object({ sha256: z.string(), known: z.string() });

/** Do the two say the same in every field? */
export function sameKnownSpec(a: KnownSpec, b: KnownSpec): boolean {
  return serialize(a) === serialize(b);
}

/** The text of one copy: the same for the same content, whatever order its fields came in. */
export function formatCopy(known: KnownSpec): string {
  const text = serialize(known);
  return `${JSON.stringify({ sha256: checksum(text), known: text })}\n`;
}

/** What a copy's text says, or undefined when it is not, to the letter, what {@link formatCopy} wrote. */
export function parseCopy(text: string): KnownSpec | undefined {
  if (!text.endsWith('\n')) return undefined;
  const copy = copySchema.safeParse(parseJson(text));
  if (!copy.success || checksum(copy.data.known) !== copy.data.sha256) return undefined;
  const known = knownSpecSchema.safeParse(parseJson(copy.data.known));
  return known.success ? known.data : undefined;
}

function serialize({ generation, spec, reason, since }: KnownSpec): string {
  const { locked, servicesEnabled } = spec;
  return JSON.stringify({ generation, spec: { locked, servicesEnabled }, reason, since });
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
