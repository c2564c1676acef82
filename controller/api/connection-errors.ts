// What goes wrong with a connection before there is a request that a route or Fastify could answer: told as problem details all the same, on the bare socket.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errnoOf } from '../../desired-state/errors.ts';
import { PROBLEM_MEDIA_TYPE, problem } from './problem.ts';
import type { Problem } from './schemas.ts';

/** Connections beyond the bound that are told so; of more than that each is just closed. */
const MAX_TOLD = 16;

/** Node's and llhttp's codes of requests that could not be read, https://nodejs.org/api/http.html#event-clienterror; any other is a 400. */
const CLIENT_ERRORS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'expected the whole request in time, found that it never ended'],
  HPE_HEADER_OVERFLOW: [431, 'expected headers of at most 16 KiB together, found more'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'expected chunk extensions of at most 16 KiB, found more'],
};

/** Fastify's `clientErrorHandler`: answers a request that is no HTTP, or never ended, and closes its connection. */
export function answerClientError(error: Error, socket: Socket): void {
  const code = errnoOf(error) ?? '';
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = CLIENT_ERRORS[code] ?? [400, `expected an HTTP request, found ${error.message}`];
  refuseOnSocket(socket, status, detail);
}

/** Answers what Node would answer, or drop, without saying why: an expectation that it does not know, and CONNECT. */
export function answerWithoutRequest(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const detail = `expected no Expect header but 100-continue, found ${request.headers.expect}`;
    const body = JSON.stringify(problem('Invalid', 417, detail));
    response.writeHead(417, { 'content-type': PROBLEM_MEDIA_TYPE, connection: 'close' }).end(body);
  });
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    refuseOnSocket(socket, 405, 'expected a method that some route has, found CONNECT');
  });
}

/** Answers on a socket that is no longer, or never was, an HTTP server's, and closes it. */
export function refuseOnSocket(socket: Duplex, status: number, detail: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(rawAnswer(problem('Invalid', status, detail)), () => socket.destroy());
}

/** Bounds `server` to `maxConnections`. @returns whether a connection is one of the few beyond that are told so. */
export function boundConnections(server: Server, maxConnections: number): (socket: Socket) => boolean {
  const told = new WeakSet<Socket>();
  let open = 0;
  server.maxConnections = maxConnections + MAX_TOLD;
  server.on('connection', (socket: Socket) => {
    open += 1;
    if (open > maxConnections) told.add(socket);
    socket.once('close', () => {
      open -= 1;
    });
  });
  return (socket) => told.has(socket);
}

function rawAnswer(answer: Problem): string {
  const body = JSON.stringify(answer);
  const head = [
    `HTTP/1.1 ${answer.status} ${answer.title}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
