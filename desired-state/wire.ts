// The messages between agent and controller: JSON text, one message a frame, parsed by zod at both ends.
// Unknown fields are ignored (a newer peer may send them); a message of an unknown type is told apart from a broken one.
import { z } from 'zod';
import { LockstepError, messageOf } from './errors.ts';
import { eventBodySchema } from './events.ts';
import { generationSchema } from './generation.ts';
import { hostNameSchema, looseSpecSchema, reasonSchema, roleSchema, statusSchema } from './host.ts';
import { parseOrThrow } from './parse.ts';

export const PROTOCOL_VERSION = 1;
/** Largest message either end takes, in bytes (the bound for bodies and messages: 1 MiB). */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** The agent sends one that often; design.md, "The wire". */
export const HEARTBEAT_INTERVAL_MS = 5_000;
/** A peer that was silent for three heartbeats is gone. */
export const PEER_SILENCE_LIMIT_MS = 3 * HEARTBEAT_INTERVAL_MS;

/** What an agent knows without a controller. `spec` null: only that the host is locked (a flag, no copy). */
const rememberedSchema = z.object({
  generation: generationSchema,
  spec: looseSpecSchema.nullable(),
});
export type Remembered = z.infer<typeof rememberedSchema>;

const helloSchema = z.object({
  type: z.literal('hello'),
  protocol: z.int(),
  host: hostNameSchema,
  bootId: z.string().max(128),
  agentVersion: z.string().max(64),
  network: z.string().max(64),
  features: z.array(z.string().max(64)).max(64),
  roles: z.array(roleSchema).max(3),
  /** null: this agent remembers nothing at all. */
  remembers: rememberedSchema.nullable(),
});
export type Hello = z.infer<typeof helloSchema>;

const heartbeatSchema = z.object({
  type: z.literal('heartbeat'),
  sequence: z.int().min(0),
  bootId: z.string().max(128),
  observedGeneration: generationSchema,
});

const statusMessageSchema = z.object({ type: z.literal('status'), status: statusSchema });

const eventMessageSchema = z.object({
  type: z.literal('event'),
  event: eventBodySchema,
  at: z.iso.datetime(),
  firstAt: z.iso.datetime(),
  count: z.int().min(1),
});
export type EventMessage = z.infer<typeof eventMessageSchema>;

const planMessageSchema = z.object({
  type: z.literal('plan'),
  id: z.string().max(64),
  steps: z.array(z.string().max(1_024)).max(8_192),
  blocked: z.array(z.string().max(1_024)).max(8_192),
});

/** Refused, and why. `re` is the type of the refused message. */
const nackSchema = z.object({
  type: z.literal('nack'),
  re: z.string().max(64),
  message: z.string().max(1_024),
});

export const agentMessageSchema = z.discriminatedUnion('type', [
  helloSchema,
  heartbeatSchema,
  statusMessageSchema,
  eventMessageSchema,
  planMessageSchema,
  nackSchema,
]);
export type AgentMessage = z.infer<typeof agentMessageSchema>;

const desiredSchema = z.object({
  type: z.literal('desired'),
  generation: generationSchema.min(1),
  spec: looseSpecSchema,
  /** Why and since when (RFC 3339) it is so: for the flag file's further lines. */
  reason: reasonSchema.optional(),
  since: z.iso.datetime().optional(),
});
export type DesiredMessage = z.infer<typeof desiredSchema>;

/** Answers `re`; `generation` is the store's current one, so every ack is a level trigger too. */
const ackSchema = z.object({
  type: z.literal('ack'),
  re: z.enum(['heartbeat', 'status']),
  generation: generationSchema,
});

const planRequestSchema = z.object({ type: z.literal('plan-request'), id: z.string().max(64) });

export const controllerMessageSchema = z.discriminatedUnion('type', [
  desiredSchema,
  ackSchema,
  nackSchema,
  planRequestSchema,
]);
export type ControllerMessage = z.infer<typeof controllerMessageSchema>;

/** One end of an open connection, whatever carries it. Texts arrive in order; after `onClose` nothing arrives. */
export interface Connection {
  /** Queues one message; never throws. A peer that does not read is disconnected by the adapter, not waited for. */
  send(text: string): void;
  close(reason: string): void;
  onMessage(listener: (text: string) => void): void;
  /** Called once, with why. Also when this end closed it. */
  onClose(listener: (reason: string) => void): void;
}

/** A message, or the type of one that this version does not know (an unknown command). */
export type Received<M> =
  | { readonly known: true; readonly message: M }
  | { readonly known: false; readonly type: string };

/** @throws LockstepError `Invalid` when the text is no JSON or a known message is malformed. */
export function parseAgentMessage(text: string, from: string): Received<AgentMessage> {
  return parseMessage(agentMessageSchema, AGENT_MESSAGE_TYPES, text, from);
}

/** @throws LockstepError `Invalid` when the text is no JSON or a known message is malformed. */
export function parseControllerMessage(text: string, from: string): Received<ControllerMessage> {
  return parseMessage(controllerMessageSchema, CONTROLLER_MESSAGE_TYPES, text, from);
}

export function encodeMessage(message: AgentMessage | ControllerMessage): string {
  return JSON.stringify(message);
}

const AGENT_MESSAGE_TYPES = agentMessageSchema.options.map((option): string => option.shape.type.value);
const CONTROLLER_MESSAGE_TYPES = controllerMessageSchema.options.map(
  (option): string => option.shape.type.value,
);
const typedSchema = z.looseObject({ type: z.string().max(64) });

function parseMessage<M>(
  schema: z.ZodType<M>,
  knownTypes: readonly string[],
  text: string,
  from: string,
): Received<M> {
  const json = parseJson(text, from);
  const { type } = parseOrThrow(typedSchema, json, `message from ${from}`);
  if (!knownTypes.includes(type)) return { known: false, type };
  return { known: true, message: parseOrThrow(schema, json, `message ${type} from ${from}`) };
}

function parseJson(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LockstepError('Invalid', `message from ${from}: expected JSON, found ${messageOf(cause)}`, {
      cause,
    });
  }
}
