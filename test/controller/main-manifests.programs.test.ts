// bin/lockstep-controller --manifests as a process, on a folder that somebody works in.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ManifestFileList } from '../../controller/api/schemas.ts';
import { ApiClient } from '../../controller/cli/api-client.ts';
import { ControllerProcess, run } from './fixtures/programs.ts';
import { tempFolder } from './fixtures/temp-folder.ts';
import { manifestText } from './manifests/fixtures/fake-manifest-folder.ts';

let data: string;
let folder: string;
let controller: ControllerProcess;
let client: ApiClient;

beforeEach(() => {
  data = tempFolder();
  folder = join(tempFolder(), 'manifests');
  mkdirSync(folder);
});

async function start(...options: readonly string[]): Promise<void> {
  const started = await ControllerProcess.start(data, ...options);
  onTestFinished(async () => {
    await started.stop('SIGKILL');
  });
  controller = started;
  client = new ApiClient({ socketPath: started.socketPath, actor: 'alice' });
}

const startWithFolder = () => start('--manifests', folder);
const put = (file: string, text: string) => writeFileSync(join(folder, file), text);

/** The list, once `isSo`; what the list is when that takes longer than any promise. */
async function listed(isSo: (list: ManifestFileList) => boolean): Promise<ManifestFileList> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const list = await client.manifests();
    if (isSo(list) || Date.now() > deadline) return list;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function states({ items }: ManifestFileList): readonly string[] {
  return items.map(({ file, state, hosts }) => `${file} ${state} ${hosts.join()}`);
}

async function expectStates(...expected: readonly string[]): Promise<void> {
  const list = await listed((found) => states(found).join() === expected.join());
  expect(states(list)).toEqual(expected);
}

async function expectSpec(host: string, locked: boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  const isSo = async () => (await client.getHost(host)).spec.locked === locked;
  while (!(await isSo()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await client.getHost(host)).spec.locked).toBe(locked);
}

describe('lockstep-controller --manifests', () => {
  it('makes the files the truth for their hosts, and refuses to change them by hand with 4, naming the file', async () => {
    put('lab.yaml', manifestText('h1', '!h2'));
    await startWithFolder();
    await expectStates('lab.yaml Applied h1,h2');
    const { code, stderr } = await controller.cli('unlock', 'h1');
    expect(code).toBe(4);
    expect(stderr).toMatch(/host h1: lab\.yaml in the manifests folder declares it/);
    put('lab.yaml', manifestText('!h1', '!h2'));
    await expectSpec('h1', false);
  });

  it('I10 keeps the last good state of a file that is broken, over a restart too, and stays ready', async () => {
    put('lab.yaml', manifestText('!h1'));
    await startWithFolder();
    await expectStates('lab.yaml Applied h1');
    put('lab.yaml', 'spec: {locked: true');
    await expectStates('lab.yaml Refused h1');
    await client.ready();
    expect((await controller.cli('lock', 'h1')).code).toBe(4);
    await controller.stop();
    await startWithFolder();
    await expectStates('lab.yaml Refused h1');
    expect((await client.getHost('h1')).spec).toEqual({ locked: false, servicesEnabled: true });
    expect((await controller.cli('lock', 'h1')).code).toBe(4);
    put('lab.yaml', manifestText('h1'));
    await expectStates('lab.yaml Applied h1');
    await expectSpec('h1', true);
    const reasons = (await client.events({ host: 'h1' })).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'ManifestAccepted')).toHaveLength(1);
  });

  it('I10 survives whatever stands in the folder', async () => {
    put('lab.yaml', manifestText('!h1'));
    await startWithFolder();
    await expectStates('lab.yaml Applied h1');
    execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
    symlinkSync('loop.yaml', join(folder, 'loop.yaml'));
    symlinkSync('.', join(folder, 'self'));
    put('big.yaml', '');
    truncateSync(join(folder, 'big.yaml'), 10_000_000);
    writeFileSync(join(folder, 'bytes.json'), Buffer.from([0xff, 0xfe, 0]));
    put('deep.yaml', '['.repeat(100_000));
    put('keys.yaml', Array.from({ length: 50_000 }, (_, index) => `k${index}: 1`).join('\n'));
    const refused = ['big.yaml', 'bytes.json', 'deep.yaml', 'keys.yaml'].map((file) => `${file} Refused `);
    const links = ['loop.yaml', 'pipe.yaml', 'self/'].map((file) => `${file} Refused `);
    await expectStates(...refused, 'lab.yaml Applied h1', ...links);
    await client.ready();
    put('lab.yaml', manifestText('h1'));
    await expectSpec('h1', true);
  });

  it('I4 releases nothing while the folder is away, and a host once its file is gone', async () => {
    put('lab.yaml', manifestText('!h1'));
    put('other.yaml', manifestText('h2'));
    await startWithFolder();
    await expectStates('lab.yaml Applied h1', 'other.yaml Applied h2');
    renameSync(folder, `${folder}.away`);
    expect((await listed(({ message }) => message !== '')).message).toBe('expected a folder, found nothing');
    expect((await controller.cli('lock', 'h1')).code).toBe(4);
    await client.ready();
    rmSync(join(`${folder}.away`, 'lab.yaml'));
    renameSync(`${folder}.away`, folder);
    await expectStates('other.yaml Applied h2');
    const deadline = Date.now() + 30_000;
    while ((await controller.cli('lock', 'h1')).code !== 0 && Date.now() < deadline);
    await expectSpec('h1', true);
    expect((await controller.cli('unlock', 'h2')).code).toBe(4);
  });

  it('follows a folder that is a link and is swapped, as git-sync does', async () => {
    const [one, two, link] = ['one', 'two', 'link'].map((name) => join(folder, '..', name));
    if (one === undefined || two === undefined || link === undefined) throw new Error('expected three names');
    for (const path of [one, two]) mkdirSync(path);
    writeFileSync(join(one, 'lab.yaml'), manifestText('!h1'));
    writeFileSync(join(two, 'lab.yaml'), manifestText('h1'));
    symlinkSync('one', link);
    await start('--manifests', link);
    await expectStates('lab.yaml Applied h1');
    symlinkSync('two', `${link}.new`);
    renameSync(`${link}.new`, link);
    rmSync(one, { recursive: true });
    await expectSpec('h1', true);
  });
});

it('releases what it held before when it is started without the folder', async () => {
  put('lab.yaml', manifestText('!h1'));
  await startWithFolder();
  await expectStates('lab.yaml Applied h1');
  await controller.stop();
  await start();
  expect((await client.manifests()).folder).toBeNull();
  const deadline = Date.now() + 30_000;
  while ((await controller.cli('lock', 'h1')).code !== 0 && Date.now() < deadline);
  await expectSpec('h1', true);
  const reasons = (await client.events({ host: 'h1' })).map(({ reason }) => reason);
  expect(reasons).toEqual(['Declared', 'Released', 'Locked']);
});

it('refuses an empty name of a folder with 2', async () => {
  const { code, stderr } = await run('lockstep-controller', ['--data', data, '--manifests', '']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/Expected a folder/);
});
