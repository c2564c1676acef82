import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  PidWatch,
  type PidWatchOptions,
  watchedAtMost,
} from '../../../../node-agent/linux/scripts/pid-watch.ts';
import { readMaxOpenFiles } from '../../../../node-agent/linux/scripts/processes.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { kill, lives, Sandbox, until } from './sandbox.ts';

let sandbox: Sandbox;
let pidFile: string;
let events: number;
let watch: PidWatch;
let clock: FakeClock;

beforeEach(() => {
  sandbox = new Sandbox();
  pidFile = sandbox.path('x.pid');
  events = 0;
  clock = new FakeClock();
  watch = watching();
});

function watching(options: Partial<PidWatchOptions> = {}): PidWatch {
  const made = new PidWatch({
    clock,
    log: sandbox.log,
    maxProcesses: 100,
    onEvent: () => {
      events += 1;
    },
    ...options,
  });
  onTestFinished(() => made.close());
  return made;
}

function startProcess(): number {
  const { pid } = spawn('sleep', ['1000'], { stdio: 'ignore' });
  if (pid === undefined) throw new Error('expected a process');
  onTestFinished(() => kill(pid));
  return pid;
}

/** One poll, and time for the reads in the background that it began: each is a handful of system calls, as these are. */
async function poll(): Promise<void> {
  await clock.advance(100);
  for (let n = 0; n < 20; n++) await stat('/');
}

/** Two looks at the pid files and more: what was to come has come. */
async function pass(): Promise<void> {
  for (let n = 0; n < 12; n++) await poll();
}

/** Until so many events came. */
const comes = (count: number) =>
  until(async () => {
    await poll();
    return events >= count;
  });

const write = (pid: number) => writeFileSync(pidFile, `${pid}\n`);

