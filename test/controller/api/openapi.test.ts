// The OpenAPI document against what the server really answers: neither may say what the other does not.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { Agents } from '../../../controller/agents.ts';
import { openApiDocument } from '../../../controller/api/openapi.ts';
import { ROUTES } from '../../../controller/api/route-table.ts';
import { buildApi } from '../../../controller/api/server.ts';
import { AgentGateway } from '../../../controller/gateway/agent-gateway.ts';
import { serveAgents } from '../../../controller/gateway/websocket.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { nodeClock } from '../../../runtime/node-clock.ts';
import { fakeApiParts } from '../fixtures/api-parts.ts';
import { FlakyStore } from '../fixtures/flaky-store.ts';
import {
  atPointer,
  checkerOf,
  documentSchema,
  type Operation,
  operationsOf,
  refsIn,
} from '../fixtures/openapi.ts';
import { type Answered, askRaw, eventsIn } from '../fixtures/raw-http.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';
import { SocketAgent } from '../fixtures/socket-agent.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { CASES, type Case, manifestOf, type World } from './openapi-cases.ts';

const document = documentSchema.parse(openApiDocument(ROUTES));
const operations = operationsOf(document);
/** Of answers: what the document does not name is not answered. */
const checkAnswer = checkerOf(document, { closed: true });
/** Of requests, as the document has them. */
const checkRequest = checkerOf(document, { closed: false });

/** What Fastify publishes of each instance that it makes. */
const initializedSchema = z.object({ fastify: z.custom<FastifyInstance>() });

async function serve(): Promise<World> {
  const socketPath = join(tempFolder(), 's');
  const store = new FlakyStore(new MemoryStore());
  const log = new RecordingLog();
  const hosts = new Hosts({ store, clock: nodeClock, log });
  const agents = new Agents({ store, clock: nodeClock, log });
  const gateway = new AgentGateway({ hosts, store, clock: nodeClock, log });
  const parts = { ...fakeApiParts(), plans: gateway };
  const api = buildApi({ hosts, store, clock: nodeClock, log, network: 'local', ...parts });
  serveAgents(api.server, (connection) => gateway.accept(connection, 'local'));
  await gateway.start();
  await api.listen({ path: socketPath });
  onTestFinished(async () => {
    store.failing.clear();
    await gateway.stop();
    await api.close();
    await store.close();
  });
  return { socketPath, store, hosts, agents, gateway };
}

async function answerTo(world: World, { method, path }: Operation, one: Case): Promise<Answered> {
  const given = await one.given?.(world);
  if (given instanceof SocketAgent) onTestFinished(() => given.close());
  const { name = 'a', query = '', body, headers = {}, events = [], meanwhile } = one;
  let begun = false;
  return askRaw(
    world.socketPath,
    { method, path: path.replace('{name}', name) + query, body, headers },
    (text) => {
      const told = new Set(eventsIn(text).map(({ event }) => event));
      if (!begun && told.size > 0) {
        begun = true;
        void meanwhile?.(world);
      }
      return events.length > 0 && events.every((event) => told.has(event));
    },
  );
}

