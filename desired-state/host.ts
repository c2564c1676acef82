// The one resource: a Host, what it should be (spec) and what it reports (status). Schemas only.
import { z } from 'zod';
import { conditionSchema } from './conditions.ts';
import { generationSchema } from './generation.ts';

export const API_VERSION = 'lockstep/v1';

/** A host's name is an RFC 1123 label, so it is never a path and fits a file name, a DNS name and a key. */
export const hostNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'expected an RFC 1123 label (lower-case letters, digits and -, at most 63)',
  );

export const ROLES = ['controller', 'worker', 'storage'] as const;
/** A host's role, and the name of the service set that belongs to it. */
export const roleSchema = z.enum(ROLES);
export type Role = z.infer<typeof roleSchema>;

/** Kubernetes' rule for labels, without prefixes. Patterns, so that JSON Schemas made of them say the same. */
const labelKeySchema = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'expected a label key (letters, digits, ., _ and -, at most 63)',
  );
const labelValueSchema = z
  .string()
  .regex(
    /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/,
    'expected a label value (letters, digits, ., _ and -, at most 63)',
  );
export const labelsSchema = z.record(labelKeySchema, labelValueSchema);
export type Labels = z.infer<typeof labelsSchema>;

/** The longest reason a person may give, in characters. */
export const MAX_REASON = 1_024;
export const reasonSchema = z.string().max(MAX_REASON);

/** What a host should be. The two are independent: design.md has the table. */
export const specSchema = z.strictObject({
  locked: z.boolean().describe('true: both flag files are present; false: both are absent.'),
  servicesEnabled: z.boolean().describe('true: the services of the host run; false: they are stopped.'),
});
export type Spec = z.infer<typeof specSchema>;

/** The same spec on the wire and on disk, where a newer peer may have added fields. */
export const looseSpecSchema = z.object({ locked: z.boolean(), servicesEnabled: z.boolean() });

/** Annotation keys that Lockstep writes: who changed the spec last, when and why, and the file of the manifests folder that is the truth for the host. */
export const ANNOTATIONS = {
  changedBy: 'lockstep/changed-by',
  changedAt: 'lockstep/changed-at',
  reason: 'lockstep/reason',
  manifest: 'lockstep/manifest',
} as const;

export const annotationsSchema = z.record(z.string().max(128), z.string().max(MAX_REASON));

const metadataSchema = z.object({
  name: hostNameSchema,
  generation: generationSchema,
  labels: labelsSchema,
  annotations: annotationsSchema,
});

/** present: a regular file; blocked: something else stands there, or it can't be read. */
const flagStateSchema = z.enum(['present', 'absent', 'blocked']);
export type FlagState = z.infer<typeof flagStateSchema>;

/** As reported; unknown: no agent has reported it yet. */
const reportedFlagStateSchema = z.enum([...flagStateSchema.options, 'unknown']);
const flagsStatusSchema = z.object({
  volatile: reportedFlagStateSchema,
  persistent: reportedFlagStateSchema,
});

const serviceStateSchema = z.enum(['running', 'starting', 'stopping', 'stopped', 'failed', 'unknown']);
export type ServiceState = z.infer<typeof serviceStateSchema>;

const serviceStatusSchema = z.object({
  name: z.string().max(255).describe('The name of its script.'),
  set: roleSchema,
  state: serviceStateSchema.describe('`failed`: its last start or stop failed, or it keeps dying.'),
  message: z.string().max(4_096).describe('Why; empty when there is nothing to say.'),
});
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;

/** Sentences of one plan that a status carries at most, and the longest of them, in characters. */
export const MAX_REPORTED_STEPS = 64;
export const MAX_REPORTED_SENTENCE = 1_024;
const sentencesSchema = z.array(z.string().max(MAX_REPORTED_SENTENCE)).max(MAX_REPORTED_STEPS);

/** The newest plan that had anything in it: what a pass did, and what was held, as sentences. `at` is when it was first so. */
const reportedPlanSchema = z.object({
  at: z.iso.datetime(),
  generation: generationSchema,
  steps: sentencesSchema,
  blocked: sentencesSchema,
});
export type ReportedPlan = z.infer<typeof reportedPlanSchema>;

/** What a host reports of itself. `observedGeneration` is the newest generation it acknowledged. */
export const statusSchema = z.object({
  observedGeneration: generationSchema.describe(
    'The newest generation that the host acknowledged; 0: none yet.',
  ),
  conditions: z.array(conditionSchema).max(32).describe('What is observed, one of each type.'),
  flags: flagsStatusSchema,
  services: z.array(serviceStatusSchema).max(4_096).describe('In the order of their start.'),
  bootId: z.string().max(128).describe('The boot that it was reported in.'),
  agentVersion: z.string().max(64).describe("The agent's."),
  roles: z.array(roleSchema).max(3).describe('Which sets of services it has.'),
  /** Left out: no pass had anything to do since the agent started, or the agent is older than this field. */
  lastPlan: reportedPlanSchema.optional(),
});
export type Status = z.infer<typeof statusSchema>;

/** A host as the API shows it. `status` is there once its agent has reported or the controller knows Online. */
export const hostSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Host'),
  metadata: metadataSchema,
  spec: specSchema,
  status: statusSchema,
});
export type Host = z.infer<typeof hostSchema>;

export const hostListSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('HostList'),
  items: z.array(hostSchema),
});
export type HostList = z.infer<typeof hostListSchema>;

/** Are the two the same desired state? */
export function sameSpec(a: Spec, b: Spec): boolean {
  return a.locked === b.locked && a.servicesEnabled === b.servicesEnabled;
}

/** For people: `locked, services disabled`. */
export function describeSpec(spec: Spec): string {
  return `${spec.locked ? 'locked' : 'unlocked'}, services ${spec.servicesEnabled ? 'enabled' : 'disabled'}`;
}
