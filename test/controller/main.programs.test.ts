// bin/lockstep-controller as a process: its folder, its socket, its signals, and what it does when it can't start.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiClient } from '../../controller/cli/api-client.ts';
import { ControllerProcess, run } from './fixtures/programs.ts';
import { SocketAgent } from './fixtures/socket-agent.ts';
import { tempFolder } from './fixtures/temp-folder.ts';

async function startController(folder: string): Promise<ControllerProcess> {
  const controller = await ControllerProcess.start(folder);
  onTestFinished(async () => {
    await controller.stop('SIGKILL');
  });
  return controller;
}

function clientOf({ socketPath }: ControllerProcess): ApiClient {
  return new ApiClient({ socketPath, actor: 'alice' });
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('the data folder', () => {
  it('is made for its owner alone, and so is all that lies in it', async () => {
    const folder = join(tempFolder(), 'made', 'data');
    await startController(folder);
    expect(modeOf(folder)).toBe('700');
    for (const name of readdirSync(folder))
      expect(`${name} ${modeOf(join(folder, name))}`).toBe(`${name} 600`);
  });

  it('that others can enter is refused', async () => {
    const folder = tempFolder();
    chmodSync(folder, 0o750);
    const { code, stderr } = await run('lockstep-controller', ['--data', folder]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/only its owner can enter \(0700\), found 0750/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that is a file is refused, and that is said even where nothing is logged', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    const { code, stderr } = await run('lockstep-controller', ['--data', file, '--log-level', 'silent']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected a folder, found something else/);
  });

  it('whose socket path is too long is refused before anything is made', async () => {
    const folder = join(tempFolder(), 'x'.repeat(100));
    const { code, stderr } = await run('lockstep-controller', ['--data', folder]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/at most 107 bytes, found \d+: choose a data folder with a shorter path/);
    expect(existsSync(folder)).toBe(false);
  });

  it('with something else in the place of the socket is refused', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'controller.sock'));
    const { code, stderr } = await run('lockstep-controller', ['--data', folder]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected a socket or nothing, found something else/);
  });
});

describe('a data folder that is deleted under a running controller', () => {
  it('I1: is there again within moments, with all that was accepted, while agents and watches stay connected', async () => {
    const folder = join(tempFolder(), 'data');
    const controller = await startController(folder);
    const client = clientOf(controller);
    await client.declare({ name: 'compute-0', labels: { site: 'lab' } });
    await client.change('unlock', { all: true, reason: 'ready' });
    const agent = await SocketAgent.connect(controller.socketPath, 'compute-0');
    rmSync(folder, { recursive: true });
    await expect
      .poll(
        () =>
          client.ready().then(
            () => true,
            () => false,
          ),
        { timeout: 5_000 },
      )
      .toBe(true);
    expect(modeOf(folder)).toBe('700');
    await client.change('lock', { all: true, reason: 'after it' });
    await agent.until(() =>
      agent.heard.some((message) => message.type === 'desired' && message.generation === 3),
    );
    await controller.stop('SIGKILL');

    const again = clientOf(await startController(folder));
    expect((await again.getHost('compute-0')).metadata).toMatchObject({
      generation: 3,
      labels: { site: 'lab' },
      annotations: { 'lockstep/reason': 'after it' },
    });
    expect((await again.events({ host: 'compute-0' })).map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['Declared', 'Unlocked', 'Locked']),
    );
  });

  it("is no longer only its owner's: that is said, and it serves on", async () => {
    const folder = join(tempFolder(), 'data');
    const controller = await startController(folder);
    chmodSync(folder, 0o755);
    await controller.said('only its owner can enter (0700), found 0755');
    await clientOf(controller).ready();
  });
});

it.each([[[]], [['--data', '']], [['--data', '/tmp/x', '--log-level', 'loud']]])(
  'ends with 2 for wrong usage: %j',
  async (args) => {
    const { code, stderr } = await run('lockstep-controller', args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: /);
  },
);

it('refuses a second controller on the same folder, and the first is unharmed', async () => {
  const folder = tempFolder();
  const first = await startController(folder);
  const client = clientOf(first);
  const agent = await SocketAgent.connect(first.socketPath, 'compute-0');
  const { code, stderr } = await run('lockstep-controller', ['--data', folder]);
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`controller.db: in use by .*${first.pid}`));
  await client.ready();
  expect(agent.isOpen).toBe(true);
});

describe('a controller that is ended', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s exits 0 at once, with agents and watches connected',
    async (signal) => {
      const controller = await startController(tempFolder());
      const agent = await SocketAgent.connect(controller.socketPath, 'compute-0');
      const watch = clientOf(controller).watchHosts({}, new AbortController().signal);
      await watch.next();
      await watch.next();
      const startedMs = performance.now();
      const { code } = await controller.stop(signal);
      expect(code).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      expect(existsSync(controller.socketPath)).toBe(false);
      await agent.until(() => !agent.isOpen);
      await expect(watch.next()).rejects.toThrow();
    },
  );

  it('by kill -9 leaves a socket that the next one takes over, and loses nothing', async () => {
    const folder = tempFolder();
    const killed = await startController(folder);
    await clientOf(killed).declare({ name: 'compute-0', labels: { site: 'lab' } });
    await clientOf(killed).change('unlock', { all: true, reason: 'ready' });
    const agent = await SocketAgent.connect(killed.socketPath, 'compute-0');
    await agent.until(() => agent.heard.some(({ type }) => type === 'ack'));
    await killed.stop('SIGKILL');
    expect(existsSync(killed.socketPath)).toBe(true);

    const client = clientOf(await startController(folder));
    const host = await client.getHost('compute-0');
    expect(host.metadata).toMatchObject({ generation: 2, labels: { site: 'lab' } });
    expect(host.spec).toEqual({ locked: false, servicesEnabled: true });
    expect(host.status.conditions[1]).toMatchObject({
      type: 'Online',
      status: 'Unknown',
      reason: 'ControllerRestarted',
    });
    expect((await client.events({ host: 'compute-0' })).map(({ reason }) => reason)).toEqual([
      'Declared',
      'Unlocked',
    ]);
  });
});

it('goes on when nobody reads its log any more', async () => {
  const folder = tempFolder();
  const controller = await startController(folder);
  controller.closeLog();
  const client = clientOf(controller);
  await client.declare({ name: 'compute-0' });
  for (let round = 0; round < 10; round += 1) {
    await client.change(round % 2 === 0 ? 'unlock' : 'lock', { all: true });
  }
  expect((await client.getHost('compute-0')).metadata.generation).toBe(11);
  expect((await controller.stop()).code).toBe(0);
});

it('listens on nothing but its socket', async () => {
  const folder = tempFolder();
  const controller = await startController(folder);
  const sockets = readdirSync(`/proc/${controller.pid}/fd`)
    .map((fd) => readlinkSync(`/proc/${controller.pid}/fd/${fd}`))
    .map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1])
    .filter((inode) => inode !== undefined);
  const tcp = ['tcp', 'tcp6', 'udp', 'udp6'].map((kind) =>
    readFileSync(`/proc/${controller.pid}/net/${kind}`, 'utf8'),
  );
  for (const inode of sockets) expect(tcp.join('').includes(` ${inode} `)).toBe(false);
});
