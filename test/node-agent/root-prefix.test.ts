import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxDisk } from '../../node-agent/linux/disk.ts';
import { resolveInsideRoot, rootGuard, underRoot } from '../../node-agent/root-prefix.ts';

describe('underRoot', () => {
  it.each([
    ['/', '/var/run/.node_locked', '/var/run/.node_locked'],
    ['/box', '/var/run/.node_locked', '/box/var/run/.node_locked'],
    ['/box', '/../../etc/passwd', '/box/etc/passwd'],
    ['/box', '/a/../../../b', '/box/b'],
    ['/box/', '/a/', '/box/a'],
  ])('puts %s before %s', (root, path, expected) => {
    expect(underRoot(root, path)).toBe(expected);
  });
});

describe.each([
  ['resolveInsideRoot', resolveInsideRoot],
  ['rootGuard', (disk: LinuxDisk, root: string, path: string) => rootGuard(disk, root)(path)],
])('%s', (_, resolveInside) => {
  const disk = new LinuxDisk();
  let base: string;
  let root: string;
  beforeEach(() => {
    base = mkdtempSync('/tmp/ls-root-');
    root = join(base, 'root');
    mkdirSync(root);
  });
  afterEach(() => {
    rmSync(base, { recursive: true, force: true });
  });
  const check = (path: string) => resolveInside(disk, root, join(root, path));

  it('accepts a folder inside, missing ones, and links that stay inside', async () => {
    mkdirSync(join(root, 'run'));
    mkdirSync(join(root, 'var'));
    symlinkSync('../run', join(root, 'var/run'));
    await check('run/flag');
    await check('no/such/folder/flag');
    await check('var/run/flag');
    await check('flag');
  });

  it('accepts a root that is itself reached through a link', async () => {
    symlinkSync(root, join(base, 'alias'));
    mkdirSync(join(root, 'run'));
    await resolveInside(disk, join(base, 'alias'), join(base, 'alias/run/flag'));
  });

  it('refuses a link that leads out, at any level, and says where', async () => {
    mkdirSync(join(base, 'outside'));
    symlinkSync(join(base, 'outside'), join(root, 'run'));
    const text = `${root}/run/flag: expected its folder inside the root ${root}, found that ${root}/run leads to ${base}/outside`;
    await expect(check('run/flag')).rejects.toThrow(text);
    await expect(check('run/below/it/flag')).rejects.toMatchObject({ code: 'Refused' });
  });

  it('refuses a neighbour whose name begins as the root does', async () => {
    mkdirSync(`${root}-2`);
    symlinkSync(`${root}-2`, join(root, 'run'));
    await expect(check('run/flag')).rejects.toMatchObject({ code: 'Refused' });
  });

  it('accepts a folder whose name begins with dots', async () => {
    mkdirSync(join(root, '..run'));
    await check('..run/flag');
  });

  it('refuses a link to nowhere: it may lead out a moment later', async () => {
    symlinkSync(join(base, 'later'), join(root, 'run'));
    await expect(check('run/flag')).rejects.toThrow(/run is a link to nowhere: replace it by a folder/);
    await expect(check('run/below/flag')).rejects.toMatchObject({ code: 'Refused' });
  });

  it('does not mind what stands at the path itself: that is never followed', async () => {
    symlinkSync('/etc/hostname', join(root, 'flag'));
    await check('flag');
  });

  it('says so when the root is missing, and lets other failures through', async () => {
    const missing = join(base, 'none');
    await expect(resolveInside(disk, missing, join(missing, 'flag'))).rejects.toThrow(
      `root: expected a folder at ${missing}, found nothing: create it`,
    );
    writeFileSync(join(root, 'file'), '');
    await expect(check('file/below/flag')).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('asks nothing when there is no sandbox', async () => {
    await resolveInside(disk, '/', '/no/such/folder/flag');
  });
});

it('a guard sees a folder that is replaced by a link leading out after it was found inside', async () => {
  const disk = new LinuxDisk();
  const base = mkdtempSync('/tmp/ls-root-');
  const root = join(base, 'root');
  mkdirSync(join(root, 'run'), { recursive: true });
  const guard = rootGuard(disk, root);
  await guard(join(root, 'run/flag'));
  rmSync(join(root, 'run'), { recursive: true });
  symlinkSync(base, join(root, 'run'));
  await expect(guard(join(root, 'run/flag'))).rejects.toMatchObject({ code: 'Refused' });
  rmSync(base, { recursive: true });
});
