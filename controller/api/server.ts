// The HTTP API of the controller: bounds, errors, who is asking, and what is counted. What it answers is in routes/.
// It opens no socket: its caller listens.
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import type { Store } from '../../desired-state/store/store.ts';
import { MAX_MESSAGE_BYTES } from '../../desired-state/wire.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { Hosts } from '../hosts.ts';
import { addRoutes, methodsAt } from './add-routes.ts';
import type { Manifests, Metrics, Plans } from './api-ports.ts';
import { answerClientError, answerWithoutRequest, boundConnections } from './connection-errors.ts';
import { parseJsonBodies } from './json-body.ts';
import { openApiDocument } from './openapi.ts';
import { PROBLEM_MEDIA_TYPE, problem, toProblem } from './problem.ts';
import { RequestMeter } from './request-meter.ts';
import { ROUTES } from './route-table.ts';
import type { OpenApiDocument, Problem } from './schemas.ts';
import { Streams } from './streams.ts';

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

/** As long as a whole request line may be (Node's bound on headers, bytes), so that it is the schema that says what a name is. */
const MAX_PARAM_LENGTH = 16_384;

export interface ApiDeps {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly plans: Plans;
  readonly manifests: Manifests;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** The name of the network that requests come over. */
  readonly network: string;
  readonly limits?: Partial<ApiLimits>;
}

export function buildApi({ network, limits, ...deps }: ApiDeps): FastifyInstance {
  const { requestTimeoutMs, idleTimeoutMs, maxConnections } = { ...DEFAULT_LIMITS, ...limits };
  const { clock, log, metrics } = deps;
  const api = Fastify({
    bodyLimit: MAX_MESSAGE_BYTES,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: idleTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    // Node looks for late requests that often; its own 30 s would triple the limit.
    http: {
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 4),
      // Node would answer it without a word; refusalOf does.
      requireHostHeader: false,
      // An offer of anything else, as curl's of HTTP/2, is not taken up.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // What Fastify would answer by itself, in other words than ours.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      meter.arrived(request);
      const answer = refuse(error, request, reply);
      meter.answered(request, answer.status);
    },
  });
  const meter = new RequestMeter(api, metrics, clock);
  const isBeyondBound = boundConnections(api.server, maxConnections);
  answerWithoutRequest(api.server);

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): Problem {
    const answer = toProblem(error);
    const fields = { method: request.method, url: request.url, status: answer.status, error };
    if (answer.code === 'Failed') log.error(fields, 'request failed');
    else log.debug({ ...fields, error: messageOf(error) }, 'request refused');
    sendProblem(reply, answer);
    return answer;
  }
  api.setErrorHandler((error, request, reply) => void refuse(error, request, reply));
  api.setNotFoundHandler((request, reply) => sendProblem(reply, noRoute(request, reply)));
  // Only JSON is taken: a text would be refused as JSON that is no object.
  api.removeContentTypeParser('text/plain');
  parseJsonBodies(api);

  const stopping = new AbortController();
  api.addHook('preClose', async () => stopping.abort());
  api.addHook('onRequest', async (request, reply) => {
    const refusal = refusalOf(request, {
      stopping: stopping.signal.aborted,
      beyond: isBeyondBound(request.raw.socket) ? maxConnections : undefined,
    });
    if (refusal === undefined) return;
    reply.header('connection', 'close');
    throw refusal;
  });
  const streams = new Streams({
    clock,
    log,
    stopping: stopping.signal,
    onBegin: (request, status) => meter.answered(request, status),
  });

  let document: OpenApiDocument | undefined;
  const parts = {
    ...deps,
    document() {
      document ??= openApiDocument(ROUTES);
      return document;
    },
  };
  addRoutes(api, ROUTES, parts, { network, streams });
  return api;
}

/** Why a request is refused, whatever it asks. `beyond`: the bound on connections that its own is beyond. */
function refusalOf(
  { raw }: FastifyRequest,
  { stopping, beyond }: { readonly stopping: boolean; readonly beyond: number | undefined },
): LockstepError | undefined {
  if (stopping) return new LockstepError('Unavailable', 'the controller stops: try again later');
  if (beyond !== undefined) {
    return new LockstepError(
      'Unavailable',
      `expected at most ${beyond} connections, found one more: try again later`,
    );
  }
  // RFC 9112, 3.2.
  if (raw.headers.host === undefined && raw.httpVersion === '1.1') {
    return new LockstepError('Invalid', 'expected a Host header, found none');
  }
  return undefined;
}

function noRoute(request: FastifyRequest, reply: FastifyReply): Problem {
  const asked = `${request.method} ${request.url}`;
  const methods = methodsAt(ROUTES, request.url);
  if (methods.length === 0) {
    return problem('Invalid', 404, `no such route: ${asked}; GET /openapi.json names all that there are`);
  }
  reply.header('allow', methods.join(', '));
  return problem('Invalid', 405, `expected ${methods.join(', ')}, found ${asked}`);
}

function sendProblem(reply: FastifyReply, answer: Problem): void {
  reply.code(answer.status).header('content-type', PROBLEM_MEDIA_TYPE).send(answer);
}
