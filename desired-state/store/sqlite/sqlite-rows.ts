// Rows of the embedded store, parsed: what was written long ago, or by hand, is not trusted. Pure.
import { z } from 'zod';
import { LockstepError, messageOf } from '../../errors.ts';
import { type StoredEvent, storedEventSchema } from '../../events.ts';
import { generationSchema } from '../../generation.ts';
import { annotationsSchema, hostNameSchema, labelsSchema, specSchema, statusSchema } from '../../host.ts';
import { parseOrThrow } from '../../parse.ts';
import type { HostRecord } from '../store.ts';

/** A text column that holds JSON of `schema`. */
function jsonOf<T>(schema: z.ZodType<T>) {
  return z
    .string()
    .transform((text, ctx): unknown => {
      try {
        return JSON.parse(text);
      } catch (error) {
        ctx.issues.push({ code: 'custom', message: `expected JSON (${messageOf(error)})`, input: text });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

const revisionSchema = z.int().min(1);

const recordRowSchema = z.object({
  name: hostNameSchema,
  generation: generationSchema,
  labels: jsonOf(labelsSchema),
  annotations: jsonOf(annotationsSchema),
  spec: jsonOf(specSchema),
  deleted: z.literal([0, 1]).transform((deleted) => deleted === 1),
  status: jsonOf(statusSchema)
    .nullable()
    .transform((status) => status ?? undefined),
  reportedGeneration: generationSchema,
  specRevision: revisionSchema,
  revision: revisionSchema,
});

/** The columns of a host's row, in the order in which it has them. */
export const RECORD_COLUMNS: readonly string[] = Object.keys(recordRowSchema.shape);

const eventRowSchema = z.object({ id: z.int().min(1), body: jsonOf(z.looseObject({})) });
const numberRowSchema = z.object({ number: z.int().min(0).nullable() });
const ownerSchema = z.looseObject({ name: z.string().optional(), host: z.string().optional() });

/**
 * @param row its values as {@link RECORD_COLUMNS} names them.
 * @throws LockstepError `Failed`, naming the host, when the row is unreadable.
 */
export function parseRecordRow(row: readonly unknown[], path: string): HostRecord {
  const fields = RECORD_COLUMNS.map((column, index): [string, unknown] => [column, row[index]]);
  return parseRow(recordRowSchema, Object.fromEntries(fields), path);
}

/** @throws LockstepError `Failed`, naming the host, when the row is unreadable. */
export function parseEventRow(row: unknown, path: string): StoredEvent {
  const { id, body } = parseRow(eventRowSchema, row, path);
  return parseRow(storedEventSchema, { ...body, id }, path, describeRow(row));
}

/** The column `number` of a row; undefined when there is no row, or nothing in it. @throws LockstepError `Failed`. */
export function parseNumberRow(row: unknown, path: string): number | undefined {
  return row === undefined ? undefined : (parseRow(numberRowSchema, row, path).number ?? undefined);
}

function parseRow<T>(schema: z.ZodType<T>, row: unknown, path: string, what = describeRow(row)): T {
  try {
    return parseOrThrow(schema, row, what);
  } catch (cause) {
    throw new LockstepError(
      'Failed',
      `${path}: a row can't be read: ${messageOf(cause)}. Other hosts are not affected; end the controller and put a backup in place, or mend the row with sqlite3`,
      { cause },
    );
  }
}

function describeRow(row: unknown): string {
  const owner = ownerSchema.safeParse(row).data;
  const host = owner?.name ?? owner?.host;
  return host === undefined ? 'row' : `host ${host}`;
}
