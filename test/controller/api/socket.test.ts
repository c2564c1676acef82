// The API and the agents' WebSockets over a real unix socket: what passes through it, and what a client can't do to it.
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type ApiLimits, buildApi } from '../../../controller/api/server.ts';
import { ApiClient, type HostNews } from '../../../controller/cli/api-client.ts';
import { AgentGateway } from '../../../controller/gateway/agent-gateway.ts';
import { serveAgents } from '../../../controller/gateway/websocket.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { nodeClock } from '../../../runtime/node-clock.ts';
import { heartbeatOf } from '../fixtures/agent-end.ts';
import { fakeApiParts } from '../fixtures/api-parts.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';
import { SocketAgent } from '../fixtures/socket-agent.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

async function serve(limits: Partial<ApiLimits> = {}) {
  const socketPath = join(tempFolder(), 's');
  const store = new MemoryStore();
  const log = new RecordingLog();
  const hosts = new Hosts({ store, clock: nodeClock, log });
  const gateway = new AgentGateway({ hosts, store, clock: nodeClock, log });
  const api = buildApi({ hosts, store, clock: nodeClock, log, network: 'local', limits, ...fakeApiParts() });
  serveAgents(api.server, (connection) => gateway.accept(connection, 'local'));
  await gateway.start();
  await api.listen({ path: socketPath });
  onTestFinished(async () => {
    await gateway.stop();
    await api.close();
    await store.close();
  });
  const client = new ApiClient({ socketPath, actor: 'alice' });
  return { socketPath, hosts, gateway, api, client, log };
}

async function rawConnection(socketPath: string): Promise<Socket> {
  const socket = createConnection(socketPath);
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  return socket;
}

function connectionsOf(api: ReturnType<typeof buildApi>): Promise<number> {
  return new Promise((resolve, reject) => {
    api.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

/** The next piece of news that `isIt`. */
async function nextOf(news: AsyncGenerator<HostNews>, isIt: (news: HostNews) => boolean): Promise<HostNews> {
  for (let next = await news.next(); next.done !== true; next = await news.next()) {
    if (isIt(next.value)) return next.value;
  }
  throw new Error('the watch ended');
}

describe('a watch', () => {
  it('tells of the hosts as they are, then of each change and deletion', async () => {
    const { client } = await serve();
    await client.declare({ name: 'a', labels: { site: 'lab' } });
    await client.declare({ name: 'b' });
    const stop = new AbortController();
    const news = client.watchHosts({ labelSelector: 'site=lab' }, stop.signal);
    expect((await news.next()).value).toMatchObject({ type: 'host', host: { metadata: { name: 'a' } } });
    expect((await news.next()).value).toEqual({ type: 'synced' });
    await client.change('unlock', { all: true });
    expect((await news.next()).value).toMatchObject({ host: { metadata: { name: 'a', generation: 2 } } });
    await client.remove('a', { force: false });
    expect((await news.next()).value).toEqual({ type: 'gone', name: 'a' });
    stop.abort();
    expect((await news.next()).done).toBe(true);
  });

  it('of events tells those that were, then each as it happens', async () => {
    const { client } = await serve();
    await client.declare({ name: 'a' });
    const stop = new AbortController();
    const news = client.watchEvents({ host: 'a' }, stop.signal);
    expect((await news.next()).value).toMatchObject({ reason: 'Declared', actor: 'alice' });
    await client.change('unlock', { names: ['a'] });
    expect((await news.next()).value).toMatchObject({ reason: 'Unlocked' });
    stop.abort();
  });

  it('ends when the controller stops, so that the stop does not wait for it', async () => {
    const { client, api } = await serve();
    const news = client.watchHosts({}, new AbortController().signal);
    await news.next();
    const ended = expect(news.next()).rejects.toThrow(/ended the watch|broke/);
    await api.close();
    await ended;
  });

  it('is refused beyond the bound on watches', async () => {
    const { client } = await serve();
    const stop = new AbortController();
    const watches = Array.from({ length: 64 }, () => client.watchHosts({}, stop.signal));
    await Promise.all(watches.map((news) => news.next()));
    await expect(client.watchHosts({}, stop.signal).next()).rejects.toThrow(/at most 64 watches/);
    stop.abort();
  });

  it('whose client does not read costs no memory and holds nobody up', async () => {
    const { client, socketPath, hosts, api } = await serve({ idleTimeoutMs: 500 });
    const labels = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`label-${index}`, 'x'.repeat(60)]),
    );
    for (let index = 0; index < 300; index += 1) await client.declare({ name: `h${index}`, labels });
    const socket = await rawConnection(socketPath);
    socket.pause();
    socket.write('GET /v1/watch HTTP/1.1\r\nhost: x\r\n\r\n');
    await hosts.change({ all: true }, { locked: false }, { actor: 'alice', network: 'local' });
    expect((await client.listHosts()).items).toHaveLength(300);
    // Nothing moves on it, so the server cuts it.
    await expect.poll(() => connectionsOf(api), { timeout: 10_000 }).toBe(0);
  });
});

