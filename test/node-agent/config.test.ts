import { describe, expect, it } from 'vitest';
import { type AgentFlags, loadAgentConfig } from '../../node-agent/config.ts';

const machine = { hostname: 'Compute-0.lab.example', cwd: '/work/here' };
const load = (flags: AgentFlags, yaml?: string) =>
  loadAgentConfig(flags, yaml === undefined ? undefined : { name: 'agent.yaml', text: yaml }, machine);

describe('loadAgentConfig', () => {
  it('needs nothing: every key has a default', async () => {
    const defaults = {
      host: 'compute-0',
      controllerSocket: null,
      root: '/',
      roles: ['worker'],
      flags: { volatile: '/var/run/.node_locked', persistent: '/etc/mtc/tmp/.node_locked' },
      services: { scripts: '/etc/services.d', timeoutMs: 60_000 },
      gates: '/etc/goenabled.d',
      resyncIntervalMs: 5_000,
      bootGraceMs: 2_000,
      stateDir: '/var/lib/lockstep',
      runDir: '/run/lockstep',
      logLevel: 'info',
    };
    expect(await load({})).toEqual(defaults);
    expect(await load({}, '')).toEqual(defaults);
    expect(await load({}, '# nothing but a comment\n')).toEqual(defaults);
  });

  it('takes every key from the file', async () => {
    const yaml = `
host: storage-1
controller: unix:/run/c.sock
root: /box/../box
roles: [worker, controller]
flags: { volatile: /run/a, persistent: /etc/b }
services: { scripts: /etc/s, timeout: 2m }
gates: /etc/g/
resyncInterval: 250ms
bootGrace: 0s
stateDir: /state
runDir: /r
logLevel: debug
`;
    expect(await load({}, yaml)).toEqual({
      host: 'storage-1',
      controllerSocket: '/run/c.sock',
      root: '/box',
      roles: ['controller', 'worker'],
      flags: { volatile: '/box/run/a', persistent: '/box/etc/b' },
      services: { scripts: '/box/etc/s', timeoutMs: 120_000 },
      gates: '/box/etc/g',
      resyncIntervalMs: 250,
      bootGraceMs: 0,
      stateDir: '/box/state',
      runDir: '/box/r',
      logLevel: 'debug',
    });
  });

  it('lets the flags win over the file, and takes their paths from the working folder', async () => {
    const config = await load(
      { host: 'compute-9', controller: 'unix:.lockstep/c.sock', root: 'box', logLevel: 'warn' },
      'host: compute-1\ncontroller: unix:/c\nroot: /other\nlogLevel: error\n',
    );
    expect(config).toMatchObject({
      host: 'compute-9',
      controllerSocket: '/work/here/.lockstep/c.sock',
      root: '/work/here/box',
      logLevel: 'warn',
      runDir: '/work/here/box/run/lockstep',
    });
  });

  it('lets no path climb out of the root', async () => {
    const config = await load({ root: '/box' }, 'stateDir: /../../etc\nflags: { volatile: /a/../../b }');
    expect(config.stateDir).toBe('/box/etc');
    expect(config.flags.volatile).toBe('/box/b');
  });

  it.each([
    ['hots: x', 'agent.yaml: (root): unknown field "hots"'],
    ['flags: { volatil: /x }', 'agent.yaml: flags: unknown field "volatil"'],
    ['host: Compute_0', 'agent.yaml: host: expected an RFC 1123 label'],
    ['host: 7', 'agent.yaml: host: expected string'],
    ['host: ../../etc', 'found "../../etc"'],
    ['roles: []', 'agent.yaml: roles: expected at least one role, found []'],
    ['roles: [worker, worker]', 'agent.yaml: roles: expected each role once'],
    ['roles: [compute]', 'agent.yaml: roles.0: '],
    ['roles:', 'agent.yaml: roles: '],
    ['controller: /run/c.sock', "agent.yaml: controller: expected unix:PATH, the controller's socket, found"],
    ['controller: unix:c.sock', 'agent.yaml: controller: expected unix:PATH with an absolute path'],
    ['controller: "unix:"', 'agent.yaml: controller: expected unix:PATH'],
    ['root: box', 'agent.yaml: root: expected an absolute path, found "box"'],
    ['stateDir: var/lib', 'agent.yaml: stateDir: expected an absolute path other than /, found "var/lib"'],
    ['runDir: /a/..', 'agent.yaml: runDir: expected an absolute path other than /'],
    ['gates: "/a\\0b"', 'agent.yaml: gates: expected an absolute path'],
    ['resyncInterval: 50ms', 'expected a duration from 100ms to 5m, such as 250ms, 5s or 2m, found "50ms"'],
    ['resyncInterval: 6m', 'agent.yaml: resyncInterval: expected a duration from 100ms to 5m'],
    ['resyncInterval: 5', 'expected a duration from 100ms to 5m, such as 250ms, 5s or 2m, found 5'],
    ['resyncInterval: soon', 'agent.yaml: resyncInterval: expected a duration'],
    ['services: { timeout: 2h }', 'agent.yaml: services.timeout: expected a duration from 100ms to 1h'],
    ['logLevel: loud', 'agent.yaml: logLevel: '],
    ['[1, 2]', 'agent.yaml: (root): expected object'],
    ['just text', 'agent.yaml: (root): expected object'],
    ['host: a\nhost: b', 'agent.yaml:2: expected YAML, found: Map keys must be unique'],
    ['host: a\nroles: [worker', 'agent.yaml:2: expected YAML, found: '],
    ['host: a\n\troles: x', 'agent.yaml:2: expected YAML, found: '],
    ['host: !secret a', 'agent.yaml:1: expected YAML, found: Unresolved tag: !secret'],
    ['---\nhost: a\n---\nhost: b', 'expected YAML, found: Source contains multiple documents'],
    ['host: *gone', 'agent.yaml: expected YAML, found: ReferenceError: Unresolved alias'],
    [
      'flags: { volatile: /a, persistent: /a }',
      'agent.yaml: flags.persistent: expected a path that is neither',
    ],
    ['flags: { volatile: /a, persistent: /b/../a/ }', 'found /a'],
    ['flags: { volatile: /a, persistent: /a/b }', 'neither flags.volatile (/a) nor inside it, found /a/b'],
    ['flags: { volatile: /a/b, persistent: /a }', 'flags.volatile: expected a path that is neither'],
    [
      'flags: { volatile: /run }',
      'agent.yaml: runDir: expected a path that is neither flags.volatile (/run)',
    ],
    ['flags: { persistent: /var/lib/lockstep }', 'agent.yaml: stateDir: expected a path that is neither'],
    [
      'stateDir: /same\nrunDir: /same',
      'agent.yaml: runDir: expected another folder than stateDir, found /same',
    ],
  ])('refuses %j, saying what was expected and found', async (yaml, text) => {
    await expect(load({}, yaml)).rejects.toMatchObject({ code: 'Invalid' });
    await expect(load({}, yaml)).rejects.toThrow(text);
  });

  it.each<[AgentFlags, string]>([
    [{ host: 'Compute_0' }, 'command line: host: expected an RFC 1123 label'],
    [{ controller: 'tcp:1.2.3.4' }, "command line: controller: expected unix:PATH, the controller's socket"],
    [{ root: '' }, 'command line: root: '],
    [{ logLevel: 'loud' }, 'command line: logLevel: '],
  ])('refuses the flags %j', async (flags, text) => {
    await expect(load(flags)).rejects.toThrow(text);
  });

  it('asks for a host name where the machine has none that fits', async () => {
    const odd = { hostname: 'My_Host', cwd: '/' };
    await expect(loadAgentConfig({}, undefined, odd)).rejects.toThrow(
      'found "My_Host": give one with --host or in the configuration',
    );
    expect((await loadAgentConfig({ host: 'my-host' }, undefined, odd)).host).toBe('my-host');
  });

  it('refuses a file far beyond any configuration, and a bomb of aliases', async () => {
    await expect(load({}, '#'.repeat(2_000_000))).rejects.toThrow(
      'at most 1048576 characters, found 2000000',
    );
    const bomb = `a: &a [x]\n${[...'bcdefgh'].map((key, i) => `${key}: &${key} [${`*${'abcdefgh'[i]},`.repeat(20)}]`).join('\n')}`;
    await expect(load({}, bomb)).rejects.toMatchObject({ code: 'Invalid' });
  });
});
