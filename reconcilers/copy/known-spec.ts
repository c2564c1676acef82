// A desired state as a host knows it, and its form on the host's disk: checksummed, so that a torn or rotten copy is never believed.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { generationSchema, looseSpecSchema, reasonSchema } from '../../desired-state/host.ts';

const knownSpecSchema = z.object({
  generation: generationSchema.min(1),
  spec: looseSpecSchema,
  /** Why, and since when (RFC 3339), as the operator's change said it. */
  reason: reasonSchema.optional(),
  since: z.iso.datetime().optional(),
});
export type KnownSpec = z.infer<typeof knownSpecSchema>;

const copySchema = z.object({ sha256: z.string(), known: z.string() });

/** The text of one copy. */
export function formatCopy(known: KnownSpec): string {
  const text = JSON.stringify(known);
  return `${JSON.stringify({ sha256: checksum(text), known: text })}\n`;
}

/** What a copy's text says, or undefined when it is not, to the letter, what {@link formatCopy} wrote. */
export function parseCopy(text: string): KnownSpec | undefined {
  const copy = copySchema.safeParse(parseJson(text));
  if (!copy.success || checksum(copy.data.known) !== copy.data.sha256) return undefined;
  const known = knownSpecSchema.safeParse(parseJson(copy.data.known));
  return known.success ? known.data : undefined;
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
