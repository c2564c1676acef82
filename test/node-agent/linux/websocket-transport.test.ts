import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Connection } from '../../../desired-state/wire.ts';
import { WebSocketTransport } from '../../../node-agent/linux/websocket-transport.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync('/tmp/ls-ws-');
  path = join(folder, 'c.sock');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const dial = (signal = never) => new WebSocketTransport({ socketPath: path }).dial(signal);

async function listen(server: Server | HttpServer, at = path): Promise<void> {
  await new Promise<void>((resolve) => server.listen(at, resolve));
}

/** A controller's end on the unix socket: `onConnection` sees each agent's. */
async function serve(
  onConnection: (socket: WebSocket, url: string) => void,
  at = path,
): Promise<WebSocketServer> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, maxPayload: 8_388_608 });
  server.on('connection', (socket, request) => onConnection(socket, request.url ?? ''));
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    http.close();
  });
  await listen(http, at);
  return server;
}

/** What stands behind the socket speaks no WebSocket; its sockets end with the test. */
async function serveRaw(onSocket: (socket: Socket) => void): Promise<void> {
  const sockets: Socket[] = [];
  const server = createNetServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await listen(server);
}

const closeOf = (connection: Connection) => new Promise<string>((resolve) => connection.onClose(resolve));

async function messagesOf(connection: Connection, count: number): Promise<string[]> {
  const texts: string[] = [];
  await new Promise<void>((resolve) => {
    connection.onMessage((text) => {
      texts.push(text);
      if (texts.length === count) resolve();
    });
  });
  return texts;
}

describe('an open connection', () => {
  it('carries texts both ways, in order, at /v1/agent', async () => {
    const heard: string[] = [];
    await serve((socket, url) => {
      heard.push(url);
      socket.on('message', (data) => {
        heard.push(String(data));
        socket.send(`re ${data}`);
      });
    });
    const connection = await dial();
    for (let i = 0; i < 100; i++) connection.send(`${i} ä`);
    const numbers = [...new Array(100).keys()];
    expect(await messagesOf(connection, 100)).toEqual(numbers.map((i) => `re ${i} ä`));
    expect(heard).toEqual(['/v1/agent', ...numbers.map((i) => `${i} ä`)]);
  });

  it('keeps what the controller says at once until somebody listens', async () => {
    await serve((socket) => {
      for (let i = 0; i < 10; i++) socket.send(String(i));
    });
    const connection = await dial();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await messagesOf(connection, 10)).toEqual([...'0123456789']);
  });

  it('takes a message of 1 MiB, and ends the connection at a larger one', async () => {
    await serve((socket) => {
      socket.send('x'.repeat(1_048_576));
      socket.send('x'.repeat(1_048_577));
    });
    const connection = await dial();
    const closed = closeOf(connection);
    expect((await messagesOf(connection, 1))[0]).toHaveLength(1_048_576);
    expect(await closed).toBe('Max payload size exceeded');
  });

  it('does not compress', async () => {
    const server = await serve(() => undefined);
    let extensions: string | undefined = 'none seen';
    server.on('headers', (_headers, request) => {
      extensions = request.headers['sec-websocket-extensions'];
    });
    await dial();
    expect(extensions).toBeUndefined();
  });

  it('tells once, to each who asks, early or late, why the controller closed it', async () => {
    await serve((socket) => socket.close(4001, 'another agent has this name'));
    const connection = await dial();
    const reasons: string[] = [];
    connection.onClose((reason) => reasons.push(reason));
    connection.onMessage(() => undefined);
    await closeOf(connection);
    expect(await closeOf(connection)).toBe(
      'the controller closed the connection (4001: another agent has this name)',
    );
    expect(reasons).toHaveLength(1);
    connection.send('nobody hears it');
    connection.close('nor this');
  });

  it('tells that the controller died', async () => {
    await serve((socket) => socket.terminate());
    const connection = await dial();
    connection.onMessage(() => undefined);
    expect(await closeOf(connection)).toBe('the connection broke off');
  });

  it('closes with a reason that the controller sees, cut to what a close frame holds', async () => {
    const seen = Promise.withResolvers<string>();
    await serve((socket) => socket.on('close', (code, reason) => seen.resolve(`${code} ${reason}`)));
    const connection = await dial();
    const closed = closeOf(connection);
    connection.close(`the agent stops${'ä'.repeat(100)}`);
    expect(await seen.promise).toBe(`1000 the agent stops${'ä'.repeat(54)}`);
    expect(await closed).toBe(`the agent stops${'ä'.repeat(100)}`);
  });

  it('closes in bounded time when the controller does not answer', async () => {
    await serve((socket) => socket.pause());
    const connection = await dial();
    connection.onMessage(() => undefined);
    connection.close('the agent stops');
    expect(await closeOf(connection)).toBe('the agent stops');
  });

  it('gives up a controller that does not read, instead of queueing for it', async () => {
    await serve((socket) => socket.pause());
    const connection = await dial();
    const closed = closeOf(connection);
    for (let i = 0; i < 50; i++) connection.send('x'.repeat(100_000));
    expect(await closed).toMatch(/^the controller does not read: \d+ bytes wait for it$/);
  });

  it('refuses a binary message', async () => {
    await serve((socket) => socket.send(Buffer.from('{}')));
    const connection = await dial();
    connection.onMessage(() => undefined);
    expect(await closeOf(connection)).toBe('expected a text message, found a binary one');
  });
});

