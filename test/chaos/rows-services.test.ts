// Rows S1, S2, S5, S9 to S12, S15 and S16 of requirements.md on the real programs, with scripts that run real processes.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../desired-state/conditions.ts';
import type { Role } from '../../desired-state/host.ts';
import { linesOf } from './fixtures/log-lines.ts';
import { daemonsOf, killHard } from './fixtures/processes.ts';
import { LOCKED, Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { daemon, marker } from './fixtures/scripts.ts';
import { removeTree } from './fixtures/trees.ts';
import { staysTrue, until, within } from './fixtures/wait.ts';

const HOST_TYPES: readonly (readonly [string, readonly Role[]])[] = [
  ['controller', ['controller']],
  ['worker', ['worker']],
  ['storage', ['storage']],
  ['all-in-one', ['controller', 'worker']],
];
/** In the order of starting inside a set. */
const NAMES = ['10-first', '20-second', 'last'] as const;

describe.each(HOST_TYPES)('S1: a %s host', (_, roles) => {
  it('starts its sets in order and stops them in reverse, and no other set', async () => {
    const sandbox = new Sandbox({ roles });
    for (const set of ['controller', 'worker', 'storage'] as const) {
      for (const name of NAMES) sandbox.service(set, name, marker(sandbox, `${set}-${name}`));
    }
    await sandbox.startBoth();
    await sandbox.askAndWait('unlock', UNLOCKED);
    const services = roles.flatMap((set) => NAMES.map((name) => `${set}/${set}-${name}`));
    const startCalls = services.map((service) => `${service} start`);
    expect(sandbox.lines('calls')).toEqual(startCalls);
    await sandbox.askAndWait('lock', LOCKED);
    const stopCalls = services.map((service) => `${service} stop`).reverse();
    expect(sandbox.lines('calls')).toEqual([...startCalls, ...stopCalls]);
  });
});

async function reboot(sandbox: Sandbox, names: readonly string[]): Promise<void> {
  await sandbox.endAgent();
  for (const pid of names.flatMap((name) => daemonsOf(sandbox.folder, name))) killHard(pid);
  removeTree(sandbox.runDir);
}

it('S2, S12: unlocking starts the services without a reboot, and after one they start by themselves without a controller', async () => {
  const sandbox = new Sandbox();
  const names = ['10-one', '20-two'];
  for (const name of names) sandbox.service('worker', name, daemon(sandbox, name));
  await sandbox.startBoth();
  expect(sandbox.read('calls')).toBe('');
  await sandbox.askAndWait('unlock', UNLOCKED);
  for (const name of names) expect(daemonsOf(sandbox.folder, name)).toHaveLength(1);
  await sandbox.endController();
  await reboot(sandbox, names);
  sandbox.startAgent();
  await until('both run again', () => names.every((name) => daemonsOf(sandbox.folder, name).length === 1));
  expect(sandbox.presence()).toBe('neither');
});

it('S11: a host whose services are disabled starts nothing after a reboot', async () => {
  const sandbox = new Sandbox();
  sandbox.service('worker', '10-one', daemon(sandbox, '10-one'));
  await sandbox.startBoth();
  await sandbox.endController();
  await reboot(sandbox, ['10-one']);
  sandbox.startAgent();
  await until(
    'services were looked at',
    async () => (await sandbox.published())?.status.services.length === 1,
  );
  await staysTrue('nothing is started', () => sandbox.read('calls') === '', 3_000);
  expect(sandbox.presence()).toBe('both');
});

it('S5: a start asked for again while running runs nothing again, whoever asks and after a restart of the agent too', async () => {
  const sandbox = new Sandbox();
  sandbox.service('worker', '10-one', daemon(sandbox, '10-one'));
  await sandbox.startBoth();
  await sandbox.askAndWait('unlock', UNLOCKED);
  const calls = sandbox.lines('calls');
  await sandbox.askAndWait('unlock', UNLOCKED);
  await sandbox.askAndWait('enable-services', UNLOCKED);
  expect((await sandbox.cli('services', 'enable', 'compute-0', '--wait')).code).toBe(0);
  await sandbox.endAgent();
  sandbox.startAgent();
  await until('services were looked at', async () => (await sandbox.published())?.pid === sandbox.agentPid);
  await sandbox.untilReady(UNLOCKED);
  await staysTrue('nothing more is run', () => sandbox.lines('calls').length === calls.length, 1_500);
});

it.each(['missing', 'empty'])('S9: a set whose folder is %s is a success with a result', async (kind) => {
  const sandbox = new Sandbox();
  if (kind === 'empty') mkdirSync(join(sandbox.root, 'etc/services.d/worker'), { recursive: true });
  await sandbox.startBoth();
  const host = await sandbox.askAndWait('unlock', UNLOCKED);
  expect(findCondition(host.status.conditions, 'ServicesInSync')).toMatchObject({
    status: 'True',
    reason: 'NoServices',
  });
});

it('S10: 300 scripts in a set are started and stopped, each once', async () => {
  const sandbox = new Sandbox({ resyncInterval: '5s' });
  const names = Array.from({ length: 300 }, (_, index) => `s${index}`);
  for (const name of names) sandbox.service('worker', name, marker(sandbox, name));
  await sandbox.startController();
  sandbox.startAgent();
  await sandbox.untilReady(LOCKED, 60_000);
  for (const [action, spec, verb] of [
    ['unlock', UNLOCKED, 'start'],
    ['lock', LOCKED, 'stop'],
  ] as const) {
    await sandbox.ask(action);
    const host = await sandbox.untilReady(spec, 60_000);
    expect(host.status.services).toHaveLength(300);
    const ran = sandbox.lines('calls').filter((line) => line.endsWith(` ${verb}`));
    expect(new Set(ran)).toEqual(new Set(names.map((name) => `worker/${name} ${verb}`)));
    expect(`${ran.length} calls of ${verb}`).toBe(`300 calls of ${verb}`);
  }
});

it('S15: a service started by hand on a host whose services are disabled is stopped within 5 s', async () => {
  const sandbox = new Sandbox({ resyncInterval: '5s' });
  sandbox.service('worker', '10-daemon', daemon(sandbox, '10-daemon'));
  sandbox.service('worker', '20-marker', marker(sandbox, '20-marker'));
  await sandbox.startBoth();
  writeFileSync(sandbox.path('20-marker.on'), '');
  await until('the marker is stopped', () => !sandbox.isFile(sandbox.path('20-marker.on')));
  const byHand = spawn('sleep', ['1000'], { stdio: 'ignore', env: { STARTED_IN: `${sandbox.folder}/` } });
  writeFileSync(sandbox.path('10-daemon.pid'), `${byHand.pid}\n`);
  await until('the daemon is stopped', () => byHand.signalCode !== null);
  expect(sandbox.lines('calls').filter((line) => line.endsWith(' start'))).toEqual([]);
});

it('S16: what is no script of its owner in a set is skipped, and said once', async () => {
  const sandbox = new Sandbox();
  const set = join(sandbox.root, 'etc/services.d/worker');
  const trap = `touch ${sandbox.path('trapped')}\ncase "$1" in status) exit 3;; esac`;
  sandbox.service('worker', '10-good', marker(sandbox, '10-good'));
  for (const name of ['10-good~', '10-good.bak', '.10-good.swp']) sandbox.script(join(set, name), trap);
  sandbox.script(join(set, 'not-executable'), trap, 0o644);
  sandbox.script(join(set, 'group-writable'), trap, 0o775);
  sandbox.script(join(set, 'world-writable'), trap, 0o757);
  mkdirSync(join(set, 'folder'));
  await sandbox.startBoth();
  const host = await sandbox.askAndWait('unlock', UNLOCKED);
  expect(host.status.services.map(({ name }) => name)).toEqual(['10-good']);
  expect(findCondition(host.status.conditions, 'ServicesInSync')).toMatchObject({
    status: 'True',
    message: expect.stringMatching(
      /^1 service is running; not run: worker\/group-writable: .*; worker\/world-writable: /,
    ),
  });
  await staysTrue('none of them is run', () => !sandbox.isFile(sandbox.path('trapped')), 1_500);
  const { stderr } = await within('the agent ends', sandbox.endAgent('SIGTERM'));
  const passedOver = linesOf(stderr, 'no service: passed over').map(({ path }) => path);
  expect(new Set(passedOver)).toEqual(
    new Set(
      ['10-good~', '10-good.bak', '.10-good.swp', 'not-executable', 'folder'].map((name) => join(set, name)),
    ),
  );
  expect(passedOver).toHaveLength(5);
  const unsafe = linesOf(stderr, 'not run: others could have written it').map(({ path }) => path);
  expect(unsafe.toSorted()).toEqual([join(set, 'group-writable'), join(set, 'world-writable')].toSorted());
});

it('S16: a set that others can write is not looked at, and nothing is claimed of its services', async () => {
  const sandbox = new Sandbox();
  const set = join(sandbox.root, 'etc/services.d/worker');
  sandbox.service('worker', '10-good', marker(sandbox, '10-good'));
  await sandbox.startBoth();
  await sandbox.askAndWait('unlock', UNLOCKED);
  chmodSync(set, 0o777);
  await sandbox.ask('lock');
  await until('its services are unknown', async () => {
    const { conditions } = (await sandbox.host()).status;
    return findCondition(conditions, 'ServicesInSync')?.reason === 'SetNotLookedAt';
  });
});
