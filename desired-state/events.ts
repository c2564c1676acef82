// Events: who changed what, when and why, and each correction that an agent made. For people and audits, never an input of a decision.
import { z } from 'zod';
import { generationSchema } from './generation.ts';
import { API_VERSION, hostNameSchema } from './host.ts';

const eventTypeSchema = z.enum(['Normal', 'Warning']);

/** What an agent or a use case says happened. `latencyMs`: detection to repair, for corrections. */
export const eventBodySchema = z.object({
  type: eventTypeSchema.describe('`Warning`: somebody should look.'),
  reason: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]*$/, 'expected a CamelCase word')
    .describe('What happened, for programs: a CamelCase word.'),
  message: z.string().max(4_096).describe('What happened, for people.'),
  generation: generationSchema.describe("The host's generation then."),
  latencyMs: z.number().min(0).optional().describe('Of a correction: from detection to repair, in ms.'),
});
export type EventBody = z.infer<typeof eventBodySchema>;

/** The `host` of an event that is about no host, but about the controller itself. No host has this name. */
export const NO_HOST = '-';

/** `count` equal events between `firstAt` and `at` (RFC 3339 UTC) are one. `actor`: a person, `agent` or `controller`. */
export const eventSchema = eventBodySchema.extend({
  host: z
    .union([hostNameSchema, z.literal(NO_HOST)])
    .describe(`The host; ${NO_HOST}: it is about the controller itself.`),
  at: z.iso.datetime().describe('When it was last so.'),
  firstAt: z.iso.datetime().describe('When the first of them was.'),
  count: z.int().min(1).describe('How many equal ones this is.'),
  actor: z.string().max(256).describe('A person, agent or controller.'),
});
export type HostEvent = z.infer<typeof eventSchema>;

/** A stored event; `id` rises with each event of the store. */
export const storedEventSchema = eventSchema.extend({
  id: z.int().min(1).describe('Rises with each event of the store.'),
});
export type StoredEvent = z.infer<typeof storedEventSchema>;

export const eventListSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('EventList'),
  items: z.array(storedEventSchema),
});
