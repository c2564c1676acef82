// A route of the API declared as data: what it takes, what it answers, and the use case behind it. Fastify's routes (add-routes.ts) and the OpenAPI
// document (openapi.ts) are both made from it; it knows neither.
import type { z } from 'zod';
import { type ErrorCode, LockstepError } from '../../desired-state/errors.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';
import type { Store } from '../../desired-state/store/store.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Hosts } from '../hosts.ts';
import type { Origin } from '../spec-change.ts';
import { wantedForm } from './accept.ts';
import type { Manifests, Metrics, Plans } from './api-ports.ts';
import { noBody } from './json-body.ts';
import type { OpenApiDocument } from './schemas.ts';

/** What the handlers of routes may ask. */
export interface RouteParts {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly clock: Clock;
  readonly plans: Plans;
  readonly manifests: Manifests;
  readonly metrics: Metrics;
  /** The OpenAPI document of all routes. */
  document(): OpenApiDocument;
}

/** What a route takes; a part that is left out is not looked at. `params` are the {names} of its path. */
interface Inputs {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
}

/** The server-sent events of a stream, by name. */
export type EventTypes = Readonly<
  Record<string, { readonly description: string; readonly schema: z.ZodType }>
>;

/** Other forms of a JSON answer, by name: a client asks for one with `Accept: application/json;as=NAME` (accept.ts). */
type Forms = Readonly<Record<string, z.ZodType>>;

export type AnswerType =
  | {
      readonly kind: 'json';
      readonly description: string;
      readonly schema: z.ZodType;
      readonly forms?: Forms;
    }
  | { readonly kind: 'text'; readonly description: string; readonly mediaType: string }
  | { readonly kind: 'events'; readonly description: string; readonly events: EventTypes }
  | { readonly kind: 'empty'; readonly description: string };

/** By HTTP status. */
export type AnswerTypes = Readonly<Record<number, AnswerType>>;

/** What is sent is only read. */
type Unchanged<T> = T extends readonly (infer E)[]
  ? readonly Unchanged<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Unchanged<T[K]> }
    : T;

/** Takes the events of a stream. */
interface EventSink<E extends EventTypes> {
  /** Aborts when nobody listens any more. */
  readonly gone: AbortSignal;
  /** Resolves when the client can take the next one, or is gone. */
  send<T extends keyof E & string>(event: T, data: Unchanged<z.input<E[T]['schema']>>): Promise<void>;
}

/** Tells its events until nobody listens any more; the stream ends with it. */
export type Stream = (to: EventSink<EventTypes>) => Promise<void>;

/** What a handler returns for an answer of type `A`: what is sent, and with which status. */
type AnswerOf<Status, A> = A extends { readonly kind: 'json'; readonly schema: infer S extends z.ZodType }
  ?
      | { readonly status: Status; readonly json: Unchanged<z.input<S>>; readonly form?: undefined }
      | FormOf<Status, A>
  : A extends { readonly kind: 'text' }
    ? { readonly status: Status; readonly text: string; readonly mediaType: string }
    : A extends { readonly kind: 'events' }
      ? { readonly status: Status; readonly stream: Stream }
      : { readonly status: Status };

type FormOf<Status, A> = A extends { readonly forms: infer F extends Forms }
  ? {
      [N in keyof F]: { readonly status: Status; readonly json: Unchanged<z.input<F[N]>>; readonly form: N };
    }[keyof F]
  : never;

type AnswersOf<A extends AnswerTypes> = { [S in keyof A]: AnswerOf<S, A[S]> }[keyof A];

/** Any answer. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  /** Which form of it `json` is; undefined: the plain one. */
  readonly form?: string | undefined;
  readonly text?: string;
  readonly mediaType?: string;
  readonly stream?: Stream;
}

type Parsed<I extends Inputs> = {
  readonly [P in keyof I]: I[P] extends z.ZodType ? z.output<I[P]> : never;
};

/** The names of the forms that the answers have. */
type FormName<A extends AnswerTypes> = {
  [S in keyof A]: A[S] extends { readonly forms: infer F } ? keyof F & string : never;
}[keyof A];

/** A request as a handler sees it. `form`: the one that is wanted, undefined for the plain one. `originOf`: who asks, over which network, and for the reason that they gave. */
type Asked<I extends Inputs, A extends AnswerTypes> = Parsed<I> & {
  readonly form: FormName<A> | undefined;
  readonly originOf: (reason?: string) => Origin;
};

/** A request as it came. */
interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  /** Its Accept header. */
  readonly accept: string | undefined;
  readonly originOf: (reason?: string) => Origin;
}

interface RouteText {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it: `/v1/hosts/{name}`. */
  readonly path: `/${string}`;
  /** The name of the operation for generated clients: unique, camelCase. */
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** The problems that it answers with besides those of every route (problem.ts). */
  readonly problems: readonly ErrorCode[];
}

interface DeclaredRoute<I extends Inputs, A extends AnswerTypes> extends RouteText {
  readonly takes: I;
  readonly answers: A;
  readonly handle: (asked: Asked<I, A>, parts: RouteParts) => Promise<AnswersOf<A> & Answer>;
}

export interface Route extends RouteText {
  readonly takes: Inputs;
  readonly answers: AnswerTypes;
  /** Parses the request and answers it. @throws LockstepError `Invalid` when it is not as the route takes it, and what the use case throws. */
  readonly handle: (raw: RawRequest, parts: RouteParts) => Promise<Answer>;
}

/** `declared`, its handler typed by its schemas, as one of many. */
export function route<const I extends Inputs, const A extends AnswerTypes>(
  declared: DeclaredRoute<I, A>,
): Route {
  const forms = formNamesOf(declared.answers);
  return {
    ...declared,
    handle: async (raw, parts) => {
      const inputs = parseInputs(declared.takes, raw);
      return declared.handle(
        { ...inputs, form: wantedForm(raw.accept, forms), originOf: raw.originOf },
        parts,
      );
    },
  };
}

/** A stream of `events` only, each with the data that its schema says. */
export function streamOf<E extends EventTypes>(
  _events: E,
  tell: (to: EventSink<E>) => Promise<void>,
): Stream {
  return (to) => tell({ gone: to.gone, send: (event, data) => to.send(event, data) });
}

/** What each part of a request is called in messages about it. */
const PLACES = { params: 'path', query: 'query', body: 'request body' } as const;

/** The one place that knows that what the schemas of `takes` let through has their types. */
function parseInputs<I extends Inputs>(takes: I, raw: RawRequest): Parsed<I> {
  checkBody(takes, raw);
  const parsed: Record<string, unknown> = {};
  for (const part of ['params', 'query', 'body'] as const) {
    const schema = takes[part];
    if (schema !== undefined) parsed[part] = parseOrThrow(schema, raw[part], PLACES[part]);
  }
  return parsed as Parsed<I>;
}

/** @throws LockstepError `Invalid` for none where one is taken, and for one where none is: whoever sends it means something by it. */
function checkBody(takes: Inputs, { body }: RawRequest): void {
  if (takes.body !== undefined && body === undefined) throw noBody();
  if (takes.body !== undefined || body === undefined) return;
  throw new LockstepError('Invalid', 'request body: expected none, found one');
}

/** The one place that knows that the keys of an object are of its type. */
function formNamesOf<A extends AnswerTypes>(answers: A): readonly FormName<A>[] {
  const names = Object.values(answers).flatMap((answer) =>
    answer.kind === 'json' ? Object.keys(answer.forms ?? {}) : [],
  );
  return names as FormName<A>[];
}
