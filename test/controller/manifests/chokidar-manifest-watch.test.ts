import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { ChokidarManifestWatch } from '../../../controller/manifests/chokidar-manifest-watch.ts';
import { DiskManifestFiles } from '../../../controller/manifests/disk-manifest-files.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

let root: string;
let watch: ChokidarManifestWatch;
let hints: number;
const log = new RecordingLog();

beforeEach(() => {
  root = join(tempFolder(), 'm');
  hints = 0;
});

function start(): void {
  watch = new ChokidarManifestWatch({ folder: root, log });
  watch.start(() => {
    hints += 1;
    void look();
  });
  onTestFinished(() => watch.close());
}

/** As the sync does at each look. */
async function look(): Promise<void> {
  const listing = await new DiskManifestFiles(root).list(new AbortController().signal);
  watch.follow(listing.kind === 'listed' ? listing.folders : []);
}

/** Waits until `happen` is hinted at; what comes before the watch stands is not. */
async function expectHint(happen: (turn: number) => void): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    const before = hints;
    happen(turn);
    const deadline = Date.now() + 20;
    while (Date.now() < deadline) {
      if (hints > before) return;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  throw new Error('expected a hint, found none');
}

it('hints at what happens in the folder and in the folders in it', async () => {
  mkdirSync(join(root, 'sub'), { recursive: true });
  start();
  await look();
  await expectHint((turn) => writeFileSync(join(root, 'a.yaml'), `${turn}`));
  await expectHint((turn) => writeFileSync(join(root, 'sub/b.yaml'), `${turn}`));
  await expectHint(() => mkdirSync(join(root, 'new')));
  await expectHint((turn) => writeFileSync(join(root, 'new/c.yaml'), `${turn}`));
  await expectHint(() => rmSync(join(root, 'a.yaml')));
});

it('hints at a folder that comes, goes and comes again', async () => {
  start();
  await look();
  await expectHint((turn) => (turn % 2 === 0 ? mkdirSync(root) : rmSync(root, { recursive: true })));
  mkdirSync(root, { recursive: true });
  await expectHint((turn) => writeFileSync(join(root, 'a.yaml'), `${turn}`));
  await expectHint(() => rmSync(root, { recursive: true, force: true }));
  await expectHint(() => mkdirSync(root, { recursive: true }));
  await expectHint((turn) => writeFileSync(join(root, 'a.yaml'), `${turn}`));
});

it('hints at a link that is swapped for another folder', async () => {
  for (const name of ['one', 'two']) mkdirSync(join(root, '..', name));
  symlinkSync('one', root);
  start();
  await look();
  await expectHint((turn) => {
    symlinkSync(turn % 2 === 0 ? 'two' : 'one', `${root}.new`);
    renameSync(`${root}.new`, root);
  });
  await expectHint((turn) => {
    for (const name of ['one', 'two']) writeFileSync(join(root, '..', name, 'a.yaml'), `${turn}`);
  });
});

it('is silent about a folder in which nothing happens, and after its end', async () => {
  mkdirSync(root);
  start();
  await look();
  await expectHint((turn) => writeFileSync(join(root, 'a.yaml'), `${turn}`));
  await watch.close();
  const before = hints;
  writeFileSync(join(root, 'a.yaml'), 'late');
  await new Promise((resolve) => setImmediate(resolve));
  expect(hints).toBe(before);
});
