// The bodies, queries and answers of the HTTP API under /v1, for both of its ends. Bodies refuse unknown fields: they are typing mistakes.
import { z } from 'zod';
import {
  API_VERSION,
  generationSchema,
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
  /** Left out: locked, services disabled for a new host; unchanged for a known one. */
  spec: specSchema.optional(),
  labels: labelsSchema.optional(),
});
export type DeclareBody = z.infer<typeof declareBodySchema>;

const targetShape = {
  names: z.array(hostNameSchema).min(1).max(MAX_NAMES).optional(),
  labelSelector: z.string().min(1).max(4_096).optional(),
  all: z.literal(true).optional(),
  reason: reasonSchema.min(1).optional(),
};

function sayWhich(body: { names?: unknown; labelSelector?: unknown; all?: unknown }): boolean {
  return [body.names, body.labelSelector, body.all].filter((target) => target !== undefined).length === 1;
}
const ONE_TARGET = 'expected exactly one of names, labelSelector and all';

/** enable-services and disable-services. */
export const servicesBodySchema = z.strictObject(targetShape).refine(sayWhich, ONE_TARGET);
/** lock and unlock. `keepServices`: servicesEnabled stays as it is. */
export const lockBodySchema = z
  .strictObject({ ...targetShape, keepServices: z.boolean().optional() })
  .refine(sayWhich, ONE_TARGET);
export type LockBody = z.infer<typeof lockBodySchema>;

/** What `lockstep apply` puts for each host. */
export const applyBodySchema = z.strictObject({
  manifest: manifestSchema,
  reason: reasonSchema.min(1).optional(),
});
export type ApplyBody = z.infer<typeof applyBodySchema>;

export const nameParamsSchema = z.object({ name: hostNameSchema });

const flagSchema = z.enum(['true', 'false', '']).transform((text) => text !== 'false');
export const removeQuerySchema = z.strictObject({ force: flagSchema.optional() });

export const listQuerySchema = z.strictObject({ labelSelector: z.string().min(1).optional() });

/** `names`: comma-separated. */
export const watchQuerySchema = z.strictObject({
  names: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(hostNameSchema))
    .optional(),
  labelSelector: z.string().min(1).optional(),
});

export const eventsQuerySchema = z.strictObject({
  host: hostNameSchema.optional(),
  limit: z.coerce.number().pipe(z.int().min(1).max(MAX_EVENTS)).default(DEFAULT_EVENTS),
});

export const changeSchema = z.object({
  name: hostNameSchema,
  outcome: z.enum(['declared', 'changed', 'relabelled', 'unchanged']),
  generation: generationSchema,
  spec: specSchema,
});
export type Change = z.infer<typeof changeSchema>;

export const changeListSchema = z.object({ kind: z.literal('ChangeList'), items: z.array(changeSchema) });

/** What an agent would do now, step by step, and what is held; both as sentences. */
export const hostPlanSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Plan'),
  host: hostNameSchema,
  steps: z.array(z.string()),
  blocked: z.array(z.string()),
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

/** RFC 9457 problem details; `code` is Lockstep's own, and decides the CLI's exit code. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(['Failed', 'Unavailable', 'Usage', 'TimedOut', 'Invalid', 'Refused', 'NotFound', 'Conflict']),
});
export type Problem = z.infer<typeof problemSchema>;
