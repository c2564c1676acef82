import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  listScripts,
  listSets,
  lookAtScript,
  serviceOf,
  whyUnsafe,
} from '../../../../node-agent/linux/scripts/script-sets.ts';
import { Sandbox } from './sandbox.ts';

/** Tests that give files away need root, which CI is. */
const isRoot = process.geteuid?.() === 0;

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

const names = async () => (await listScripts(sandbox.path('set'))).scripts.map(({ name }) => name);
const skipped = async () =>
  (await listScripts(sandbox.path('set'))).skipped.map(
    ({ path, reason, unsafe }) =>
      `${path.slice(sandbox.path('set').length + 1)}: ${reason}${unsafe ? ' (unsafe)' : ''}`,
  );

describe('S1 the order of services', () => {
  it.each([
    ['10-network', 10],
    ['00-first', 0],
    ['99-last', 99],
    ['network', null],
    ['1-network', null],
    ['100-network', null],
    ['10network', null],
  ])('%s is in group %s', (name, group) => {
    expect(serviceOf('worker', name)).toEqual({ id: `worker/${name}`, name, set: 'worker', group });
  });

  it('lists the sets of the roles in order, and each by name', async () => {
    for (const path of ['worker/b', 'worker/20-a', 'worker/10-z', 'controller/c', 'storage/s']) {
      sandbox.script(`services.d/${path}`, 'exit 0');
    }
    const { sets } = await listSets(sandbox.servicesDir, ['controller', 'worker']);
    expect(sets.map(({ set, scripts }) => [set, scripts.map(({ name }) => name)])).toEqual([
      ['controller', ['c']],
      ['worker', ['10-z', '20-a', 'b']],
    ]);
  });
});

describe('S9 an empty or missing set', () => {
  it('is no services', async () => {
    expect(await listScripts(sandbox.path('set'))).toEqual({ scripts: [], skipped: [], isWhole: true });
    mkdirSync(sandbox.path('set'));
    expect(await listScripts(sandbox.path('set'))).toEqual({ scripts: [], skipped: [], isWhole: true });
  });

  it('is not one that can not be read: that hides services, and the other sets are listed', async () => {
    sandbox.file('services.d/worker', 'a file where a folder should be', 0o644);
    sandbox.script('services.d/storage/x', 'exit 0');
    const { sets, skipped } = await listSets(sandbox.servicesDir, ['worker', 'storage']);
    expect(sets.map(({ scripts, isWhole }) => [scripts.length, isWhole])).toEqual([
      [0, false],
      [1, true],
    ]);
    expect(skipped).toEqual([
      {
        path: sandbox.path('services.d/worker'),
        reason: expect.stringMatching(/services\.d\/worker: expected a folder of scripts, found ENOTDIR/),
        unsafe: false,
        hidesServices: true,
      },
    ]);
    await expect(listScripts(sandbox.path('services.d/worker'))).rejects.toThrow(/ENOTDIR/);
  });

  it('nor is a folder of sets that can not be read', async () => {
    symlinkSync('services.d', sandbox.path('services.d'));
    const { sets, skipped } = await listSets(sandbox.servicesDir, ['worker', 'storage']);
    expect(sets.map(({ isWhole }) => isWhole)).toEqual([false, false]);
    expect(skipped).toMatchObject([{ path: sandbox.servicesDir, hidesServices: true }]);
  });
});

describe('S16 what is passed over', () => {
  it.each([
    'x~',
    'x.bak',
    'x.orig',
    'x.swp',
    '.x.swp',
    '#x#',
    'x.dpkg-old',
    'x.dpkg-new',
    'x.rpmsave',
    'x.rpmnew',
    '.hidden',
  ])('the leftover %s, even when executable', async (name) => {
    sandbox.script(`set/${name}`, 'exit 0');
    expect(await names()).toEqual([]);
    expect(await skipped()).toEqual([
      expect.stringMatching(/its name (begins with a dot|is that of a backup)/),
    ]);
  });

  it.each(['x', 'x.sh', '10-x', 'x.y.z', 'backup', 'x.service', 'x rpm', 'größe'])('not %s', async (name) => {
    sandbox.script(`set/${name}`, 'exit 0');
    expect(await names()).toEqual([name]);
  });

  it('non-executables, folders, links to nothing, fifos and unprintable or endless names', async () => {
    sandbox.file('set/README', 'text');
    mkdirSync(sandbox.path('set/folder'));
    symlinkSync('/nowhere/at/all', sandbox.path('set/dangling'));
    symlinkSync('loop', sandbox.path('set/loop'));
    sandbox.script('set/a\nb', 'exit 0');
    sandbox.script(`set/${'n'.repeat(201)}`, 'exit 0');
    writeFileSync(Buffer.concat([Buffer.from(`${sandbox.path('set')}/`), Buffer.from([0xff])]), '');
    expect(await names()).toEqual([]);
    expect(await skipped()).toEqual([
      'README: it is not executable',
      'a\nb: its name holds characters that are not printable',
      'dangling: it is a link to nothing',
      'folder: it is a folder',
      expect.stringMatching(/^loop: it can't be looked at: ELOOP.* \(unsafe\)$/),
      expect.stringMatching(/^n+: its name is longer than 200 bytes$/),
      '\uFFFD: its name holds characters that are not printable',
    ]);
  });

  it('follows a link to a script', async () => {
    const target = sandbox.script('elsewhere/target', 'exit 0');
    mkdirSync(sandbox.path('set'));
    symlinkSync(target, sandbox.path('set/10-link'));
    expect(await names()).toEqual(['10-link']);
  });

  it('what vanishes while it is looked at is simply gone', async () => {
    expect(await lookAtScript(sandbox.path('set/x'))).toEqual({ kind: 'gone' });
  });

  it('more than 4,096 entries, which is said', async () => {
    for (let n = 0; n < 4_098; n++) sandbox.file(`set/${String(n).padStart(4, '0')}`, '', 0o755);
    const { scripts, skipped, isWhole } = await listScripts(sandbox.path('set'));
    expect([scripts.length, isWhole]).toEqual([4_096, false]);
    expect(skipped.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^it holds 4098 entries/)]);
  });
});

