// Events: who changed what, when and why, and each correction that an agent made. For people and audits, never an input of a decision.
import { z } from 'zod';
import { generationSchema, hostNameSchema } from './host.ts';

const eventTypeSchema = z.enum(['Normal', 'Warning']);

/** What an agent or a use case says happened. `latencyMs`: detection to repair, for corrections. */
export const eventBodySchema = z.object({
  type: eventTypeSchema,
  reason: z.string().regex(/^[A-Z][A-Za-z0-9]*$/, 'expected a CamelCase word'),
  message: z.string().max(4_096),
  generation: generationSchema,
  latencyMs: z.number().min(0).optional(),
});
export type EventBody = z.infer<typeof eventBodySchema>;

/** The `host` of an event that is about no host, but about the controller itself. No host has this name. */
export const NO_HOST = '-';

/** `count` equal events between `firstAt` and `at` (RFC 3339 UTC) are one. `actor`: a person, `agent` or `controller`. */
export const eventSchema = eventBodySchema.extend({
  host: z.union([hostNameSchema, z.literal(NO_HOST)]),
  at: z.iso.datetime(),
  firstAt: z.iso.datetime(),
  count: z.int().min(1),
  actor: z.string().max(256),
});
export type HostEvent = z.infer<typeof eventSchema>;

/** A stored event; `id` rises with each event of the store. */
export const storedEventSchema = eventSchema.extend({ id: z.int().min(1) });
export type StoredEvent = z.infer<typeof storedEventSchema>;

export const eventListSchema = z.object({ kind: z.literal('EventList'), items: z.array(storedEventSchema) });
