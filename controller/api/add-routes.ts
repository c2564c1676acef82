// Makes Fastify's routes of a table: hands each request to its route, and sends what the route answers.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Origin } from '../spec-change.ts';
import { mediaTypeOfForm } from './accept.ts';
import type { Answer, Route, RouteParts } from './route.ts';
import { ACTOR_HEADER } from './schemas.ts';
import type { Streams } from './streams.ts';

/** The longest actor that is kept, in characters. */
const MAX_ACTOR = 128;

/** @param network the name of the network that requests come over. */
export function addRoutes(
  api: FastifyInstance,
  routes: readonly Route[],
  parts: RouteParts,
  { network, streams }: { readonly network: string; readonly streams: Streams },
): void {
  for (const route of routes) {
    api.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      // A HEAD of a stream would be one that nobody can read.
      exposeHeadRoute: !isStream(route),
      handler: async (request, reply) => {
        const { params, query, body } = request;
        const originOf = (reason?: string): Origin => ({
          actor: actorOf(request.headers[ACTOR_HEADER]),
          network,
          reason,
        });
        const { accept } = request.headers;
        if (hasForms(route)) reply.header('vary', 'accept');
        const answer = await route.handle({ params, query, body, accept, originOf }, parts);
        if (answer.stream !== undefined) await streams.run(request, reply, answer.stream);
        else send(reply, answer);
        return reply;
      },
    });
  }
}

/** The methods that the routes at the path of `url` have. */
export function methodsAt(routes: readonly Route[], url: string): readonly string[] {
  const path = url.split('?')[0] ?? url;
  const there = routes.filter((route) => patternOf(route).test(path));
  return there.flatMap((route) =>
    route.method === 'GET' && !isStream(route) ? ['GET', 'HEAD'] : [route.method],
  );
}

/** The path that a request is counted under: its route's, as OpenAPI writes it, never with a name in it. */
export function routeNameOf(request: FastifyRequest): string {
  return request.routeOptions.url?.replaceAll(/:(\w+)/g, '{$1}') ?? 'unmatched';
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

function isStream({ answers }: Route): boolean {
  return Object.values(answers).some(({ kind }) => kind === 'events');
}

function hasForms({ answers }: Route): boolean {
  return Object.values(answers).some((answer) => answer.kind === 'json' && answer.forms !== undefined);
}

function send(reply: FastifyReply, { status, json, form, text, mediaType }: Answer): void {
  reply.code(status);
  if (mediaType !== undefined) reply.type(mediaType);
  if (form !== undefined) reply.type(`${mediaTypeOfForm(form)}; charset=utf-8`);
  reply.send(json ?? text);
}

function actorOf(header: string | readonly string[] | undefined): string {
  if (typeof header !== 'string' || header === '') return 'unknown';
  return decoded(header)
    .replace(/\p{Cc}/gu, '?')
    .slice(0, MAX_ACTOR);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
