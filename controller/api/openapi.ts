// The OpenAPI 3.1 document of a table of routes, so that what is said of the API is what it does. Pure.
import { ERROR_CODES, type ErrorCode } from '../../desired-state/errors.ts';
import { VERSION } from '../../runtime/version.ts';
import { mediaTypeOfForm } from './accept.ts';
import { componentSchemas, type JsonSchema, propertiesOf, refTo } from './openapi-schemas.ts';
import { PROBLEM_TITLES } from './problem.ts';
import type { AnswerType, EventTypes, Route } from './route.ts';
import { ACTOR_HEADER, type OpenApiDocument, problemSchema, streamErrorSchema } from './schemas.ts';

const DESCRIPTION = `The API of a Lockstep controller: what each host of a fleet should be, and how it is.

It is served on the unix socket controller.sock in the controller's data folder, whose owner alone can open it; there is no other authentication. Try it with
\`curl --unix-socket DIR/controller.sock http://localhost/v1/hosts\`.

Every error is answered with problem details (RFC 9457) whose \`code\` says what to do about it, also where no route is asked: 404 for a path that is none, 405 for
a method that a path does not have, 408 for a request that never ends, 431 for headers that are too large, 503 beyond the bound on connections or while the
controller stops. Names and timestamps are as in Kubernetes. Unknown fields of bodies and queries are refused; answers may get new fields.`;

const TAGS: Readonly<Record<string, string>> = {
  hosts: 'Hosts, one by one.',
  actions: 'Changes of many hosts at once: by name, by label, or all.',
  events: 'Who changed what, when and why, and what agents corrected.',
  watches: 'Streams of server-sent events; at most 64 at a time.',
  manifests: 'The manifests folder, whose files are the truth for the hosts that they declare.',
  controller: 'The controller itself.',
};

/** What every route may answer with, besides its own problems. */
const ALWAYS: readonly ErrorCode[] = ['Unavailable', 'Failed'];

/** What a body can be refused for before its route sees it, by status. */
const BODY_PROBLEMS = {
  413: ['BodyTooLarge', 'The body is larger than 1 MiB.'],
  415: ['UnsupportedMediaType', 'The body is not application/json.'],
} as const;

export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lockstep controller',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: 'http://localhost',
        description:
          "The unix socket controller.sock in the controller's data folder; the host name is not looked at.",
      },
    ],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(),
      responses: problemResponses(),
      parameters: {
        Actor: {
          name: ACTOR_HEADER,
          in: 'header',
          description: 'Who asks, percent-encoded UTF-8: events and annotations name them.',
          schema: { type: 'string', maxLength: 128 },
        },
      },
    },
  };
}

function operationOf(route: Route): Readonly<Record<string, unknown>> {
  const { operationId, tag, summary, description, takes, answers, problems, method } = route;
  const { params, query, body } = takes;
  const taken = params !== undefined || query !== undefined || body !== undefined;
  const codes: readonly ErrorCode[] = [...(taken ? (['Invalid'] as const) : []), ...problems, ...ALWAYS];
  const parameters = [
    ...(params === undefined ? [] : parametersOf('path', params)),
    ...(query === undefined ? [] : parametersOf('query', query)),
    ...(method === 'GET' ? [] : [{ $ref: '#/components/parameters/Actor' }]),
  ];
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: refTo(body) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)])),
      ...Object.fromEntries(codes.map((code) => [ERROR_CODES[code].httpStatus, responseRef(code)])),
      ...(body === undefined
        ? {}
        : Object.fromEntries(
            Object.entries(BODY_PROBLEMS).map(([status, [name]]) => [status, responseRef(name)]),
          )),
    },
  };
}

function parametersOf(place: 'path' | 'query', schema: Parameters<typeof propertiesOf>[0]) {
  return propertiesOf(schema).map(({ schema: meaning, ...property }) => ({
    ...property,
    in: place,
    // A list is one text, its items between commas.
    ...(meaning.type === 'array' ? { style: 'form', explode: false } : {}),
    schema: meaning,
  }));
}

function responseOf(answer: AnswerType): Readonly<Record<string, unknown>> {
  const { description } = answer;
  switch (answer.kind) {
    case 'json': {
      const forms = Object.entries(answer.forms ?? {}).map(([name, schema]) => [
        mediaTypeOfForm(name),
        { schema: refTo(schema) },
      ]);
      const plain = { 'application/json': { schema: refTo(answer.schema) } };
      return { description, content: { ...plain, ...Object.fromEntries(forms) } };
    }
    case 'text':
      return { description, content: { [answer.mediaType]: { schema: { type: 'string' } } } };
    case 'events':
      return { description, content: { 'text/event-stream': eventStreamOf(answer.events) } };
    case 'empty':
      return { description };
  }
}

/** OpenAPI 3.1 has no words for the events of a stream, so they are told to people in the description and to programs in an extension. */
function eventStreamOf(events: EventTypes): Readonly<Record<string, unknown>> {
  const all: EventTypes = {
    ...events,
    error: { description: 'The stream ends because of this.', schema: streamErrorSchema },
  };
  const told = Object.entries(all).map(([name, { description }]) => `- \`${name}\`: ${description}`);
  return {
    schema: { type: 'string', description: `Server-sent events, their data JSON:\n\n${told.join('\n')}` },
    'x-lockstep-events': Object.fromEntries(
      Object.entries(all).map(([name, { description, schema }]) => [
        name,
        { description, data: refTo(schema) },
      ]),
    ),
  };
}

function problemResponses(): Readonly<Record<string, unknown>> {
  const codes = problemSchema.shape.code.options.map((code) => {
    const { httpStatus, exitCode } = ERROR_CODES[code];
    const description = `${PROBLEM_TITLES[code]}. The CLI then exits with ${exitCode}.`;
    return [code, problemResponse(code, httpStatus, description)];
  });
  const bodies = Object.entries(BODY_PROBLEMS).map(([status, [name, description]]) => [
    name,
    problemResponse('Invalid', Number(status), description),
  ]);
  return Object.fromEntries([...codes, ...bodies]);
}

function problemResponse(code: ErrorCode, status: number, description: string): JsonSchema {
  const schema = {
    allOf: [refTo(problemSchema), { properties: { status: { const: status }, code: { const: code } } }],
  };
  return { description, content: { 'application/problem+json': { schema } } };
}

function responseRef(name: string): JsonSchema {
  return { $ref: `#/components/responses/${name}` };
}
