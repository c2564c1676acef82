// The bodies, queries and answers of the HTTP API under /v1, for both of its ends. Bodies refuse unknown fields: they are typing mistakes.
import { z } from 'zod';
import { NO_HOST } from '../../desired-state/events.ts';
import { generationSchema } from '../../desired-state/generation.ts';
import {
  API_VERSION,
  hostNameSchema,
  labelsSchema,
  reasonSchema,
  specSchema,
} from '../../desired-state/host.ts';
import { manifestSchema } from '../../desired-state/manifest.ts';

/** Who asks, percent-encoded UTF-8. Whoever can open the socket may say what they like: it is 0600. */
export const ACTOR_HEADER = 'lockstep-actor';

/** Names in one request at most. */
const MAX_NAMES = 10_000;
/** Events in one answer at most, and when nothing is said. */
const MAX_EVENTS = 10_000;
const DEFAULT_EVENTS = 100;

export const declareBodySchema = z.strictObject({
  name: hostNameSchema,
  spec: specSchema
    .optional()
    .describe(
      'Left out: locked, services disabled for a new host; as it was for one that was deleted; unchanged for a known one.',
    ),
  labels: labelsSchema
    .optional()
    .describe('Merged into those that the host has, or had when it was deleted.'),
});
export type DeclareBody = z.infer<typeof declareBodySchema>;

const whySchema = reasonSchema
  .min(1)
  .optional()
  .describe('Why: it goes with the change into events and annotations.');

const targetShape = {
  names: z.array(hostNameSchema).min(1).max(MAX_NAMES).optional().describe('The hosts of these names.'),
  labelSelector: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe('The hosts that have all of these labels: `key=value[,key=value...]`.'),
  all: z.literal(true).optional().describe('Every host.'),
  reason: whySchema,
};

function sayWhich(body: { names?: unknown; labelSelector?: unknown; all?: unknown }): boolean {
  return [body.names, body.labelSelector, body.all].filter((target) => target !== undefined).length === 1;
}
const ONE_TARGET = 'expected exactly one of names, labelSelector and all';
/** The same in JSON Schema's words, for the OpenAPI document. */
const ONE_TARGET_META = {
  oneOf: [{ required: ['names'] }, { required: ['labelSelector'] }, { required: ['all'] }],
};

/** enable-services and disable-services. */
export const servicesBodySchema = z
  .strictObject(targetShape)
  .refine(sayWhich, ONE_TARGET)
  .meta(ONE_TARGET_META);
/** lock and unlock. */
export const lockBodySchema = z
  .strictObject({
    ...targetShape,
    keepServices: z.boolean().optional().describe('true: servicesEnabled stays as it is.'),
  })
  .refine(sayWhich, ONE_TARGET)
  .meta(ONE_TARGET_META);
export type LockBody = z.infer<typeof lockBodySchema>;

/** What `lockstep apply` puts for each host. */
export const applyBodySchema = z.strictObject({
  manifest: manifestSchema,
  reason: whySchema,
});
export type ApplyBody = z.infer<typeof applyBodySchema>;

export const nameParamsSchema = z.object({ name: hostNameSchema.describe('The host.') });

const flagSchema = z
  .enum(['true', 'false', ''])
  .transform((text) => text !== 'false')
  .pipe(z.boolean());
export const removeQuerySchema = z.strictObject({
  force: flagSchema.optional().describe('Delete it even while its agent is, or may be, connected.'),
});

const selectorSchema = z
  .string()
  .min(1)
  .optional()
  .describe('Only hosts that have all of these labels: `key=value[,key=value...]`.');
export const listQuerySchema = z.strictObject({ labelSelector: selectorSchema });

export const watchQuerySchema = z.strictObject({
  names: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(hostNameSchema))
    .optional()
    .describe('Only these hosts; the names between commas.'),
  labelSelector: selectorSchema,
});

export const eventsQuerySchema = z.strictObject({
  host: z
    .union([hostNameSchema, z.literal(NO_HOST)], {
      error: `expected an RFC 1123 label, or ${NO_HOST}`,
    })
    .optional()
    .describe(`Only events of this host; ${NO_HOST}: those about the controller itself.`),
  limit: z
    .string()
    .regex(/^\d+$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_EVENTS))
    .default(DEFAULT_EVENTS)
    .describe('Events at most; of more only the newest are told.'),
});

