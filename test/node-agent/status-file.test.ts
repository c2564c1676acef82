import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxDisk } from '../../node-agent/linux/disk.ts';
import { readStatusFile, StatusFile } from '../../node-agent/status-file.ts';
import { agentStatus } from './status-fixture.ts';

const disk = new LinuxDisk();
let base: string;
let runDir: string;
let warnings: unknown[];
beforeEach(() => {
  base = mkdtempSync('/tmp/ls-status-');
  runDir = join(base, 'run');
  warnings = [];
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

function makeStatusFile(guard: (path: string) => Promise<void> = async () => undefined): StatusFile {
  const ignore = () => undefined;
  const log = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (fields: unknown) => warnings.push(fields),
  };
  return new StatusFile({ disk, runDir, guard, pidStartTicks: 99, log });
}

describe('the status file', () => {
  it('holds what was published, and when the process started, readable by anybody', async () => {
    const before = process.umask(0o077);
    const file = makeStatusFile();
    file.publish(agentStatus(), true);
    await file.settled();
    process.umask(before);
    expect(await readStatusFile(disk, runDir)).toEqual({ ...agentStatus(), pidStartTicks: 99 });
    expect(statSync(join(runDir, 'status.json')).mode & 0o777).toBe(0o644);
    expect(statSync(runDir).mode & 0o777).toBe(0o755);
  });

  it('ends with the newest, however fast they come, and leaves nothing beside it', async () => {
    const file = makeStatusFile();
    for (let pid = 1; pid <= 500; pid++) file.publish(agentStatus({ pid }), true);
    await file.settled();
    expect((await readStatusFile(disk, runDir))?.pid).toBe(500);
    file.publish(agentStatus({ pid: 501 }), true);
    await file.settled();
    expect((await readStatusFile(disk, runDir))?.pid).toBe(501);
    expect(readdirSync(runDir)).toEqual(['status.json']);
  });

  it('is never seen half-written', async () => {
    const file = makeStatusFile();
    file.publish(agentStatus(), true);
    await file.settled();
    let isWriting = true;
    const writing = (async () => {
      for (let pid = 1; pid <= 100; pid++) {
        file.publish(agentStatus({ pid, blocked: Array(200).fill('x'.repeat(100)) }), true);
        await file.settled();
      }
      isWriting = false;
    })();
    while (isWriting) expect(await readStatusFile(disk, runDir)).toBeDefined();
    await writing;
  });

  it('replaces a link rather than writing through it', async () => {
    mkdirSync(runDir);
    writeFileSync(join(base, 'target'), 'mine');
    symlinkSync(join(base, 'target'), join(runDir, 'status.json'));
    const file = makeStatusFile();
    file.publish(agentStatus(), true);
    await file.settled();
    expect(readFileSync(join(base, 'target'), 'utf8')).toBe('mine');
    expect(await readStatusFile(disk, runDir)).toBeDefined();
  });

  it('says once that it can not be written, and goes on when it can', async () => {
    writeFileSync(runDir, 'a file in the way');
    const file = makeStatusFile();
    for (let round = 0; round < 3; round++) {
      file.publish(agentStatus(), true);
      await file.settled();
    }
    expect(warnings).toEqual([
      { path: join(runDir, 'status.json'), why: expect.stringContaining('ENOTDIR') },
    ]);
    rmSync(runDir);
    file.publish(agentStatus(), true);
    await file.settled();
    expect(await readStatusFile(disk, runDir)).toBeDefined();
  });

  it('writes nothing where the guard says no', async () => {
    const file = makeStatusFile(async (path) => {
      throw new Error(`not ${path}`);
    });
    file.publish(agentStatus(), true);
    await file.settled();
    expect(readdirSync(base)).toEqual([]);
    expect(warnings).toHaveLength(1);
  });
});

describe('readStatusFile', () => {
  it('gives undefined when there is none', async () => {
    expect(await readStatusFile(disk, runDir)).toBeUndefined();
  });

  it.each([
    ['no JSON', '{ "pid": ', "expected the agent's status as JSON, found"],
    ['nothing of it', '{}', 'apiVersion: '],
    ['a wrong pid', JSON.stringify({ ...agentStatus(), pidStartTicks: 1, pid: 'x' }), 'pid: expected number'],
  ])('names the file and what is wrong with %s', async (_, text, expected) => {
    mkdirSync(runDir);
    writeFileSync(join(runDir, 'status.json'), text);
    await expect(readStatusFile(disk, runDir)).rejects.toThrow(`${runDir}/status.json: ${expected}`);
  });

  it('ignores what a newer agent may have added', async () => {
    mkdirSync(runDir);
    writeFileSync(
      join(runDir, 'status.json'),
      JSON.stringify({ ...agentStatus(), pidStartTicks: null, mood: 'good' }),
    );
    expect(await readStatusFile(disk, runDir)).toEqual({ ...agentStatus(), pidStartTicks: null });
  });
});
