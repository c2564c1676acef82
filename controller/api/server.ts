// The HTTP API of the controller under /v1: bounds, errors and who is asking. What the routes do is in host-routes.ts and watch-routes.ts.
// It opens no socket: its caller listens.
import Fastify, { type FastifyInstance } from 'fastify';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import type { Store } from '../../desired-state/store/store.ts';
import { MAX_MESSAGE_BYTES } from '../../desired-state/wire.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { Hosts } from '../hosts.ts';
import { addHostRoutes } from './host-routes.ts';
import { PROBLEM_MEDIA_TYPE, problem, toProblem } from './problem.ts';
import { addWatchRoutes } from './watch-routes.ts';

/** What a client may cost. */
export interface ApiLimits {
  /** A client has that long to send its whole request, ms. */
  readonly requestTimeoutMs: number;
  /** A connection on which nothing moves for that long is cut, ms. */
  readonly idleTimeoutMs: number;
  /** Connections of API clients and agents together. */
  readonly maxConnections: number;
}

const DEFAULT_LIMITS: ApiLimits = {
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  /** 1,024 agents, and room for people: they must get in when the agents are too many. */
  maxConnections: 1_280,
};

export interface ApiDeps {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** The name of the network that requests come over. */
  readonly network: string;
  readonly limits?: Partial<ApiLimits>;
}

export function buildApi({ hosts, store, clock, log, network, limits }: ApiDeps): FastifyInstance {
  const { requestTimeoutMs, idleTimeoutMs, maxConnections } = { ...DEFAULT_LIMITS, ...limits };
  const api = Fastify({
    bodyLimit: MAX_MESSAGE_BYTES,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: idleTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    // Node looks for late requests that often; its own 30 s would triple the limit.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 4) },
    forceCloseConnections: 'idle',
  });
  api.server.maxConnections = maxConnections;

  api.setErrorHandler((error, request, reply) => {
    const answer = toProblem(error);
    const fields = { method: request.method, url: request.url, status: answer.status, error };
    if (answer.code === 'Failed') log.error(fields, 'request failed');
    else log.debug({ ...fields, error: messageOf(error) }, 'request refused');
    return reply.code(answer.status).header('content-type', PROBLEM_MEDIA_TYPE).send(answer);
  });
  api.setNotFoundHandler((request, reply) => {
    const answer = problem('Invalid', 404, `no such route: ${request.method} ${request.url}`);
    return reply.code(404).header('content-type', PROBLEM_MEDIA_TYPE).send(answer);
  });

  api.get('/healthz', async () => ({ status: 'ok' }));
  api.get('/readyz', async () => {
    try {
      await store.get('readyz');
    } catch (cause) {
      throw new LockstepError('Unavailable', `the store does not answer: ${messageOf(cause)}`, { cause });
    }
    return { status: 'ok' };
  });
  addHostRoutes(api, hosts, network);
  addWatchRoutes(api, { hosts, store, clock, log });
  return api;
}