describe('a client that is slow or too large', () => {
  it('that never ends its request is cut off', async () => {
    const { socketPath } = await serve({ requestTimeoutMs: 400 });
    const socket = await rawConnection(socketPath);
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.write(
      'POST /v1/hosts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    );
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 408/);
  });

  it('that never sends anything is cut off', async () => {
    const { socketPath } = await serve({ requestTimeoutMs: 400, idleTimeoutMs: 400 });
    const socket = await rawConnection(socketPath);
    await once(socket.resume(), 'close');
  });

  it('that sends a body over 1 MiB is told so', async () => {
    const { client } = await serve();
    const declared = client.declare({ name: 'a', labels: { big: 'x'.repeat(1_100_000) } });
    await expect(declared).rejects.toMatchObject({ code: 'Invalid' });
    expect((await client.listHosts()).items).toEqual([]);
  });

  it('beyond the bound on connections gets none', async () => {
    const { socketPath, client } = await serve({ maxConnections: 2 });
    const [one] = [await rawConnection(socketPath), await rawConnection(socketPath)];
    await expect(client.ready()).rejects.toMatchObject({ code: 'Unavailable' });
    one?.destroy();
    const isReady = () =>
      client.ready().then(
        () => true,
        () => false,
      );
    await expect.poll(isReady).toBe(true);
  });
});

describe('an agent', () => {
  it('connects, is told changes at once, and shows in Online and Ready', async () => {
    const { socketPath, client } = await serve();
    const stop = new AbortController();
    const news = client.watchHosts({}, stop.signal);
    const agent = await SocketAgent.connect(socketPath, 'compute-0');
    await client.change('unlock', { names: ['compute-0'] });
    await agent.until(() =>
      agent.heard.some((message) => message.type === 'desired' && message.generation === 2),
    );
    await nextOf(news, (item) => item.type === 'host' && item.host.status.conditions[0]?.status === 'True');
    await agent.close();
    await nextOf(
      news,
      (item) => item.type === 'host' && item.host.status.conditions[1]?.reason === 'Disconnected',
    );
    stop.abort();
  });

  it.each([
    ['a message over 1 MiB', () => 'x'.repeat(1_048_577)],
    ['a binary message', () => Buffer.from([1, 2, 3])],
  ])('that sends %s loses its connection, others do not', async (_name, message) => {
    const { socketPath, gateway } = await serve();
    const good = await SocketAgent.connect(socketPath, 'good');
    const bad = new WebSocket(`ws+unix:${socketPath}:/v1/agent`);
    await once(bad, 'open');
    bad.send(message());
    const [code] = await once(bad, 'close');
    expect([1_009, 1_003]).toContain(code);
    good.send(heartbeatOf(1));
    await good.until(() => good.heard.some(({ type }) => type === 'ack'));
    expect(gateway.isConnected('good')).toBe(true);
    await good.close();
  });

  it('that never reads is dropped once 1 MiB waits for it', async () => {
    const { socketPath, gateway, client } = await serve();
    const agent = await SocketAgent.connect(socketPath, 'deaf');
    agent.deafen();
    const stop = new AbortController();
    const news = client.watchHosts({ names: ['deaf'] }, stop.signal);
    const nack = JSON.stringify({ type: 'x'.repeat(60) });
    for (let round = 0; round < 2_000 && gateway.isConnected('deaf'); round += 1) {
      for (let index = 0; index < 32; index += 1) agent.send(nack);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await nextOf(news, (item) => item.type === 'host' && item.host.status.conditions[1]?.status === 'False');
    expect(gateway.isConnected('deaf')).toBe(false);
    stop.abort();
  });

  it('on another path is refused', async () => {
    const { socketPath } = await serve();
    const socket = new WebSocket(`ws+unix:${socketPath}:/v1/elsewhere`);
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('404');
  });
});

it('says which socket it tried when no controller is there', async () => {
  const client = new ApiClient({ socketPath: '/tmp/no-such/controller.sock', actor: 'alice' });
  await expect(client.listHosts()).rejects.toThrow(
    /no controller at unix:\/tmp\/no-such\/controller.sock \(no such socket\): start one with/,
  );
});