describe('dialling', () => {
  it('reaches a socket whose path holds a colon and a question mark', async () => {
    path = join(folder, 'a:b?c#d%20.sock');
    await serve((socket) => socket.send('here'));
    expect(await messagesOf(await dial(), 1)).toEqual(['here']);
  });

  it('says that nothing is there', async () => {
    await expect(dial()).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(dial()).rejects.toThrow(
      `expected the controller's socket at ${path}, found nothing (ENOENT): is the controller running`,
    );
  });

  it('says that nobody listens', async () => {
    writeFileSync(path, '');
    await expect(dial()).rejects.toThrow(
      `expected a controller to listen on ${path}, found none (ECONNREFUSED)`,
    );
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not', async () => {
    await serve(() => undefined);
    chmodSync(path, 0);
    await expect(dial()).rejects.toThrow('found no permission (EACCES)');
  });

  it('says what answered instead of a WebSocket', async () => {
    const http = createServer((_request, response) => response.writeHead(503).end());
    http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n'));
    onTestFinished(() => {
      http.close();
    });
    await listen(http);
    await expect(dial()).rejects.toThrow(
      `controller on ${path}: expected a WebSocket, found HTTP 503 Service Unavailable`,
    );
  });

  it('says what else went wrong', async () => {
    await serveRaw((socket) => socket.end('hello\r\n\r\n'));
    await expect(dial()).rejects.toThrow(`controller on ${path}: Parse Error`);
  });

  it('says that the other end hung up', async () => {
    await serveRaw((socket) => socket.destroy());
    await expect(dial()).rejects.toThrow(`controller on ${path}: `);
  });

  it('gives up on a peer that says nothing, and on one that drips its answer', async () => {
    let connections = 0;
    await serveRaw((socket) => {
      connections += 1;
      if (connections === 1) return;
      socket.write('HTTP/1.1 101 Switching Protocols\r\nx: ');
      const timer = setInterval(() => socket.write('x'), 100);
      socket.once('close', () => clearInterval(timer));
    });
    const outcomes = await Promise.allSettled([dial(), dial()]);
    const text = `controller on ${path}: expected an answer within 5000 ms, found none`;
    expect(outcomes).toMatchObject([{ reason: { message: text } }, { reason: { message: text } }]);
    expect(connections).toBe(2);
  });

  it('ends when it is aborted, before or meanwhile', async () => {
    const arrived = Promise.withResolvers<void>();
    await serveRaw(() => arrived.resolve());
    await expect(dial(AbortSignal.abort())).rejects.toThrow('the dialling was given up');
    const giveUp = new AbortController();
    const dialled = dial(giveUp.signal);
    await arrived.promise;
    giveUp.abort();
    await expect(dialled).rejects.toThrow('the dialling was given up');
  });

  it('refuses a path that no unix socket can have, in bytes', () => {
    const transport = (socketPath: string) => () => new WebSocketTransport({ socketPath });
    transport(`/${'x'.repeat(106)}`)();
    expect(transport(`/${'x'.repeat(107)}`)).toThrow('at most 107 bytes, found 108 in /xxx');
    expect(transport(`/${'ä'.repeat(54)}`)).toThrow('found 109');
  });

  it('is called local unless it is told otherwise', () => {
    expect(new WebSocketTransport({ socketPath: path }).network).toBe('local');
    expect(new WebSocketTransport({ socketPath: path, network: 'management' }).network).toBe('management');
  });
});
