// Rows F9 and F10 of requirements.md on the real programs: what an agent does when it starts, and when its host was locked while it was down.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../desired-state/conditions.ts';
import { daemonsOf, killHard } from './fixtures/processes.ts';
import { type FlagName, LOCKED, Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { daemon } from './fixtures/scripts.ts';
import { removeTree } from './fixtures/trees.ts';
import { staysTrue, until, untilFine } from './fixtures/wait.ts';

function touch(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
}

/** Two services, and a note of each question for their status: how many flags there were then. */
function twoServices(sandbox: Sandbox): void {
  const { volatile, persistent } = sandbox.flags;
  const note = `[ "$1" = status ] && ls ${volatile} ${persistent} 2>/dev/null | wc -l >>${sandbox.path('asked')}`;
  for (const name of ['10-one', '20-two']) {
    sandbox.service('worker', name, `${note}\n${daemon(sandbox, name)}`);
  }
}

async function untilSource(sandbox: Sandbox, source: string): Promise<void> {
  await untilFine(async () => {
    const known = await sandbox.published();
    const isLookedAt = known?.status.services.length === 2;
    return known?.desired.source === source && isLookedAt
      ? undefined
      : `it knows ${JSON.stringify(known?.desired)} and ${known?.status.services.length} services`;
  });
}

describe('F9: an agent that starts with nothing else known', () => {
  it.each<FlagName>(['volatile', 'persistent'])(
    'restores both flags from the %s one before services are asked, and leaves services as they are',
    async (flag) => {
      const sandbox = new Sandbox();
      twoServices(sandbox);
      touch(sandbox.flags[flag]);
      sandbox.startAgent({ alone: true });
      await sandbox.untilFlags('both');
      await untilSource(sandbox, 'flags');
      await staysTrue('nothing was started', () => sandbox.read('calls') === '', 1_500);
      expect(new Set(sandbox.lines('asked'))).toEqual(new Set(['2']));
    },
  );

  it.each(['var/lib/lockstep/left', 'run/lockstep/left', 'etc/mtc/tmp/.lockstep'])(
    'touches nothing when it finds no flag but a trace: %s',
    async (trace) => {
      const sandbox = new Sandbox();
      twoServices(sandbox);
      touch(join(sandbox.root, trace));
      sandbox.startAgent({ alone: true });
      await untilSource(sandbox, 'nothing');
      await staysTrue(
        'nothing was touched',
        () => sandbox.presence() === 'neither' && sandbox.read('calls') === '',
        1_500,
      );
      const { status } = (await sandbox.published()) ?? {};
      expect(findCondition(status?.conditions ?? [], 'SpecFresh')?.status).toBe('Unknown');
    },
  );

  it('learns from a controller later what it did not know', async () => {
    const sandbox = new Sandbox();
    twoServices(sandbox);
    // Declared before its agent can connect: one that knows nothing is registered as locked.
    await sandbox.startController();
    await sandbox.client.declare({ name: 'compute-0', spec: UNLOCKED });
    await sandbox.endController();
    touch(join(sandbox.stateDir, 'left'));
    sandbox.startAgent();
    await untilSource(sandbox, 'nothing');
    await sandbox.startController();
    await sandbox.untilReady(UNLOCKED);
    expect(sandbox.presence()).toBe('neither');
    expect(daemonsOf(sandbox.folder, '10-one')).toHaveLength(1);
  });
});

describe('F10: a host that rebooted while it was unlocked', () => {
  /** Unlocked with its services running; then the host goes down. */
  async function goDown(sandbox: Sandbox): Promise<void> {
    twoServices(sandbox);
    await sandbox.startBoth();
    await sandbox.askAndWait('unlock', UNLOCKED);
    await sandbox.endAgent();
    for (const name of ['10-one', '20-two']) {
      for (const pid of daemonsOf(sandbox.folder, name)) killHard(pid);
    }
    removeTree(sandbox.runDir);
  }

  const starts = (sandbox: Sandbox) => sandbox.lines('calls').filter((line) => line.endsWith(' start'));

  it('and was locked meanwhile comes online with both flags and starts nothing, with a controller within bootGrace', async () => {
    const sandbox = new Sandbox({ bootGrace: '8s' });
    await goDown(sandbox);
    await sandbox.ask('lock');
    const before = starts(sandbox).length;
    sandbox.startAgent();
    await sandbox.untilReady(LOCKED);
    expect(sandbox.presence()).toBe('both');
    await staysTrue('nothing is started', () => starts(sandbox).length === before, 1_500);
  });

  it('and was locked meanwhile has its services stopped within 5 s of contact on a slower network', async () => {
    const sandbox = new Sandbox();
    await goDown(sandbox);
    await sandbox.ask('lock');
    await sandbox.endController();
    sandbox.startAgent();
    await until('both services run', () =>
      ['10-one', '20-two'].every((name) => daemonsOf(sandbox.folder, name).length === 1),
    );
    await sandbox.startController();
    await sandbox.untilReady(LOCKED);
    expect(sandbox.presence()).toBe('both');
    for (const name of ['10-one', '20-two']) expect(daemonsOf(sandbox.folder, name)).toEqual([]);
  });

  it('starts its services after bootGrace, not before, when no controller answers', async () => {
    const sandbox = new Sandbox({ bootGrace: '3s' });
    await goDown(sandbox);
    await sandbox.endController();
    const before = starts(sandbox).length;
    const startedMs = performance.now();
    sandbox.startAgent();
    await until('the first service is started', () => starts(sandbox).length > before);
    expect(performance.now() - startedMs).toBeGreaterThan(3_000);
    await until('both services run', () => daemonsOf(sandbox.folder, '20-two').length === 1);
    expect(sandbox.presence()).toBe('neither');
    expect(existsSync(join(sandbox.runDir, 'boot-id'))).toBe(true);
  });
});
