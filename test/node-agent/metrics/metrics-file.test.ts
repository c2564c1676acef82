import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LinuxDisk } from '../../../node-agent/linux/disk.ts';
import { MetricsFile, metricsPath } from '../../../node-agent/metrics/metrics-file.ts';
import { tempFolder } from '../../controller/fixtures/temp-folder.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** A file whose text is how often it was written. */
function setUp(guard: (path: string) => Promise<void> = async () => {}) {
  const runDir = join(tempFolder(), 'run');
  const clock = new FakeClock();
  const log = new FakeLog();
  const synced: string[] = [];
  const disk = new (class extends LinuxDisk {
    override async syncFile(path: string): Promise<void> {
      synced.push(path);
    }
  })();
  let writes = 0;
  const render = async () => {
    writes += 1;
    return `writes ${writes}\n`;
  };
  const file = new MetricsFile({ disk, runDir, guard, clock, log, render });
  const touched = async (news: number) => {
    file.touch(news);
    await file.settled();
    return writes;
  };
  return { runDir, clock, log, synced, file, touched, read: () => readFileSync(metricsPath(runDir), 'utf8') };
}

describe('the metrics file', () => {
  it('is written at once at first, for anybody to read, ends in .prom, and nothing is left beside it', async () => {
    const { runDir, synced, touched, read } = setUp();
    const before = process.umask(0o077);
    await touched(1);
    process.umask(before);
    expect(read()).toBe('writes 1\n');
    expect(readdirSync(runDir)).toEqual(['lockstep-agent.prom']);
    expect((statSync(metricsPath(runDir)).mode & 0o777).toString(8)).toBe('644');
    expect(synced).toEqual([]);
  });

  it('is written every 60 s where nothing happens, and not sooner', async () => {
    const { clock, touched } = setUp();
    const seen: number[] = [];
    for (let pass = 0; pass < 26; pass += 1) {
      seen.push(await touched(1));
      await clock.advance(5_000);
    }
    expect(seen.slice(0, 12)).toEqual(Array(12).fill(1));
    expect([seen[12], seen[23], seen[24], seen[25]]).toEqual([2, 2, 3, 3]);
  });

  it('is written for news, 15 s after the write before at the soonest, however much there is', async () => {
    const { clock, touched } = setUp();
    const seen: number[] = [];
    for (let news = 0; news <= 3_500; news += 1) {
      if (news % 1_000 === 0) seen.push(await touched(news));
      else await touched(news);
      await clock.advance(10);
    }
    expect(seen).toEqual([1, 1, 2, 3]);
  });

  it('is written a last time when it is closed, after what is being written', async () => {
    const { file, read } = setUp();
    file.touch(1);
    await file.close();
    expect(read()).toBe('writes 2\n');
  });

  it('comes back within a minute when somebody removes it, with its folder', async () => {
    const { runDir, clock, touched, read } = setUp();
    await touched(1);
    rmSync(runDir, { recursive: true });
    await clock.advance(60_000);
    await touched(1);
    expect(read()).toBe('writes 2\n');
  });

  it('that can not be written is a warning once, tried again after 15 s, and ends nothing', async () => {
    const { runDir, clock, log, touched, read } = setUp();
    mkdirSync(metricsPath(runDir), { recursive: true });
    for (let pass = 0; pass < 8; pass += 1) {
      await touched(1);
      await clock.advance(5_000);
    }
    expect(log.at('warn')).toEqual(['the metrics file was not written']);
    rmSync(metricsPath(runDir), { recursive: true });
    await clock.advance(15_000);
    await touched(1);
    expect(read()).toMatch(/^writes \d\n$/);
  });

  it('is not written where its folder leads out of the sandbox', async () => {
    const refused = new Error('its folder leads elsewhere');
    const { runDir, log, touched } = setUp(() => Promise.reject(refused));
    await touched(1);
    expect(() => readdirSync(runDir)).toThrow(/ENOENT/);
    expect(log.at('warn')).toEqual(['the metrics file was not written']);
  });
});
