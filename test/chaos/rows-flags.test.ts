// Rows F1 to F6 of requirements.md on the real programs: which flags a host has, what they are, and that they come back.
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../desired-state/host.ts';
import { type FlagName, LOCKED, Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { removeTree } from './fixtures/trees.ts';
import { untilFine } from './fixtures/wait.ts';

const SENTENCE = 'This node is currently in the administratively locked state';
const HOST_TYPES: readonly (readonly [string, readonly Role[]])[] = [
  ['controller', ['controller']],
  ['worker', ['worker']],
  ['storage', ['storage']],
  ['all-in-one', ['controller', 'worker']],
];
const CHOICES: readonly (readonly FlagName[])[] = [['volatile'], ['persistent'], ['volatile', 'persistent']];

describe.each(HOST_TYPES)('a %s host', (_, roles) => {
  it('F4: freshly installed, it comes up locked with both flags, without any controller', async () => {
    const sandbox = new Sandbox({ roles });
    sandbox.startAgent({ alone: true });
    await sandbox.untilFlags('both');
    await untilFine(async () => {
      const known = await sandbox.published();
      return known?.desired.source === 'fresh-install' && known.desired.locked === true
        ? undefined
        : `it knows ${JSON.stringify(known?.desired)}`;
    });
    expect((await sandbox.published())?.roles).toEqual(roles);
  });

  it('F1, F2: it has both flags while locked and neither while unlocked', async () => {
    const sandbox = new Sandbox({ roles });
    await sandbox.startBoth();
    expect(sandbox.presence()).toBe('both');
    await sandbox.askAndWait('unlock', UNLOCKED);
    expect(sandbox.presence()).toBe('neither');
    const host = await sandbox.askAndWait('lock', LOCKED);
    expect(sandbox.presence()).toBe('both');
    expect(host.status).toMatchObject({ roles, flags: { volatile: 'present', persistent: 'present' } });
  });
});

it('F3: the flags are two plain files, 0644 even under umask 077, whose first line is the agreed sentence', async () => {
  const sandbox = new Sandbox();
  await sandbox.startController();
  const umask = process.umask(0o077);
  sandbox.startAgent();
  process.umask(umask);
  await sandbox.untilReady(LOCKED);
  const { volatile, persistent } = sandbox.flags;
  for (const path of [volatile, persistent]) {
    expect(sandbox.isFile(path)).toBe(true);
    expect((statSync(path).mode & 0o7777).toString(8)).toBe('644');
    expect(statSync(path).nlink).toBe(1);
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(SENTENCE);
  }
  expect(statSync(volatile).ino).not.toBe(statSync(persistent).ino);
  expect((statSync(`${sandbox.runDir}/status.json`).mode & 0o7777).toString(8)).toBe('644');
});

it('F3: neither flag is a link to the other, a hard link neither', async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const { volatile, persistent } = sandbox.flags;
  rmSync(volatile);
  linkSync(persistent, volatile);
  await untilFine(async () =>
    sandbox.isFile(volatile) && statSync(volatile).nlink === 1 ? undefined : 'the flags are one file',
  );
  expect(statSync(persistent).nlink).toBe(1);
});

it('F3: both flags stay readable by any local program', async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const paths = Object.values(sandbox.flags);
  for (const path of paths) chmodSync(path, 0);
  await untilFine(() => {
    const modes = paths.map((path) => (statSync(path).mode & 0o7777).toString(8));
    return modes.every((mode) => mode === '644') ? undefined : `the flags' modes are ${modes}`;
  });
});

describe.each(['500ms', '5s'])('with a resync of %s', (resyncInterval) => {
  it('F5: on a locked host, flags that are deleted are back within 5 s', async () => {
    const sandbox = new Sandbox({ resyncInterval });
    await sandbox.startBoth();
    for (const deleted of CHOICES) {
      for (const flag of deleted) rmSync(sandbox.flags[flag]);
      await sandbox.untilFlags('both');
    }
  });

  it('F6: on an unlocked host, flags that are created are gone within 5 s', async () => {
    const sandbox = new Sandbox({ resyncInterval });
    await sandbox.startBoth();
    await sandbox.askAndWait('unlock', UNLOCKED);
    for (const created of CHOICES) {
      for (const flag of created) writeFileSync(sandbox.flags[flag], `${SENTENCE}\n`);
      await sandbox.untilFlags('neither');
    }
  });
});

it('F5: flags are back within 5 s of the deletion of the folders that they stand in, again and again', async () => {
  const sandbox = new Sandbox({ resyncInterval: '5s' });
  await sandbox.startBoth();
  for (const flag of ['volatile', 'persistent', 'volatile', 'persistent'] as const) {
    removeTree(dirname(sandbox.flags[flag]));
    await sandbox.untilFlags('both');
  }
});

it('F6: a folder in the place of a flag is reported and not deleted, and the flag is right once it is gone', async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const { persistent } = sandbox.flags;
  rmSync(persistent);
  await sandbox.untilFlags('both');
  await sandbox.askAndWait('unlock', UNLOCKED);
  mkdirSync(persistent);
  await untilFine(async () => {
    const { flags } = (await sandbox.host()).status;
    return flags.persistent === 'blocked' ? undefined : `persistent is ${flags.persistent}`;
  });
  await sandbox.ask('lock');
  await sandbox.untilFlags('volatile only');
  expect(statSync(persistent).isDirectory()).toBe(true);
  rmSync(persistent, { recursive: true });
  await sandbox.untilReady(LOCKED);
  expect(sandbox.presence()).toBe('both');
});
