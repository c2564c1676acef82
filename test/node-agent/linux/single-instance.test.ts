import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LinuxDisk } from '../../../node-agent/linux/disk.ts';
import {
  type InstanceLock,
  LOCK_FILE_NAMES,
  takeInstanceLocks,
} from '../../../node-agent/linux/single-instance.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';

const disk = new LinuxDisk();
const source = (path: string) => JSON.stringify(join(import.meta.dirname, '../../../node-agent/linux', path));

/** Takes the locks of the folders it is given, says how that went, and stays. */
const AGENT = `
  import { LinuxDisk } from ${source('disk.ts')};
  import { takeInstanceLocks } from ${source('single-instance.ts')};
  const ignore = () => {};
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  takeInstanceLocks({ disk: new LinuxDisk(), folders: process.argv.slice(1), pid: process.pid, log }).then(
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

function recordingLog(): Log & { readonly warnings: string[] } {
  const warnings: string[] = [];
  const ignore = () => undefined;
  return {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (fields, message) => {
      warnings.push(`${message}: ${fields.folder}: ${fields.why}`);
    },
    warnings,
  };
}

async function take(on = folders, log: Log = recordingLog()): Promise<InstanceLock> {
  const lock = await takeInstanceLocks({ disk, folders: on, pid: process.pid, log });
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
    const log = recordingLog();
    await take(folders, log);
    expect(log.warnings).toEqual([]);
    expect((await startAgent()).said).toMatch(/^Conflict: /);
  });

  it('go on with a warning where a lock can not be made, on the other folder alone', async () => {
    writeFileSync(join(base, 'state'), 'a file where the folder should be');
    const log = recordingLog();
    await take(folders, log);
    expect(log.warnings).toEqual([
      expect.stringMatching(/^no lock against a second agent on this folder: .*\/state: EEXIST/),
    ]);
    expect((await startAgent()).said).toContain(`Conflict: ${folders[1]}: `);
  });

  it('do not follow a link that stands where the lock should be', async () => {
    const [state = '', run = ''] = folders;
    mkdirSync(state);
    symlinkSync(join(base, 'elsewhere'), join(state, 'agent.lock'));
    const log = recordingLog();
    await take([state, run], log);
    expect(log.warnings).toEqual([expect.stringContaining('agent.lock, found a link')]);
    expect(readdirSync(base).sort()).toEqual(['run', 'state']);
  });
});