describe('the document', () => {
  it('names each operation once, with a tag that it describes', () => {
    const ids = operations.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(15);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z]+$/);
    const tags = document.tags.map(({ name }) => name);
    const used = Object.values(document.paths).flatMap((item) =>
      Object.values(item).flatMap((one) => one.tags),
    );
    expect([...new Set(used)].sort()).toEqual([...tags].sort());
  });

  it('refers to nothing that is not there, and to all that is', () => {
    const refs = refsIn(document);
    expect(refs.length).toBeGreaterThan(100);
    expect(refs.filter((ref) => atPointer(document, ref) === undefined)).toEqual([]);
    const named = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(named.filter((name) => !refs.includes(name))).toEqual([]);
  });

  it('has a schema that JSON Schema 2020-12 knows at every place of one', () => {
    const places = [
      ...Object.values(document.components.schemas),
      ...operations.flatMap(({ parameters }) => parameters.map(({ schema }) => schema)),
    ];
    // ajv holds each against the metaschema as it compiles it.
    for (const schema of places) expect(() => checkRequest(schema, null)).not.toThrow();
    expect(() => checkRequest({ type: 'strong' }, null)).toThrow(/schema is invalid/);
  });

  it('has a parameter for every {name} in a path', () => {
    for (const { path, parameters } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = parameters.filter((one) => one.in === 'path' && one.required);
      expect(described.map(({ name }) => name)).toEqual(inPath);
    }
  });

  it('describes every field of every schema of a request', () => {
    for (const { body } of operations) {
      if (body === undefined) continue;
      const { properties } = documentObject(body.$ref);
      for (const [name, schema] of Object.entries(properties)) {
        expect(JSON.stringify(schema), `${body.$ref}: ${name}`).toMatch(/"description"|"\$ref"/);
      }
    }
  });

  it('has exactly the routes that Fastify has', async () => {
    const registered: string[] = [];
    const onInit = (message: unknown) => {
      const { fastify } = initializedSchema.parse(message);
      fastify.addHook('onRoute', ({ method, url }) => {
        // Fastify's answer to HEAD is that to GET.
        for (const one of [method].flat()) if (one !== 'HEAD') registered.push(`${one} ${url}`);
      });
    };
    subscribe('fastify.initialization', onInit);
    await serve();
    unsubscribe('fastify.initialization', onInit);
    const documented = operations.map(
      ({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    );
    expect(documented.sort()).toEqual(registered.sort());
  });

  it('is what /openapi.json answers', async () => {
    const { socketPath } = await serve();
    const { text } = await askRaw(socketPath, { method: 'GET', path: '/openapi.json' });
    expect(JSON.parse(text)).toEqual(document);
  });
});

describe('every operation answers as it is documented', () => {
  it('and each has cases', () => {
    expect(Object.keys(CASES).sort()).toEqual(operations.map(({ id }) => id).sort());
  });

  it.each(operations)('$id has a case of every success and every refusal that it documents', (operation) => {
    const exercised = new Set(CASES[operation.id]?.map(({ status }) => status));
    const documented = [...operation.responses.keys()].filter((status) => status < 500);
    expect(documented.filter((status) => !exercised.has(status))).toEqual([]);
  });

  it.each(operations)('$id has a case of every form that it documents', (operation) => {
    const exercised = (CASES[operation.id] ?? []).flatMap(({ form }) => form ?? []);
    const documented = [...operation.responses.values()]
      .flatMap(({ content = {} }) => Object.keys(content))
      .flatMap((mediaType) => mediaType.split(';as=')[1] ?? []);
    expect(new Set(exercised)).toEqual(new Set(documented));
  });

  const cases = operations.flatMap((operation) =>
    (CASES[operation.id] ?? []).map((one, index) => ({
      id: operation.id,
      status: one.status,
      index,
      operation,
      one,
    })),
  );
  it.each(cases)('$id: $status (case $index)', async ({ operation, one }) => {
    const world = await serve();
    const answer = await answerTo(world, operation, one);
    expect(answer.status, answer.text).toBe(one.status);
    const response = operation.responses.get(one.status);
    const content = response?.content ?? {};
    if (Object.keys(content).length === 0) {
      expect(answer).toMatchObject({ text: '', mediaType: undefined });
      return;
    }
    if (one.form !== undefined) expect(answer.mediaType).toBe(`application/json;as=${one.form}`);
    const media = content[answer.mediaType ?? ''];
    if (media === undefined) throw new Error(`${answer.mediaType} is not documented: ${answer.text}`);
    const events = media['x-lockstep-events'];
    if (events === undefined) {
      const value = answer.mediaType?.includes('json') ? JSON.parse(answer.text) : answer.text;
      expect(checkAnswer(media.schema, value)).toBeUndefined();
      return;
    }
    for (const { event, data } of eventsIn(answer.text)) {
      const schema = events[event]?.data;
      if (schema === undefined) throw new Error(`the event ${event} is not documented`);
      expect(checkAnswer(schema, data)).toBeUndefined();
    }
    expect(eventsIn(answer.text).map(({ event }) => event)).toEqual(
      expect.arrayContaining([...(one.events ?? [])]),
    );
  });
});