function openStatm(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^\/proc\/\d+\/statm$/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

describe('S14 a process that a pid file names', () => {
  it('is missed once when it is killed', async () => {
    const pid = startProcess();
    write(pid);
    watch.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    kill(pid);
    await comes(1);
    await pass();
    expect(events).toBe(1);
    expect(openStatm()).toBe(0);
  });

  it('is missed although it is a zombie, and nobody collects it', async () => {
    // Its parent sleeps on and never waits for it.
    const parent = spawn('sh', ['-c', `sleep 1000 & echo $! >${pidFile}; exec sleep 1000`], {
      stdio: 'ignore',
    });
    onTestFinished(() => kill(parent.pid ?? 0));
    const pid = await sandbox.pid('x.pid');
    onTestFinished(() => kill(pid));
    watch.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    kill(pid);
    await comes(1);
  });

  it('is followed when it was replaced by another', async () => {
    write(startProcess());
    watch.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    const next = startProcess();
    write(next);
    await comes(1);
    kill(next);
    await comes(2);
  });

  it('is watched on when its pid file is touched or removed', async () => {
    const pid = startProcess();
    write(pid);
    watch.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    utimesSync(pidFile, 1, 1);
    await pass();
    rmSync(pidFile);
    await pass();
    expect(events).toBe(0);
    kill(pid);
    await comes(1);
  });

  it('makes one event when several die at once', async () => {
    const pids = [startProcess(), startProcess(), startProcess()];
    const files = pids.map((pid, index) => sandbox.file(`${index}.pid`, String(pid)));
    watch.watch(new Set(files));
    await until(() => openStatm() === 3);
    for (const pid of pids) kill(pid);
    // Killed at once, they die one after the other: a poll in between would rightly tell of the first alone.
    await until(() => !pids.some(lives));
    await comes(1);
    await pass();
    expect(openStatm()).toBe(0);
    expect(events).toBe(1);
  });
});

describe('S15 a process that appears', () => {
  it('is told once, when the pid file was absent', async () => {
    watch.watch(new Set([pidFile]));
    await pass();
    write(startProcess());
    await comes(1);
    await pass();
    expect(events).toBe(1);
  });

  it('is told when the pid file named one that was dead', async () => {
    const dead = startProcess();
    kill(dead);
    await until(() => !lives(dead));
    write(dead);
    watch.watch(new Set([pidFile]));
    await pass();
    expect(events).toBe(0);
    write(startProcess());
    await comes(1);
  });

  it('is told when the pid comes after its file', async () => {
    writeFileSync(pidFile, '');
    watch.watch(new Set([pidFile]));
    await pass();
    write(startProcess());
    await comes(1);
  });

  it('is told at the next resync when its folder did not exist before, and at once from then on', async () => {
    pidFile = sandbox.path('made/later/x.pid');
    watch.watch(new Set([pidFile]));
    await pass();
    sandbox.file('made/later/x.pid', String(startProcess()));
    await pass();
    expect(events).toBe(0);
    watch.watch(new Set([pidFile]));
    await comes(1);
    write(startProcess());
    await comes(2);
  });

  it('is told although its folder was deleted and made anew meanwhile', async () => {
    sandbox.file('deleted/other', '');
    pidFile = sandbox.path('deleted/x.pid');
    watch.watch(new Set([pidFile]));
    await pass();
    rmSync(sandbox.path('deleted'), { recursive: true });
    sandbox.file('deleted/other', '');
    await pass();
    watch.watch(new Set([pidFile]));
    await pass();
    write(startProcess());
    await comes(1);
  });

  it('costs no timer while no process lives', async () => {
    watch.watch(new Set([pidFile]));
    await pass();
    expect(clock.timers).toBe(0);
    const pid = startProcess();
    write(pid);
    await comes(1);
    expect(clock.timers).toBe(1);
    kill(pid);
    await comes(2);
    expect(clock.timers).toBe(0);
  });
});

describe('what is no event', () => {
  it('a process that is there at the first look', async () => {
    write(startProcess());
    watch.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    await pass();
    expect(events).toBe(0);
  });

  it.each(['', 'no number', '-1', '0', '99999999999999', '4194305 is above pid_max'])(
    'a pid file that holds %j',
    async (content) => {
      watch.watch(new Set([pidFile]));
      await pass();
      writeFileSync(pidFile, content);
      await pass();
      expect(events).toBe(0);
    },
  );

  it('a folder or fifo in the place of the pid file', async () => {
    const made = spawn('mkfifo', [pidFile]);
    await new Promise((resolve) => made.once('exit', resolve));
    watch.watch(new Set([pidFile, sandbox.root]));
    await pass();
    expect(events).toBe(0);
  });

  it('a death after the service is not watched any more', async () => {
    const pid = startProcess();
    write(pid);
    watch.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    watch.watch(new Set());
    expect(openStatm()).toBe(0);
    kill(pid);
    await pass();
    expect(events).toBe(0);
  });

  it('anything after close', async () => {
    const pid = startProcess();
    write(pid);
    watch.watch(new Set([pidFile]));
    watch.close();
    watch.watch(new Set([pidFile]));
    kill(pid);
    await pass();
    expect([events, openStatm()]).toEqual([0, 0]);
  });
});

describe('what is bounded', () => {
  it('looks at one pid file or folder at a time, so that those on a dead file system keep one thread of all', async () => {
    const looks: string[] = [];
    const hung = watching({
      lookAt: (path) => {
        looks.push(path);
        return new Promise(() => undefined);
      },
    });
    for (let look = 0; look < 3; look++) {
      hung.watch(new Set(['/dead/a.pid', '/dead/b.pid', '/gone/c.pid']));
      await pass();
    }
    expect(looks).toEqual(['/dead/a.pid']);
  });

  it('watches no more processes than it may, says so once, and takes up another one when one of them died', async () => {
    const bounded = watching({ maxProcesses: 2 });
    const pids = [startProcess(), startProcess(), startProcess()];
    const files = pids.map((pid, index) => sandbox.file(`${index}.pid`, String(pid)));
    const look = async () => {
      bounded.watch(new Set(files));
      await pass();
    };
    await until(async () => {
      await look();
      return openStatm() === 2;
    });
    await look();
    expect(openStatm()).toBe(2);
    expect(sandbox.lines).toMatchObject([{ level: 'warn', fields: { maxProcesses: 2 } }]);
    expect(files.map((file) => bounded.processOf(file) !== undefined)).toEqual([true, true, false]);
    kill(pids[0] ?? 0);
    await comes(1);
    await until(async () => {
      await look();
      return bounded.processOf(sandbox.path('2.pid')) !== undefined;
    });
    expect(openStatm()).toBe(2);
    expect(sandbox.lines).toHaveLength(1);
  });

  it.each([
    [64, 16],
    [1_024, 512],
    [524_288, 523_776],
  ])('of %i files that may be open, processes may take %i', (maxOpenFiles, expected) => {
    expect(watchedAtMost(maxOpenFiles)).toBe(expected);
  });

  it('reads how many files may be open', () => {
    const ulimit = execFileSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' }).trim();
    expect(String(readMaxOpenFiles())).toBe(ulimit.replace('unlimited', String(Number.MAX_SAFE_INTEGER)));
  });

  it('S14 a process whose pid file could not be looked at, out of descriptors, is watched once it can be', async () => {
    let mayLook = false;
    const poor = watching({
      lookAt: async (path) => {
        if (!mayLook) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
        return stat(path, { bigint: true });
      },
    });
    const pid = startProcess();
    write(pid);
    poor.watch(new Set([pidFile]));
    await pass();
    mayLook = true;
    poor.watch(new Set([pidFile]));
    await until(() => openStatm() === 1);
    kill(pid);
    await comes(1);
  });
});
