import { mkdtempSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { FolderMedia } from '../../../node-agent/linux/folder-media.ts';

/** Where Linux has a tmpfs on every machine. */
const IN_MEMORY = '/dev/shm';
/** `f_type` of tmpfs, ramfs, and of the disk file systems that count as local (linux/magic.h). */
const MEMORY_TYPES = [0x01021994, 0x858458f6];
const LOCAL_TYPES = [0xef53, 0x58465342, 0x9123683e, 0xf2f52010];

let nowMs: number;
let media: FolderMedia;

beforeEach(() => {
  nowMs = 1_000;
  media = new FolderMedia(() => nowMs);
});

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-media-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** How many file system requests `deed` begins. */
function begunBy(deed: () => unknown): number {
  const before = requests();
  deed();
  return requests() - before;
}

function requests(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'FSReqPromise').length;
}

/** Resolves when all that was asked is answered. */
async function turnOfAnswers(): Promise<void> {
  await expect.poll(requests, { timeout: 10_000 }).toBe(0);
  await new Promise((resolve) => setImmediate(resolve));
}

describe('FolderMedia', () => {
  it('says other before it knows, without waiting, and what it is after that', async () => {
    expect(media.of(IN_MEMORY)).toBe('other');
    await expect.poll(() => media.of(IN_MEMORY), { timeout: 10_000 }).toBe('memory');
  });

  it('knows once it has learned, whoever asked first', async () => {
    expect(media.of(IN_MEMORY)).toBe('other');
    await media.learn(IN_MEMORY);
    expect(media.of(IN_MEMORY)).toBe('memory');
  });

  it('tells memory, the disks of this machine and the rest apart', async () => {
    const folder = tempFolder();
    for (const path of [folder, '/', '/dev/shm', '/proc']) {
      await media.learn(path);
      const { type } = statfsSync(path);
      const isMemory = MEMORY_TYPES.includes(type);
      expect(media.of(path)).toBe(isMemory ? 'memory' : LOCAL_TYPES.includes(type) ? 'local' : 'other');
    }
    expect(media.of('/proc')).toBe('other');
  });

  it('asks once for as long as the answer is under way, and again only when that is 4 s old', async () => {
    expect(begunBy(() => media.of(IN_MEMORY))).toBe(1);
    expect(begunBy(() => media.of(IN_MEMORY))).toBe(0);
    await expect.poll(() => media.of(IN_MEMORY), { timeout: 10_000 }).toBe('memory');
    nowMs += 4_000;
    expect(begunBy(() => media.of(IN_MEMORY))).toBe(0);
    nowMs += 1;
    expect(begunBy(() => media.of(IN_MEMORY))).toBe(1);
  });

  it('knows at every look of a resync of 5 s that comes a little late', async () => {
    await media.learn(IN_MEMORY);
    for (let look = 0; look < 10; look += 1) {
      nowMs += 5_010;
      expect(media.of(IN_MEMORY)).toBe('memory');
      await turnOfAnswers();
    }
  });

  it('goes on with the old answer until it has the new one', async () => {
    const folder = join(tempFolder(), 'folder');
    symlinkSync(IN_MEMORY, folder);
    await media.learn(folder);
    rmSync(folder);
    symlinkSync('/proc', folder);
    nowMs += 4_001;
    expect(media.of(folder)).toBe('memory');
    await expect.poll(() => media.of(folder), { timeout: 10_000 }).toBe('other');
  });

  it('says other of a folder that is missing or none, rejects nothing, and sees when it is there', async () => {
    const folder = join(tempFolder(), 'folder');
    for (const path of [folder, '/dev/null/below', 'x'.repeat(5_000), '\0']) {
      await expect(media.learn(path)).resolves.toBeUndefined();
      expect(media.of(path)).toBe('other');
    }
    // No time passes: a folder that was just made is known at the second look.
    symlinkSync(IN_MEMORY, folder);
    await expect.poll(() => media.of(folder), { timeout: 10_000 }).toBe('memory');
  });

  it('remembers 256 folders, and forgets the one known longest', async () => {
    const another = (n: number) => `/proc${'/.'.repeat(n)}`;
    await media.learn(IN_MEMORY);
    await media.learn('/dev/shm/.');
    for (let n = 0; n < 254; n += 1) await media.learn(another(n));
    expect(media.of(IN_MEMORY)).toBe('memory');
    // Learned anew, it is no longer the oldest.
    await media.learn(IN_MEMORY);
    await media.learn(another(254));
    expect([media.of(IN_MEMORY), media.of('/dev/shm/.')]).toEqual(['memory', 'other']);
    await expect.poll(() => media.of('/dev/shm/.'), { timeout: 10_000 }).toBe('memory');
  });
});