describe('S16 what others could have written', () => {
  it.each([
    [{ uid: 0, mode: 0o100755 }, 0, undefined],
    [{ uid: 0, mode: 0o100700 }, 1_000, undefined],
    [{ uid: 1_000, mode: 0o100755 }, 1_000, undefined],
    [{ uid: 1_000, mode: 0o100755 }, 0, 'user 1000 owns it and could have written it'],
    [{ uid: 1_001, mode: 0o100755 }, 1_000, 'user 1001 owns it and could have written it'],
    [{ uid: 0, mode: 0o100775 }, 0, 'others than its owner can write it (mode 0775)'],
    [{ uid: 0, mode: 0o100757 }, 0, 'others than its owner can write it (mode 0757)'],
    [{ uid: 0, mode: 0o041777 }, 0, 'others than its owner can write it (mode 1777)'],
  ])('%o, looked at by user %i: %s', (stats, user, expected) => {
    expect(whyUnsafe(stats, user)).toBe(expected);
  });

  it.each([0o775, 0o757, 0o777])('a script of mode %o is passed over, and unsafe', async (mode) => {
    sandbox.script('set/x', 'exit 0', mode);
    sandbox.script('set/y', 'exit 0');
    expect(await names()).toEqual(['y']);
    expect(await skipped()).toEqual([
      expect.stringMatching(/^x: others than its owner can write it .*\(unsafe\)$/),
    ]);
  });

  it.runIf(isRoot)('a script that another user owns', async () => {
    chownSync(sandbox.script('set/x', 'exit 0'), 1_000, 1_000);
    expect(await skipped()).toEqual(['x: user 1000 owns it and could have written it (unsafe)']);
  });

  it('a link to such a script, or into a folder where anybody can put another', async () => {
    mkdirSync(sandbox.path('set'));
    sandbox.script('elsewhere/writable', 'exit 0', 0o777);
    sandbox.script('open/x', 'exit 0');
    chmodSync(sandbox.path('open'), 0o1777);
    symlinkSync('../elsewhere/writable', sandbox.path('set/a'));
    symlinkSync('../open/x', sandbox.path('set/b'));
    expect(await names()).toEqual([]);
    expect(await skipped()).toEqual([
      'a: others than its owner can write it (mode 0777) (unsafe)',
      expect.stringMatching(/^b: it is a link into .*open: others .*\(mode 1777\) \(unsafe\)$/),
    ]);
  });

  it.runIf(isRoot)('is not a matter of who owns the link itself', async () => {
    const target = sandbox.script('elsewhere/target', 'exit 0');
    mkdirSync(sandbox.path('set'));
    symlinkSync(target, sandbox.path('set/x'));
    lchownSync(sandbox.path('set/x'), 1_000, 1_000);
    expect(await names()).toEqual(['x']);
  });

  it("everything in a set's folder, when the folder is such", async () => {
    sandbox.script('set/x', 'exit 0');
    chmodSync(sandbox.path('set'), 0o777);
    const { scripts, skipped, isWhole } = await listScripts(sandbox.path('set'));
    expect([scripts, isWhole]).toEqual([[], false]);
    expect(skipped).toEqual([
      {
        path: sandbox.path('set'),
        reason: 'others than its owner can write it (mode 0777)',
        unsafe: true,
        hidesServices: true,
      },
    ]);
  });

  it('every set, when the folder of the sets is such, said once', async () => {
    sandbox.script('services.d/worker/x', 'exit 0');
    sandbox.script('services.d/storage/x', 'exit 0');
    chmodSync(sandbox.servicesDir, 0o775);
    const { sets, skipped } = await listSets(sandbox.servicesDir, ['worker', 'storage']);
    expect(sets.flatMap(({ scripts }) => scripts)).toEqual([]);
    expect(skipped.map(({ path, unsafe }) => [path, unsafe])).toEqual([[sandbox.servicesDir, true]]);
  });

  it('one that can not be looked at: it is reported, and never run', async () => {
    mkdirSync(sandbox.path('set'));
    symlinkSync(join('file', 'below'), sandbox.path('set/x'));
    sandbox.file('set/file', '');
    expect(await skipped()).toContainEqual(
      expect.stringMatching(/^x: it can't be looked at: ENOTDIR.* \(unsafe\)$/),
    );
  });
});