/** Kubernetes' words. */
export const columnDefinitionSchema = z.object({
  name: z.string().describe('Its heading.'),
  type: z
    .string()
    .describe(
      'string, or date: RFC 3339, shown as how long ago that is; other text in it is shown as it is.',
    ),
  description: z.string().describe('What it says.'),
  priority: z
    .int()
    .min(0)
    .describe(
      'Columns above 0 are shown only in a wide table, and there in the place of those below that have the same name.',
    ),
});
export type ColumnDefinition = z.infer<typeof columnDefinitionSchema>;

/** What is to be shown of each item of a list, as text: for people, through a program that knows nothing about the items. */
export const tableSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Table'),
  columnDefinitions: z.array(columnDefinitionSchema).describe('In the order of the cells.'),
  rows: z.array(z.object({ cells: z.array(z.string()).describe('One for each column, in the same order.') })),
});
export type Table = z.infer<typeof tableSchema>;

export const changeSchema = z.object({
  name: hostNameSchema,
  outcome: z
    .enum(['declared', 'changed', 'relabelled', 'unchanged'])
    .describe('relabelled: its labels or annotations changed, the reason say, its spec did not.'),
  generation: generationSchema,
  spec: specSchema,
});
export type Change = z.infer<typeof changeSchema>;

export const changeListSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('ChangeList'),
  items: z.array(changeSchema),
});

/** What an agent would do now, step by step, and what is held; both as sentences. */
export const hostPlanSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Plan'),
  host: hostNameSchema,
  steps: z.array(z.string()).describe('What it would do, in order.'),
  blocked: z.array(z.string()).describe('What it would do if nothing held it, and what holds it.'),
});
export type HostPlan = z.infer<typeof hostPlanSchema>;

/**
 * A file of the manifests folder. Applied: the hosts that it declares are as it says; Refused: `message` says why, and the hosts that it declared when it was
 * last good stay as they are; Pending: not dealt with yet, or the store did not take it, which is tried again.
 */
export const manifestFileSchema = z.object({
  /** From the folder, with slashes. */
  file: z.string(),
  state: z.enum(['Applied', 'Refused', 'Pending']),
  message: z.string(),
  /** Those that it declares; of a file that can't be read, those that it declared when it was last good. */
  hosts: z.array(hostNameSchema),
  /** When it came to be in this state. */
  since: z.iso.datetime(),
});
export type ManifestFile = z.infer<typeof manifestFileSchema>;

/** `folder` null: the controller has no manifests folder. `message`: what is wrong with the folder itself; empty when nothing is. */
export const manifestFileListSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('ManifestFileList'),
  folder: z.string().nullable(),
  message: z.string(),
  items: z.array(manifestFileSchema),
});
export type ManifestFileList = z.infer<typeof manifestFileListSchema>;

/** A host that is gone, as a watch tells it. */
export const goneSchema = z.object({ name: hostNameSchema });

/** A watch has told all that was there when it began. */
export const syncedSchema = z.object({});

/** Why a stream ends, where its client did not end it. */
export const streamErrorSchema = z.object({ detail: z.string() });

export const okSchema = z.object({ status: z.literal('ok') });

/** An OpenAPI document, as far as its clients must know it beforehand. */
export const openApiSchema = z.looseObject({ openapi: z.literal('3.1.0') });
export type OpenApiDocument = z.infer<typeof openApiSchema>;

/** RFC 9457 problem details; `code` is Lockstep's own, and decides the CLI's exit code. */
export const problemSchema = z.object({
  type: z.string().describe('`urn:lockstep:problem:` and the code.'),
  title: z.string().describe('What the code means.'),
  status: z.int().describe('The HTTP status.'),
  detail: z.string().describe('What was expected, what was found, and what to do.'),
  code: z
    .enum(['Failed', 'Unavailable', 'Usage', 'TimedOut', 'Invalid', 'Refused', 'NotFound', 'Conflict'])
    .describe('What to do about it, for programs.'),
});
export type Problem = z.infer<typeof problemSchema>;
