import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ChokidarFlagWatch } from '../../../node-agent/linux/flag-watch.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync('/tmp/ls-watch-');
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

/** A watch on flags below `base`, counting what it tells. */
class Watched {
  events = 0;
  readonly said: string[] = [];
  readonly watch: ChokidarFlagWatch;

  constructor(...paths: string[]) {
    const say = (fields: Readonly<Record<string, unknown>>, message: string) => {
      this.said.push(`${message}: ${fields.why ?? ''}`);
    };
    const log = { debug: say, info: say, warn: say, error: say };
    this.watch = new ChokidarFlagWatch({ paths: paths.map((path) => join(base, path)), log });
    onTestFinished(() => this.watch.close());
    this.watch.start(() => {
      this.events += 1;
    });
  }

  /** Waits until an event comes beyond `seen`. @returns whether it came. */
  async tells(seen: number, withinMs = 10_000): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (this.events <= seen && performance.now() < deadline) await setTimeout(1);
    return this.events > seen;
  }

  /**
   * Waits until nothing was told for `quietMs`, so that what is told next is most likely of the next change. Too short a wait can't fail a test: what
   * happens before a watch stands is told when it does.
   */
  async settles(quietMs = 60): Promise<void> {
    for (let seen = -1; seen !== this.events; ) {
      seen = this.events;
      await setTimeout(quietMs);
    }
  }

  /** Does it tell of `change`? */
  async tellsOf(change: () => void, withinMs?: number): Promise<boolean> {
    const seen = this.events;
    change();
    return await this.tells(seen, withinMs);
  }
}

async function watched(...paths: string[]): Promise<Watched> {
  const result = new Watched(...paths);
  expect(await result.tells(0)).toBe(true);
  await result.settles();
  return result;
}

const flag = () => join(base, 'run/.flag');
const setFlag = () => writeFileSync(flag(), 'x');
const removeFlag = () => rmSync(flag());

describe('the flag watch', () => {
  beforeEach(() => mkdirSync(join(base, 'run')));

  it('asks for a look as soon as it stands, and tells of each creation, change, change of mode and deletion', async () => {
    const flags = await watched('run/.flag');
    expect(await flags.tellsOf(setFlag)).toBe(true);
    expect(await flags.tellsOf(() => writeFileSync(flag(), 'other'))).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(() => chmodSync(flag(), 0))).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(removeFlag)).toBe(true);
    expect(await flags.tellsOf(() => mkdirSync(flag()))).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(() => rmdirSync(flag()))).toBe(true);
    expect(await flags.tellsOf(() => symlinkSync('/etc/hostname', flag()))).toBe(true);
    expect(await flags.tellsOf(removeFlag)).toBe(true);
    writeFileSync(join(base, 'elsewhere'), '');
    await flags.settles();
    expect(await flags.tellsOf(() => renameSync(join(base, 'elsewhere'), flag()))).toBe(true);
  });

  it('tells of 100 quick deletions, every one', async () => {
    const flags = await watched('run/.flag');
    for (let round = 0; round < 100; round++) {
      expect(await flags.tellsOf(setFlag)).toBe(true);
      expect(await flags.tellsOf(removeFlag)).toBe(true);
    }
    expect(flags.said).toEqual([]);
  });

  it('watches two flags, in one folder or in two', async () => {
    mkdirSync(join(base, 'etc'));
    const flags = await watched('run/.flag', 'etc/.flag', 'run/.other');
    expect(await flags.tellsOf(setFlag)).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(() => writeFileSync(join(base, 'etc/.flag'), ''))).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(() => writeFileSync(join(base, 'run/.other'), ''))).toBe(true);
  });

  it('follows a link in the way to the folder, and notices at a rearm that it leads elsewhere', async () => {
    mkdirSync(join(base, 'var'));
    symlinkSync('../run', join(base, 'var/run'));
    const flags = await watched('var/run/.flag');
    expect(await flags.tellsOf(setFlag)).toBe(true);
    mkdirSync(join(base, 'run2'));
    rmSync(join(base, 'var/run'));
    symlinkSync('../run2', join(base, 'var/run'));
    await flags.settles();
    expect(await flags.tellsOf(() => flags.watch.rearm())).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(() => writeFileSync(join(base, 'run2/.flag'), ''))).toBe(true);
  });

  it('watches on after its folder was deleted and made again, without a rearm', async () => {
    const flags = await watched('run/.flag');
    for (let round = 0; round < 5; round++) {
      expect(await flags.tellsOf(() => rmSync(join(base, 'run'), { recursive: true }))).toBe(true);
      await flags.settles(20 * (round % 3));
      expect(await flags.tellsOf(() => mkdirSync(join(base, 'run')))).toBe(true);
      await flags.settles();
      expect(await flags.tellsOf(setFlag)).toBe(true);
      expect(await flags.tellsOf(removeFlag)).toBe(true);
    }
  });

  it('watches on when its folder is deleted and made again at once', async () => {
    const flags = await watched('run/.flag');
    for (let round = 0; round < 5; round++) {
      rmSync(join(base, 'run'), { recursive: true });
      mkdirSync(join(base, 'run'));
      await flags.settles();
      expect(await flags.tellsOf(setFlag)).toBe(true);
    }
  });

  it('watches on when its folder is replaced by a rename', async () => {
    const flags = await watched('run/.flag');
    mkdirSync(join(base, 'new'));
    renameSync(join(base, 'run'), join(base, 'old'));
    renameSync(join(base, 'new'), join(base, 'run'));
    await flags.settles();
    expect(await flags.tellsOf(setFlag)).toBe(true);
    await flags.settles();
    const seen = flags.events;
    writeFileSync(join(base, 'old/.flag'), '');
    await flags.settles();
    expect(flags.events).toBe(seen);
  });

  it('finds folders that are missing at first, several levels of them, as they come', async () => {
    const flags = await watched('etc/mtc/tmp/.flag');
    for (const folder of ['etc', 'etc/mtc', 'etc/mtc/tmp']) {
      expect(await flags.tellsOf(() => mkdirSync(join(base, folder)))).toBe(true);
      await flags.settles();
    }
    expect(await flags.tellsOf(() => writeFileSync(join(base, 'etc/mtc/tmp/.flag'), ''))).toBe(true);
    rmSync(join(base, 'etc'), { recursive: true });
    await flags.settles();
    mkdirSync(join(base, 'etc/mtc/tmp'), { recursive: true });
    await flags.settles();
    expect(await flags.tellsOf(() => writeFileSync(join(base, 'etc/mtc/tmp/.flag'), ''))).toBe(true);
  });

  it('is not misled by a folder of the same name as its flag', async () => {
    const flags = await watched('x/x/x');
    mkdirSync(join(base, 'x/x'), { recursive: true });
    await flags.settles();
    expect(await flags.tellsOf(() => writeFileSync(join(base, 'x/x/x'), ''))).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(() => rmSync(join(base, 'x/x/x')))).toBe(true);
  });

  it('waits where a file or a link to nowhere stands in the place of its folder', async () => {
    rmdirSync(join(base, 'run'));
    writeFileSync(join(base, 'run'), '');
    const flags = await watched('run/.flag');
    rmSync(join(base, 'run'));
    symlinkSync(join(base, 'later'), join(base, 'run'));
    await flags.settles();
    mkdirSync(join(base, 'later'));
    expect(await flags.tellsOf(() => flags.watch.rearm())).toBe(true);
    await flags.settles();
    expect(await flags.tellsOf(setFlag)).toBe(true);
  });

  it('costs nothing to rearm when nothing changed', async () => {
    const flags = await watched('run/.flag');
    const seen = flags.events;
    for (let round = 0; round < 50; round++) flags.watch.rearm();
    await flags.settles();
    expect(flags.events).toBe(seen);
  });

  it('is not woken by 10,000 other files, and sets no watch on any', async () => {
    for (let i = 0; i < 5_000; i++) writeFileSync(join(base, `run/before-${i}`), '');
    const flags = await watched('run/.flag');
    const watches = inotifyWatches();
    const seen = flags.events;
    for (let i = 0; i < 5_000; i++) writeFileSync(join(base, `run/after-${i}`), '');
    mkdirSync(join(base, 'run/folder'));
    writeFileSync(join(base, 'run/folder/.flag'), '');
    await flags.settles();
    expect(flags.events).toBe(seen);
    expect(inotifyWatches()).toBe(watches);
    expect(await flags.tellsOf(setFlag)).toBe(true);
  });

  it('leaves no watch behind when it is closed, also while it is being set up', async () => {
    const before = inotifyWatches();
    const flags = await watched('run/.flag', 'etc/.flag');
    expect(inotifyWatches()).toBe(before + 2);
    flags.watch.rearm();
    await flags.watch.close();
    const early = new Watched('run/.flag');
    await early.watch.close();
    expect(inotifyWatches()).toBe(before);
    const seen = [flags.events, early.events];
    setFlag();
    flags.watch.rearm();
    await setTimeout(100);
    expect([flags.events, early.events]).toEqual(seen);
  });
});

