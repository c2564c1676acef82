// Disks that are full or read-only, roots that lead outside, and an agent that is ended in the middle of a script: on the real programs.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findCondition } from '../../desired-state/conditions.ts';
import { run } from '../controller/fixtures/programs.ts';
import { linesOf } from './fixtures/log-lines.ts';
import { daemonsOf, isAlive } from './fixtures/processes.ts';
import { LOCKED, Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { daemon } from './fixtures/scripts.ts';
import { removeTree } from './fixtures/trees.ts';
import { staysTrue, until, untilFine, within } from './fixtures/wait.ts';

/** Mounts are for root; CI is. */
const isRoot = process.geteuid?.() === 0;

/** A small file system of its own at `folder`, until the test is over. */
function mountSmall(folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=755', 'tmpfs', folder]);
  // Lazily: an agent of a failed test may still have it open.
  onTestFinished(() => void execFileSync('/bin/umount', ['-l', folder]));
}

function fillUp(folder: string): void {
  expect(() => writeFileSync(join(folder, 'filler'), 'x'.repeat(128 * 1_024))).toThrow(/ENOSPC/);
}

async function untilFlagsSay(sandbox: Sandbox, status: string, message: RegExp): Promise<void> {
  await untilFine(async () => {
    const condition = findCondition((await sandbox.host()).status.conditions, 'FlagsInSync');
    return condition?.status === status && message.test(condition.message)
      ? undefined
      : `FlagsInSync is ${condition?.status}: ${condition?.message}`;
  });
}

describe.runIf(isRoot)('the disk of the persistent flag', () => {
  it('I8, I10: full: a lock makes the volatile flag all the same, says why, and is whole once there is room', async () => {
    const sandbox = new Sandbox();
    const disk = dirname(sandbox.flags.persistent);
    mountSmall(disk);
    await sandbox.startBoth();
    const { metadata } = await sandbox.askAndWait('unlock', UNLOCKED);
    fillUp(disk);
    await sandbox.ask('lock');
    await sandbox.untilFlags('volatile only');
    await untilFlagsSay(sandbox, 'False', /ENOSPC|no space/i);
    expect((await sandbox.host()).status.observedGeneration).toBe(metadata.generation);
    rmSync(join(disk, 'filler'));
    await sandbox.untilReady(LOCKED);
    expect(sandbox.presence()).toBe('both');
  });

  it('I8, I10: read-only: an unlock leaves both flags, says why, and goes through once it can be written', async () => {
    const sandbox = new Sandbox();
    sandbox.service('worker', '10-app', daemon(sandbox, '10-app'));
    const disk = dirname(sandbox.flags.persistent);
    mountSmall(disk);
    await sandbox.startBoth();
    execFileSync('/bin/mount', ['-o', 'remount,ro', disk]);
    await sandbox.ask('unlock');
    await untilFlagsSay(sandbox, 'False', /EROFS|read-only/i);
    await staysTrue(
      'both flags stay and nothing is started',
      () => sandbox.presence() === 'both' && sandbox.read('calls') === '',
      1_500,
    );
    execFileSync('/bin/mount', ['-o', 'remount,rw', disk]);
    await sandbox.untilReady(UNLOCKED);
    expect(sandbox.presence()).toBe('neither');
  });
});

it.runIf(isRoot)(
  'I1: a stateDir that is full: a lock is applied but not acknowledged, and an unlock is not begun',
  async () => {
    const sandbox = new Sandbox();
    mountSmall(sandbox.stateDir);
    await sandbox.startBoth();
    const { metadata } = await sandbox.askAndWait('unlock', UNLOCKED);
    fillUp(sandbox.stateDir);
    await sandbox.ask('lock');
    await sandbox.untilFlags('both');
    await untilFlagsSay(
      sandbox,
      'False',
      /cannot be written to the disk, so a lock is applied but not acknowledged/,
    );
    await sandbox.ask('unlock');
    await untilFlagsSay(sandbox, 'False', /cannot be written to the disk, so it is not begun/);
    await staysTrue('both flags stay', () => sandbox.presence() === 'both', 1_500);
    expect((await sandbox.host()).status.observedGeneration).toBe(metadata.generation);
    rmSync(join(sandbox.stateDir, 'filler'));
    await sandbox.untilReady(UNLOCKED);
    expect(sandbox.presence()).toBe('neither');
  },
);

describe('a root whose folders lead outside', () => {
  it('I9: is refused at the start when stateDir or runDir does, and nothing is written there', async () => {
    for (const folder of ['var/lib', 'run/lockstep', 'etc/services.d', 'etc/goenabled.d']) {
      const sandbox = new Sandbox();
      const outside = sandbox.path('outside');
      mkdirSync(outside);
      mkdirSync(dirname(join(sandbox.root, folder)), { recursive: true });
      symlinkSync(outside, join(sandbox.root, folder));
      const { code, stderr } = await within('the agent ends', sandbox.newAgent({ alone: true }).end);
      expect(code).toBe(1);
      expect(stderr).toMatch(/expected its folder inside the root/);
      expect(readdirSync(outside)).toEqual([]);
    }
  });

  it('I9: blocks a flag whose folder does, reports it, and mends it once the link is gone', async () => {
    const sandbox = new Sandbox();
    const outside = sandbox.path('outside');
    mkdirSync(outside);
    const folder = dirname(sandbox.flags.persistent);
    mkdirSync(dirname(folder), { recursive: true });
    symlinkSync(outside, folder);
    await sandbox.startController();
    sandbox.startAgent();
    await sandbox.untilFlags('volatile only');
    await untilFlagsSay(sandbox, 'False', /inside the root/);
    expect(readdirSync(outside)).toEqual([]);
    renameSync(folder, sandbox.path('was-the-link'));
    await sandbox.untilReady(LOCKED);
    expect(sandbox.presence()).toBe('both');
  });
});

describe('an agent that is ended', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s in the middle of a start leaves flags, services and the start, which the next agent takes over',
    async (signal) => {
      const sandbox = new Sandbox();
      sandbox.service('worker', '10-quick', daemon(sandbox, '10-quick'));
      sandbox.service('worker', '20-slow', daemon(sandbox, '20-slow', { startTakesS: 4 }));
      await sandbox.startBoth();
      await sandbox.ask('unlock');
      await until('the slow start is under way', () =>
        sandbox.lines('calls').includes('worker/20-slow start'),
      );
      const [quick] = daemonsOf(sandbox.folder, '10-quick');
      const ended = await sandbox.endAgent(signal);
      if (signal === 'SIGTERM') expect(ended.code).toBe(0);
      expect(sandbox.presence()).toBe('neither');
      expect(sandbox.lines('calls')).not.toContain('worker/20-slow start done');
      sandbox.startAgent();
      await sandbox.untilReady(UNLOCKED);
      expect(quick !== undefined && isAlive(quick)).toBe(true);
      const starts = sandbox.lines('calls').filter((line) => /start/.test(line));
      expect(starts).toEqual([
        'worker/10-quick start',
        'worker/10-quick start done',
        'worker/20-slow start',
        'worker/20-slow start done',
      ]);
      const { stderr } = await sandbox.endAgent('SIGTERM');
      expect(linesOf(stderr, 'a run of an earlier agent goes on')).toMatchObject([
        { service: 'worker/20-slow', verb: 'start' },
      ]);
    },
  );

  it('by SIGTERM leaves a locked host as it is, and says so to `lockstep-agent status`', async () => {
    const sandbox = new Sandbox();
    await sandbox.startBoth();
    expect((await sandbox.agentStatus('-o', 'json')).code).toBe(0);
    expect((await sandbox.endAgent('SIGTERM')).code).toBe(0);
    await staysTrue('both flags stay', () => sandbox.presence() === 'both', 500);
    const { code, stderr } = await sandbox.agentStatus();
    expect(code).toBe(1);
    expect(stderr).toMatch(/not running/);
  });

  it('is not: its status can be read again within a resync when runDir was deleted', async () => {
    const sandbox = new Sandbox();
    await sandbox.startBoth();
    removeTree(sandbox.runDir);
    await untilFine(async () => {
      const { code, stderr } = await sandbox.agentStatus('-o', 'json');
      return code === 0 ? undefined : stderr;
    });
  });

  it('is not there: `lockstep-agent status` says so without a trace of it', async () => {
    const sandbox = new Sandbox();
    const { code, stderr } = await run('lockstep-agent', ['status', '--root', sandbox.root]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/found nothing: it has not run here/);
  });
});
