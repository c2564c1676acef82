// What never reaches a route, over a real unix socket: every error is problem details, whoever finds it, and every request is counted.
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { problemSchema } from '../../../controller/api/schemas.ts';
import { type ApiLimits, buildApi } from '../../../controller/api/server.ts';
import { serveAgents } from '../../../controller/gateway/websocket.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { nodeClock } from '../../../runtime/node-clock.ts';
import { fakeApiParts } from '../fixtures/api-parts.ts';
import { askRaw, eventsIn } from '../fixtures/raw-http.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

async function serve(limits: Partial<ApiLimits> = {}) {
  const socketPath = join(tempFolder(), 's');
  const store = new MemoryStore();
  const log = new RecordingLog();
  const hosts = new Hosts({ store, clock: nodeClock, log });
  const parts = fakeApiParts();
  const api = buildApi({ hosts, store, clock: nodeClock, log, network: 'local', limits, ...parts });
  serveAgents(api.server, (connection) => connection.close('this test has no agents'));
  await api.listen({ path: socketPath });
  onTestFinished(() => api.close());
  return { socketPath, hosts, api, requests: parts.metrics.requests };
}

/** Sends `text` as it is. @returns the whole answer, once the server has closed the connection. */
async function send(socketPath: string, text: string | Buffer) {
  const socket = createConnection(socketPath);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(text);
  await once(socket, 'close');
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  return { head, problem: problemSchema.parse(JSON.parse(/\{.*\}/s.exec(body)?.[0] ?? body)) };
}

const ending = 'host: x\r\nconnection: close\r\n';
const json = `${ending}content-type: application/json\r\n`;

