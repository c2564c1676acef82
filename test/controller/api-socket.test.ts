// The socket of the API under hands that delete and replace it: it is there again, and nobody who is connected notices.
import { lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiSocket } from '../../controller/api-socket.ts';
import { askOnce } from '../../controller/cli/unix-http.ts';
import { tempFolder } from './fixtures/temp-folder.ts';

async function serve() {
  const path = join(tempFolder(), 's');
  const api = Fastify();
  const answers: (() => void)[] = [];
  api.get('/', async () => ({ served: true }));
  api.get('/later', () => new Promise((resolve) => answers.push(() => resolve({ served: true }))));
  const socket = new ApiSocket(path, api);
  onTestFinished(async () => {
    await Promise.all([api.close(), socket.close()]);
  });
  await socket.keep();
  const ask = (url = '/') => askOnce(path, { method: 'GET', path: url });
  return { path, api, socket, ask, answers };
}

describe('the socket of the API', () => {
  it('is left alone while it is there', async () => {
    const { path, socket, ask } = await serve();
    const { ino } = lstatSync(path);
    expect(await socket.keep()).toBe('kept');
    expect(lstatSync(path).ino).toBe(ino);
    expect(await ask()).toEqual({ served: true });
  });

  it('that was deleted is made again for its owner alone, as often as it is deleted', async () => {
    const { path, socket, ask } = await serve();
    for (let time = 0; time < 3; time += 1) {
      rmSync(path);
      await expect(ask()).rejects.toMatchObject({ code: 'Unavailable' });
      expect(await socket.keep()).toBe('mended');
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await ask()).toEqual({ served: true });
      expect(await socket.keep()).toBe('kept');
    }
  });

  it('that was replaced by the socket of another program is its own again', async () => {
    const { path, socket, ask } = await serve();
    rmSync(path);
    const impostor = createServer((connection) => connection.destroy());
    await new Promise<void>((resolve) => impostor.listen(path, resolve));
    onTestFinished(() => void impostor.close());
    expect(await socket.keep()).toBe('mended');
    expect(await ask()).toEqual({ served: true });
  });

  it('whose place a file has taken waits until that is gone, and never deletes it', async () => {
    const { path, socket, ask } = await serve();
    rmSync(path);
    writeFileSync(path, 'mine');
    await expect(socket.keep()).rejects.toThrow(/expected a socket or nothing, found something else/);
    expect(lstatSync(path).isFile()).toBe(true);
    rmSync(path);
    expect(await socket.keep()).toBe('mended');
    expect(await ask()).toEqual({ served: true });
  });

  it('whose folder is gone is tried again', async () => {
    const { path, socket, ask } = await serve();
    rmSync(join(path, '..'), { recursive: true });
    await expect(socket.keep()).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(path),
    });
    mkdirSync(join(path, '..'));
    expect(await socket.keep()).toBe('mended');
    expect(await ask()).toEqual({ served: true });
  });

  it('answers who was connected before, over each of the sockets that it had', async () => {
    const { path, socket, ask, answers } = await serve();
    const before = ask('/later');
    await expect.poll(() => answers.length).toBe(1);
    rmSync(path);
    await socket.keep();
    const between = ask('/later');
    await expect.poll(() => answers.length).toBe(2);
    rmSync(path);
    await socket.keep();
    for (const answer of answers) answer();
    expect(await Promise.all([before, between, ask()])).toEqual(Array(3).fill({ served: true }));
  });

  it('takes nobody in any more once it is closed', async () => {
    const { path, api, socket, ask } = await serve();
    rmSync(path);
    await socket.keep();
    await Promise.all([api.close(), socket.close()]);
    await expect(ask()).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