describe('what the document says of a request is what the server takes', () => {
  const bodies = operations.filter(({ body }) => body !== undefined);

  it.each(bodies)('$id', async (operation) => {
    const { socketPath, store } = await serve();
    const seeds = (CASES[operation.id] ?? []).filter(({ status }) => status < 300).map(({ body }) => body);
    expect(seeds.length).toBeGreaterThan(0);
    let refused = 0;
    for (const body of new Map(
      [...seeds, ...seeds.flatMap(mutationsOf)].map((one) => [JSON.stringify(one), one]),
    ).values()) {
      if (operation.body === undefined) continue;
      const wrong = checkRequest(operation.body, body);
      const writes = store.calls.get('writeSpecs');
      const answer = await askRaw(socketPath, {
        method: operation.method,
        path: operation.path.replace('{name}', 'a'),
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
      const asked = `${JSON.stringify(body)} is ${wrong ?? 'right'}, and was answered with ${answer.text}`;
      if (wrong === undefined) {
        // Right as far as JSON Schema can say.
        expect(answer.status === 400 && !/label selector|as in the path/.test(answer.text), asked).toBe(
          false,
        );
        continue;
      }
      refused += 1;
      expect(answer, asked).toMatchObject({ status: 400, mediaType: 'application/problem+json' });
      expect(store.calls.get('writeSpecs'), asked).toBe(writes);
    }
    expect(refused).toBeGreaterThan(20);
  });

  it.each(operations)('$id: parameters', async (operation) => {
    const { socketPath, hosts } = await serve();
    await hosts.apply([{ manifest: manifestOf('a'), isExplicit: true }], {
      actor: 'alice',
      network: 'local',
    });
    const queries = operation.parameters.filter((parameter) => parameter.in === 'query');
    if (queries.length === 0) return;
    for (const query of ['nonsense=1', ...queries.map(({ name }) => `${name}=a&${name}=b`)]) {
      const path = `${operation.path.replace('{name}', 'a')}?${query}`;
      const answer = await askRaw(socketPath, { method: operation.method, path });
      expect(answer, path).toMatchObject({ status: 400, mediaType: 'application/problem+json' });
    }
  });
});

/** What is put in the place of every value. */
const WRONG = [null, true, 7, -1, 1.5, 'x', '', 'A b', 'x'.repeat(300), [], {}, ['x'], { x: 1 }];

/** `value` with, at each place in turn, another value, a field less, or a field more. */
function mutationsOf(value: unknown): unknown[] {
  const here: unknown[] = WRONG.filter((wrong) => JSON.stringify(wrong) !== JSON.stringify(value));
  if (Array.isArray(value)) {
    return [...here, ...value.flatMap((item, at) => mutationsOf(item).map((one) => value.with(at, one)))];
  }
  if (typeof value !== 'object' || value === null) return here;
  const fields = Object.entries(value);
  return [
    ...here,
    { ...value, nonsense: 1 },
    ...fields.map(([name]) => Object.fromEntries(fields.filter(([other]) => other !== name))),
    ...fields.flatMap(([name, inner]) => mutationsOf(inner).map((one) => ({ ...value, [name]: one }))),
  ];
}

function documentObject(ref: string): { readonly properties: object } {
  const found = atPointer(document, ref);
  if (typeof found !== 'object' || found === null || !('properties' in found))
    throw new Error(`no object at ${ref}`);
  const { properties } = found;
  if (typeof properties !== 'object' || properties === null) throw new Error(`no properties at ${ref}`);
  return { properties };
}