describe('problem details are what is answered to', () => {
  it.each<[string, number, string | Buffer, RegExp]>([
    ['no HTTP', 400, 'hello\r\n\r\n', /expected an HTTP request, found Parse Error/],
    ['TLS', 400, Buffer.from([0x16, 3, 1, 2, 0]), /expected an HTTP request/],
    ['a method that there is none of', 400, `BREW /v1/hosts HTTP/1.1\r\n${ending}\r\n`, /Invalid method/],
    [
      'a version of HTTP that there is none of',
      400,
      `GET / HTTP/7.0\r\n${ending}\r\n`,
      /Invalid HTTP version/,
    ],
    [
      'a request without a Host',
      400,
      'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n',
      /expected a Host/,
    ],
    ['a URL that is none', 400, `GET /v1/hosts/%E0%A4%A HTTP/1.1\r\n${ending}\r\n`, /%E0%A4%A/],
    [
      'a name that is too long',
      400,
      `GET /v1/hosts/${'a'.repeat(999)} HTTP/1.1\r\n${ending}\r\n`,
      /RFC 1123/,
    ],
    [
      'a chunk that is none',
      400,
      `POST /v1/hosts HTTP/1.1\r\n${json}transfer-encoding: chunked\r\n\r\nz\r\n`,
      /chunk size/,
    ],
    [
      'a path that is none',
      404,
      `GET /v1/pods HTTP/1.1\r\n${ending}\r\n`,
      /no such route: GET \/v1\/pods; GET \/openapi/,
    ],
    [
      'a WebSocket elsewhere',
      404,
      'GET /v1/x HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      /expected a WebSocket on \/v1\/agent/,
    ],
    [
      'a handshake that is none',
      400,
      'GET /v1/agent HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      /Sec-WebSocket-Key/,
    ],
    ['a WebSocket path without a handshake', 404, `GET /v1/agent HTTP/1.1\r\n${ending}\r\n`, /no such route/],
    ['CONNECT', 405, `CONNECT x:1 HTTP/1.1\r\n${ending}\r\n`, /found CONNECT/],
    [
      'a body over 1 MiB',
      413,
      `POST /v1/hosts HTTP/1.1\r\n${json}content-length: 1048577\r\n\r\n{`,
      /at most 1048576 bytes/,
    ],
    [
      'a text',
      415,
      `POST /v1/hosts HTTP/1.1\r\n${ending}content-type: text/plain\r\ncontent-length: 2\r\n\r\nhi`,
      /application\/json/,
    ],
    ['an expectation', 417, `GET /healthz HTTP/1.1\r\n${ending}expect: tea\r\n\r\n`, /found tea/],
    [
      'headers over 16 KiB',
      431,
      `GET /healthz HTTP/1.1\r\n${ending}x: ${'x'.repeat(20_000)}\r\n\r\n`,
      /at most 16 KiB/,
    ],
  ])('%s: %i', async (_what, status, text, detail) => {
    const { socketPath } = await serve();
    const { head, problem } = await send(socketPath, text);
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toMatch(/^content-type: application\/problem\+json/im);
    expect(problem).toMatchObject({ status, code: 'Invalid', type: 'urn:lockstep:problem:Invalid' });
    expect(problem.detail).toMatch(detail);
  });

  it('a request that never ends: 408', async () => {
    const { socketPath } = await serve({ requestTimeoutMs: 400 });
    const { problem } = await send(
      socketPath,
      `POST /v1/hosts HTTP/1.1\r\n${json}content-length: 9\r\n\r\n{`,
    );
    expect(problem).toMatchObject({ status: 408, code: 'Invalid' });
  });

  it('a connection beyond the bound: 503, so that the client may try again', async () => {
    const { socketPath } = await serve({ maxConnections: 1 });
    const first = createConnection(socketPath);
    onTestFinished(() => void first.destroy());
    await once(first, 'connect');
    const { head, problem } = await send(socketPath, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(head).toMatch(/^connection: close/im);
    expect(problem).toMatchObject({ status: 503, code: 'Unavailable' });
    expect(problem.detail).toMatch(/at most 1 connections/);
  });
});

describe('a method that a path does not have', () => {
  it.each([
    ['PATCH', '/v1/hosts/a', 'GET, HEAD, PUT, DELETE'],
    ['OPTIONS', '/v1/hosts?x=1', 'GET, HEAD, POST'],
    ['GET', '/v1/hosts/actions/lock', 'POST'],
    ['POST', '/openapi.json', 'GET, HEAD'],
    ['HEAD', '/v1/watch', 'GET'],
  ])('%s %s is told those that it has', async (method, path, allow) => {
    const { socketPath } = await serve();
    const answer = await askRaw(socketPath, { method, path });
    expect(answer).toMatchObject({ status: 405, mediaType: 'application/problem+json', headers: { allow } });
  });

  it('is not HEAD where GET is', async () => {
    const { socketPath } = await serve();
    expect(await askRaw(socketPath, { method: 'HEAD', path: '/v1/hosts' })).toMatchObject({
      status: 200,
      text: '',
    });
  });

  it('takes a dot in a path for a dot', async () => {
    const { socketPath } = await serve();
    expect(await askRaw(socketPath, { method: 'POST', path: '/openapi-json' })).toMatchObject({
      status: 404,
    });
  });
});

it('does not take up an offer of another protocol', async () => {
  const { socketPath } = await serve();
  const headers = { connection: 'upgrade, http2-settings', upgrade: 'h2c', 'http2-settings': '' };
  expect(await askRaw(socketPath, { method: 'GET', path: '/healthz', headers })).toMatchObject({
    status: 200,
  });
});

describe('the metrics are told of each answer once', () => {
  it('under the path of its route, or none', async () => {
    const { socketPath, hosts, requests } = await serve();
    await hosts.declare({ name: 'a' }, { actor: 'alice', network: 'local' });
    for (const [method, path] of [
      ['GET', '/v1/hosts/a?x=1'],
      ['HEAD', '/v1/hosts/a'],
      ['GET', '/v1/hosts/b'],
      ['GET', '/v1/hosts/b/plan'],
      ['GET', '/metrics'],
      ['PATCH', '/v1/hosts/a'],
      ['GET', '/v1/pods/a'],
      ['GET', '/v1/hosts/%E0%A4%A'],
    ] as const) {
      await askRaw(socketPath, { method, path });
    }
    await expect.poll(() => requests.length).toBe(8);
    expect(requests.map(({ method, route, status }) => `${method} ${route} ${status}`)).toEqual([
      'GET /v1/hosts/{name} 200',
      'HEAD /v1/hosts/{name} 200',
      'GET /v1/hosts/{name} 404',
      'GET /v1/hosts/{name}/plan 503',
      'GET /metrics 200',
      'PATCH unmatched 405',
      'GET unmatched 404',
      'GET unmatched 400',
    ]);
    for (const { durationMs } of requests) expect(durationMs).toBeGreaterThanOrEqual(0);
  });

  it('of a stream when it begins, not when it ends', async () => {
    const { socketPath, requests } = await serve();
    let counted = 0;
    await askRaw(socketPath, { method: 'GET', path: '/v1/watch' }, (text) => {
      counted = requests.length;
      return eventsIn(text).length > 0;
    });
    expect(counted).toBe(1);
    expect(requests).toMatchObject([{ method: 'GET', route: '/v1/watch', status: 200 }]);
    // A request answered after the stream's end: had the end been counted, too, there would be three.
    await askRaw(socketPath, { method: 'GET', path: '/healthz' });
    await expect.poll(() => requests.length).toBe(2);
    expect(requests[1]).toMatchObject({ route: '/healthz' });
  });
});