const limitWatches = ['--user', '--map-root-user', 'sh', '-c'];
const canLimit =
  spawnSync('unshare', [...limitWatches, 'echo 0 > /proc/sys/user/max_inotify_watches']).status === 0;

describe('where the kernel grants no more watches', () => {
  it.skipIf(!canLimit).each([
    ['max_inotify_watches', 'ENOSPC'],
    ['max_inotify_instances', 'EMFILE'],
  ])('it warns once, lives on, and watches when it can again (%s)', async (limit, code) => {
    mkdirSync(join(base, 'run'));
    const script = `
      import { ChokidarFlagWatch } from ${JSON.stringify(join(import.meta.dirname, '../../../node-agent/linux/flag-watch.ts'))};
      const say = (fields, message) => console.log(message + ': ' + (fields.why ?? ''));
      const log = { debug: say, info: say, warn: say, error: say };
      const watch = new ChokidarFlagWatch({ paths: [process.argv[1]], log });
      watch.start(() => { console.log('event'); watch.rearm(); });
      setInterval(() => watch.rearm(), 20);
    `;
    const limitFile = `/proc/sys/user/${limit}`;
    const command = `echo 0 > ${limitFile}; (while kill -0 $$ && [ ! -e "$2/free" ]; do sleep 0.05; done; echo 100 > ${limitFile}) & exec ${process.execPath} --input-type=module -e "$0" "$1"`;
    const child = spawn('unshare', [...limitWatches, command, script, flag(), base], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    await appears(() => output.includes(code));
    await setTimeout(200);
    expect(output.match(/not fully watched/g)).toHaveLength(1);
    expect(output).not.toContain('event');
    writeFileSync(join(base, 'free'), '');
    await appears(() => output.includes('the flags are watched again'));
    output = '';
    setFlag();
    await appears(() => output.includes('event'));
  });
});

async function appears(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); await setTimeout(10)) {
    if (Date.now() > deadline) throw new Error('it did not come about within 10 s');
  }
}

/** How many inotify watches this process holds. */
function inotifyWatches(): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    const path = `/proc/self/fdinfo/${fd}`;
    if (existsSync(path)) count += readFileSync(path, 'utf8').match(/^inotify wd:/gm)?.length ?? 0;
  }
  return count;
}
