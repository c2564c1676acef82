import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { InstanceLock } from '../../../node-agent/instance-lock.ts';
import { LinuxDisk } from '../../../node-agent/linux/disk.ts';
import { LOCK_FILE_NAMES, takeInstanceLocks } from '../../../node-agent/linux/single-instance.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import { FakeLog } from '../../support/fake-log.ts';

const disk = new LinuxDisk();
const source = (path: string) => JSON.stringify(join(import.meta.dirname, '../../../node-agent/linux', path));

/** Takes the locks of the folders it is given, says how that went, and stays. */
const AGENT = `
  import { LinuxDisk } from ${source('disk.ts')};
  import { takeInstanceLocks } from ${source('single-instance.ts')};
  const ignore = () => {};
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const guard = async () => {};
  takeInstanceLocks({ disk: new LinuxDisk(), folders: process.argv.slice(1), guard, pid: process.pid, log }).then(
    () => { globalThis.gc(); console.log('locked'); setInterval(() => globalThis.gc(), 10); },
    (error) => { console.log(error.code + ': ' + error.message); },
  );
`;

let base: string;
let folders: string[];
beforeEach(() => {
  base = mkdtempSync('/tmp/ls-lock-');
  folders = [join(base, 'state'), join(base, 'run')];
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

async function startAgent(on = folders): Promise<{ child: ChildProcess; said: string }> {
  const args = [
    '--expose-gc',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    AGENT,
    ...on,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const said = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data) => resolve(String(data).trim()));
    child.once('exit', (code) => reject(new Error(`it ended with ${code} and said nothing`)));
  });
  return { child, said };
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** The warnings of a log, each with its folder and why. */
function warningsOf(log: FakeLog): readonly string[] {
  return log.lines
    .filter(({ level }) => level === 'warn')
    .map(({ message, fields }) => `${message}: ${fields.folder}: ${fields.why}`);
}

async function take(on = folders, log: Log = new FakeLog(), guard = async () => {}): Promise<InstanceLock> {
  const lock = await takeInstanceLocks({ disk, folders: on, guard, pid: process.pid, log });
  onTestFinished(() => lock.release());
  return lock;
}

describe('the instance locks', () => {
  it('refuse a second agent, naming the folder and the pid of the first', async () => {
    const first = await startAgent();
    expect(first.said).toBe('locked');
    const second = await startAgent();
    expect(second.said).toBe(
      `Conflict: ${folders[0]}: expected to be the only agent on this folder, found that another agent (pid ${first.child.pid}) holds agent.lock: stop that one first, or give this one a --root of its own`,
    );
  });

  it('refuse one that shares only one of the two folders, and leave the other free', async () => {
    await startAgent();
    const other = join(base, 'other');
    const second = await startAgent([other, folders[1] ?? '']);
    expect(second.said).toContain(`Conflict: ${folders[1]}: `);
    expect((await startAgent([other])).said).toBe('locked');
  });

  it('cannot be opened by other users, who could hold a lock on them else, whoever made them', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const [state = '', run = ''] = folders;
    mkdirSync(run);
    writeFileSync(join(run, 'agent.lock'), '', { mode: 0o644 });
    await take();
    const modes = [state, run].map((folder) => statSync(join(folder, 'agent.lock')).mode & 0o7777);
    expect(modes).toEqual([0o600, 0o600]);
    // Making them so cost neither its lock.
    for (const folder of folders) expect((await startAgent([folder])).said).toContain('Conflict');
    expect(await startAgent([join(base, 'other')])).toMatchObject({ said: 'locked' });
  });

  it('are free at once after a kill -9, time and again', async () => {
    for (let round = 0; round < 5; round++) {
      const { child, said } = await startAgent();
      expect(said).toBe('locked');
      await killed(child);
    }
  });

  it('leave nothing but their own files, while held and after a kill -9', async () => {
    const { child } = await startAgent();
    for (const folder of folders) {
      expect(readdirSync(folder).sort()).toEqual(['agent.lock', 'agent.pid']);
      expect(readFileSync(join(folder, 'agent.lock'))).toHaveLength(0);
      expect(readFileSync(join(folder, 'agent.pid'), 'utf8')).toBe(`${child.pid}\n`);
    }
    await killed(child);
    for (const folder of folders) {
      expect(readdirSync(folder).every((name) => LOCK_FILE_NAMES.includes(name))).toBe(true);
    }
  });

  it('survive the children that the agent starts and that outlive it', async () => {
    const lock = await take();
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    lock.release();
    expect((await startAgent()).said).toBe('locked');
  });

  it('hold within one process too, until released', async () => {
    const lock = await take();
    await expect(take()).rejects.toMatchObject({ code: 'Conflict' });
    lock.release();
    lock.release();
    await take();
  });

  it('refuse without a pid where that file is missing or nonsense', async () => {
    await startAgent();
    for (const folder of folders) writeFileSync(join(folder, 'agent.pid'), 'x\n');
    await expect(take()).rejects.toThrow('found that another agent holds agent.lock');
    for (const folder of folders) rmSync(join(folder, 'agent.pid'));
    await expect(take()).rejects.toThrow('found that another agent holds agent.lock');
  });

  it('take a lock file that was overwritten, and still keep a second agent out', async () => {
    for (const folder of folders) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'agent.lock'), 'not a database, but whatever somebody put here '.repeat(40));
    }
    const log = new FakeLog();
    await take(folders, log);
    expect(warningsOf(log)).toEqual([]);
    expect((await startAgent()).said).toMatch(/^Conflict: /);
  });

  it('go on with a warning where a lock can not be made, on the other folder alone', async () => {
    writeFileSync(join(base, 'state'), 'a file where the folder should be');
    const log = new FakeLog();
    await take(folders, log);
    expect(warningsOf(log)).toEqual([
      expect.stringMatching(/^no lock against a second agent on this folder: .*\/state: EEXIST/),
    ]);
    expect((await startAgent()).said).toContain(`Conflict: ${folders[1]}: `);
  });

  it('do not follow a link that stands where the lock should be', async () => {
    const [state = '', run = ''] = folders;
    mkdirSync(state);
    symlinkSync(join(base, 'elsewhere'), join(state, 'agent.lock'));
    const log = new FakeLog();
    await take([state, run], log);
    expect(warningsOf(log)).toEqual([expect.stringContaining('agent.lock, found a link')]);
    expect(readdirSync(base).sort()).toEqual(['run', 'state']);
  });
});

