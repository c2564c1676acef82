// --timeout bounds all that a command asks and waits for, also where the controller takes the connection and says nothing, as a stopped one does.
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CliRig, manifestText } from '../fixtures/cli-rig.ts';

/** A socket on which connections are taken, and nothing is ever answered. */
async function silentSocket(rig: CliRig): Promise<string> {
  const path = join(rig.folder, 'silent');
  const taken: Socket[] = [];
  const server = createServer((socket) => taken.push(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of taken) socket.destroy();
    server.close();
  });
  return path;
}

describe('--timeout against a controller that says nothing', () => {
  it.each([
    [['lock', 'a', '--wait', '--timeout', '50ms'], true],
    [['services', 'enable', '--all', '--wait', '--timeout', '50ms'], true],
    [['wait', 'a', '--for', 'condition=Ready', '--timeout', '50ms'], false],
  ])('%j ends a second later at most with 3, and says what is not known', async (args, isChange) => {
    const rig = await CliRig.start();
    const socketPath = await silentSocket(rig);
    const { code, err } = await rig.run(args, { socketPath });
    expect(code).toBe(3);
    expect(err.join('\n')).toContain(`timed out after 1s, no answer of the controller at unix:${socketPath}`);
    expect(/whether it has done what it was asked is not known/.test(err.join('\n'))).toBe(isChange);
  });

  it('apply ends a second later at most with 3, and does not try the rest', async () => {
    const rig = await CliRig.start();
    const socketPath = await silentSocket(rig);
    const file = rig.file('hosts.yaml', manifestText('a'), manifestText('b'));
    const { code, err } = await rig.run(['apply', '-f', file, '--wait', '--timeout', '50ms'], { socketPath });
    expect(code).toBe(3);
    expect(err.join('\n')).toMatch(
      /document 1: host a: timed out after 1s.*\n.*2 of 2 hosts could not be applied, 1 of them not tried/,
    );
  });
});

describe('a controller that hangs up in the middle', () => {
  it.each([
    [['lock', 'a'], true],
    [['declare', 'a'], true],
    [['delete', 'host', 'a'], true],
    [['get', 'hosts'], false],
  ])('leaves it open whether %j was done, and it is said so: %s', async (args, isChange) => {
    const rig = await CliRig.start();
    const socketPath = join(rig.folder, 'rude');
    const server = createServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    onTestFinished(() => void server.close());
    const { code, err } = await rig.run(args, { socketPath });
    expect(code).toBe(1);
    expect(err.join('\n')).toContain(`unix:${socketPath} broke`);
    expect(err.join('\n').endsWith('; whether it has done what it was asked is not known')).toBe(isChange);
  });
});
