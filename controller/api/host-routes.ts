// The routes of hosts and events: parse, ask the use case, answer. Nothing is decided here.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LockstepError } from '../../desired-state/errors.ts';
import { API_VERSION } from '../../desired-state/host.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';
import type { Hosts } from '../hosts.ts';
import type { Origin, Wish } from '../spec-change.ts';
import { parseLabelSelector, type Targets } from '../targets.ts';
import {
  ACTOR_HEADER,
  applyBodySchema,
  declareBodySchema,
  eventsQuerySchema,
  type LockBody,
  listQuerySchema,
  lockBodySchema,
  nameParamsSchema,
  removeQuerySchema,
  servicesBodySchema,
} from './schemas.ts';

const MAX_ACTOR = 128;

const BODY = 'request body';
const QUERY = 'query';

export function addHostRoutes(api: FastifyInstance, hosts: Hosts, network: string): void {
  const originOf = (request: FastifyRequest, reason?: string): Origin => ({
    actor: actorOf(request.headers[ACTOR_HEADER]),
    network,
    reason,
  });

  api.get('/v1/hosts', async (request) => {
    const { labelSelector } = parseOrThrow(listQuerySchema, request.query, QUERY);
    return hosts.list(labelSelector === undefined ? {} : parseLabelSelector(labelSelector));
  });

  api.get('/v1/hosts/:name', async (request) => {
    const { name } = parseOrThrow(nameParamsSchema, request.params, 'path');
    return hosts.get(name);
  });

  api.post('/v1/hosts', async (request, reply) => {
    const declaration = parseOrThrow(declareBodySchema, request.body, BODY);
    const change = await hosts.declare(declaration, originOf(request));
    return reply.code(change.outcome === 'declared' ? 201 : 200).send(change);
  });

  api.put('/v1/hosts/:name', async (request, reply) => {
    const { name } = parseOrThrow(nameParamsSchema, request.params, 'path');
    const { manifest, reason } = parseOrThrow(applyBodySchema, request.body, BODY);
    if (manifest.metadata.name !== name) {
      throw new LockstepError(
        'Invalid',
        `request body: manifest.metadata.name: expected ${name} as in the path, found ${manifest.metadata.name}`,
      );
    }
    const [change] = await hosts.apply([{ manifest, isExplicit: true }], originOf(request, reason));
    return reply.code(change?.outcome === 'declared' ? 201 : 200).send(change);
  });

  api.delete('/v1/hosts/:name', async (request, reply) => {
    const { name } = parseOrThrow(nameParamsSchema, request.params, 'path');
    const { force = false } = parseOrThrow(removeQuerySchema, request.query, QUERY);
    await hosts.remove(name, { force }, originOf(request));
    return reply.code(204).send();
  });

  for (const [action, { locked, servicesEnabled }] of Object.entries(LOCK_ACTIONS)) {
    api.post(`/v1/hosts/actions/${action}`, async (request) => {
      const body = parseOrThrow(lockBodySchema, request.body, BODY);
      const wish = body.keepServices === true ? { locked } : { locked, servicesEnabled };
      return change(targetsOf(body), wish, originOf(request, body.reason));
    });
  }

  for (const [action, wish] of Object.entries(SERVICES_ACTIONS)) {
    api.post(`/v1/hosts/actions/${action}`, async (request) => {
      const body = parseOrThrow(servicesBodySchema, request.body, BODY);
      return change(targetsOf(body), wish, originOf(request, body.reason));
    });
  }

  api.get('/v1/events', async (request) => {
    const { host, limit } = parseOrThrow(eventsQuerySchema, request.query, QUERY);
    return { apiVersion: API_VERSION, kind: 'EventList', items: await hosts.events({ host, limit }) };
  });

  async function change(targets: Targets, wish: Wish, origin: Origin) {
    return { kind: 'ChangeList', items: await hosts.change(targets, wish, origin) };
  }
}

const LOCK_ACTIONS = {
  lock: { locked: true, servicesEnabled: false },
  unlock: { locked: false, servicesEnabled: true },
};

const SERVICES_ACTIONS = {
  'enable-services': { servicesEnabled: true },
  'disable-services': { servicesEnabled: false },
};

function targetsOf({ names, labelSelector }: LockBody): Targets {
  if (names !== undefined) return { names };
  return labelSelector === undefined ? { all: true } : { labels: parseLabelSelector(labelSelector) };
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