describe('the instance locks, renewed', () => {
  const lockPath = (folder = '') => join(folder, 'agent.lock');
  /** Files of the test's folders that this process has open. */
  const openFiles = () =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        const path = readlinkSync(`/proc/self/fd/${fd}`);
        return path.startsWith(base) ? [path] : [];
      } catch {
        return [];
      }
    });

  it('I6: are still held after many looks, none of which opened a file', async () => {
    const log = new FakeLog();
    const lock = await take(folders, log);
    for (let look = 0; look < 5; look += 1) await lock.renew();
    expect((await startAgent()).said).toContain(`(pid ${process.pid})`);
    expect(log.lines).toEqual([]);
  });

  it.each<[string, (folder: string) => void]>([
    ['with their folders', (folder) => rmSync(folder, { recursive: true })],
    ['alone', (folder) => rmSync(lockPath(folder))],
    [
      'and put there anew',
      (folder) => {
        rmSync(lockPath(folder));
        writeFileSync(lockPath(folder), '');
      },
    ],
  ])('I6: are taken again once their files were deleted %s, and said so once', async (_how, remove) => {
    const log = new FakeLog();
    const lock = await take(folders, log);
    for (const folder of folders) remove(folder);
    for (let look = 0; look < 3; look += 1) await lock.renew();
    expect((await startAgent()).said).toContain(`(pid ${process.pid})`);
    expect(log.lines.map(({ level, message, fields }) => `${level} ${message}: ${fields.folder}`)).toEqual(
      folders.map((folder) => `info lock against a second agent taken again: ${folder}`),
    );
    for (const folder of folders) {
      expect(readFileSync(join(folder, 'agent.pid'), 'utf8')).toBe(`${process.pid}\n`);
    }
  });

  it('keep no deleted file open once they are taken again', async () => {
    const lock = await take();
    for (let round = 0; round < 3; round += 1) {
      for (const folder of folders) rmSync(folder, { recursive: true });
      await lock.renew();
    }
    expect(openFiles().sort()).toEqual(folders.map(lockPath).sort());
    lock.release();
    expect(openFiles()).toEqual([]);
  });

  it('hold a file that was moved away and back', async () => {
    const log = new FakeLog();
    const lock = await take(folders, log);
    renameSync(lockPath(folders[0]), join(base, 'away'));
    renameSync(join(base, 'away'), lockPath(folders[0]));
    await lock.renew();
    expect(log.lines).toEqual([]);
    expect((await startAgent()).said).toMatch(/^Conflict: /);
  });

  it('I6: are lost to an agent that got in after their files were deleted, which keeps them', async () => {
    const lock = await take();
    for (const folder of folders) rmSync(folder, { recursive: true });
    const { child, said } = await startAgent();
    expect(said).toBe('locked');
    for (let look = 0; look < 2; look += 1) {
      await expect(lock.renew()).rejects.toMatchObject({
        code: 'Conflict',
        message: `${folders[0]}: expected to be the only agent on this folder, found that another agent (pid ${child.pid}) holds agent.lock: it got in while this one was without the lock, so this one ends and leaves flags and services as they are; to have this one back, stop that one and start this one again`,
      });
    }
    lock.release();
    expect((await startAgent()).said).toContain(`(pid ${child.pid})`);
  });

  it('I6: are taken again once an agent that was refused by the other folder is gone', async () => {
    const lock = await take();
    rmSync(lockPath(folders[0]));
    expect((await startAgent()).said).toContain(`Conflict: ${folders[1]}: `);
    await lock.renew();
    expect((await startAgent()).said).toContain(`Conflict: ${folders[0]}: `);
  });

  it('do not call this agent the other one where its own pid is still written', async () => {
    const [state = '', run = ''] = folders;
    const lock = await take();
    const other = await startAgent([join(base, 'other')]);
    for (const name of ['agent.lock', 'agent.pid']) rmSync(join(state, name));
    renameSync(join(base, 'other', 'agent.lock'), lockPath(state));
    writeFileSync(join(state, 'agent.pid'), `${process.pid}\n`);
    await expect(lock.renew()).rejects.toThrow('found that another agent holds agent.lock');
    expect([other.said, readdirSync(run).sort()]).toEqual(['locked', ['agent.lock', 'agent.pid']]);
  });

  it('are tried again where one could not be made, saying the same trouble once', async () => {
    const [state = '', run = ''] = folders;
    writeFileSync(state, 'a file where the folder should be');
    const log = new FakeLog();
    const lock = await take(folders, log);
    for (let look = 0; look < 3; look += 1) await lock.renew();
    expect(warningsOf(log)).toEqual([expect.stringContaining(`${state}: EEXIST`)]);
    rmSync(state);
    mkdirSync(state);
    symlinkSync(join(base, 'elsewhere'), lockPath(state));
    for (let look = 0; look < 3; look += 1) await lock.renew();
    expect(warningsOf(log)).toEqual([
      expect.stringContaining(`${state}: EEXIST`),
      expect.stringContaining('agent.lock, found a link'),
    ]);
    rmSync(lockPath(state));
    for (let look = 0; look < 3; look += 1) await lock.renew();
    expect(log.at('info')).toEqual(['lock against a second agent taken again']);
    expect((await startAgent([state])).said).toContain(`(pid ${process.pid})`);
    expect((await startAgent([run])).said).toContain(`(pid ${process.pid})`);
  });

  it('keep what they hold where something else stands in its place, and say so once', async () => {
    const log = new FakeLog();
    const lock = await take(folders, log);
    rmSync(lockPath(folders[0]));
    mkdirSync(lockPath(folders[0]));
    for (let look = 0; look < 3; look += 1) await lock.renew();
    expect(warningsOf(log)).toEqual([expect.stringContaining('agent.lock, found a folder')]);
    rmSync(lockPath(folders[0]), { recursive: true });
    await lock.renew();
    expect((await startAgent()).said).toContain(`Conflict: ${folders[0]}: `);
  });

  it('make no folder that would lie outside of the root', async () => {
    const log = new FakeLog();
    let leadsOut = false;
    const lock = await take(folders, log, async () => {
      if (leadsOut) throw new Error('it leads out of the root');
    });
    leadsOut = true;
    for (const folder of folders) rmSync(folder, { recursive: true });
    for (let look = 0; look < 3; look += 1) await lock.renew();
    expect(readdirSync(base)).toEqual([]);
    expect(warningsOf(log)).toHaveLength(2);
  });
});
