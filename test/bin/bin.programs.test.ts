// The shell in bin/: from wherever and however it is called, it finds its own checkout, and the Node in it.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const VERSION: string = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
const PROGRAMS = ['lockstep', 'lockstep-agent', 'lockstep-controller'];
const LIMIT_MS = 30_000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync('/tmp/ls-bin-');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs it with `--version` as its last argument. */
function run(command: string, args: readonly string[], { cwd = folder, env = {} }: Options = {}) {
  const { status, stdout, stderr } = spawnSync(command, [...args, '--version'], {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  return { status, stdout, stderr };
}

/** Its output is the version of the checkout it belongs to. */
const isItsVersion = { status: 0, stdout: expect.stringContaining(VERSION), stderr: '' };

/** bin/ copied, all else linked. @param without is left out. */
function checkout(name: string, without: readonly string[] = []): string {
  const root = join(folder, name);
  mkdirSync(root);
  cpSync(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true });
  for (const entry of readdirSync(ROOT)) {
    if (entry !== 'bin' && !entry.startsWith('.') && !without.includes(entry)) {
      symlinkSync(join(ROOT, entry), join(root, entry));
    }
  }
  return root;
}

describe.each(PROGRAMS)('bin/%s', (program) => {
  it('runs by its absolute path, and by one from beside it and from below', () => {
    expect(run(join(ROOT, 'bin', program), [])).toMatchObject(isItsVersion);
    expect(run(`bin/${program}`, [], { cwd: ROOT })).toMatchObject(isItsVersion);
    expect(run(`../bin/${program}`, [], { cwd: join(ROOT, 'bin') })).toMatchObject(isItsVersion);
  });
});

describe('bin/lockstep', () => {
  it('runs through a link, a link to a link, a relative one, and a linked folder', () => {
    const root = checkout('checkout');
    symlinkSync(join(root, 'bin/lockstep'), join(folder, 'absolute'));
    symlinkSync('checkout/bin/lockstep', join(folder, 'relative'));
    symlinkSync('absolute', join(folder, 'twice'));
    symlinkSync('checkout/bin', join(folder, 'programs'));
    for (const link of ['absolute', 'relative', 'twice', 'programs/lockstep']) {
      expect(run(join(folder, link), [])).toMatchObject(isItsVersion);
      expect(run(`./${link}`, [])).toMatchObject(isItsVersion);
      expect(run('sh', [link])).toMatchObject(isItsVersion);
    }
  });

  it('runs by `sh lockstep` from inside bin/', () => {
    expect(run('sh', ['lockstep'], { cwd: join(ROOT, 'bin') })).toMatchObject(isItsVersion);
  });

  it('runs through PATH, from bin/ itself and from a folder with a link to it', () => {
    symlinkSync(join(ROOT, 'bin/lockstep'), join(folder, 'lockstep'));
    for (const path of [join(ROOT, 'bin'), folder]) {
      const env = { PATH: `${path}:${process.env.PATH}` };
      expect(run('lockstep', [], { cwd: '/', env })).toMatchObject(isItsVersion);
      expect(run('sh', ['-c', 'lockstep "$@"', 'sh'], { cwd: '/', env })).toMatchObject(isItsVersion);
    }
  });

  it.each(['with a space', "quote's", 'glob *', '-dash'])('runs from a checkout named %j', (name) => {
    const root = checkout(name);
    expect(run(join(root, 'bin/lockstep'), [])).toMatchObject(isItsVersion);
    expect(run('sh', ['lockstep'], { cwd: join(root, 'bin') })).toMatchObject(isItsVersion);
  });

  // The folder of CDPATH wins over the one that is meant: bin/exec-node has to empty it for its cd.
  it('runs by a relative path whatever CDPATH says', () => {
    mkdirSync(join(folder, 'bin'));
    expect(run('bin/lockstep', [], { cwd: ROOT, env: { CDPATH: folder } })).toMatchObject(isItsVersion);
  });

  it('hands its arguments on as they are', () => {
    const { status, stderr } = spawnSync(join(ROOT, 'bin/lockstep'), ['no such  command*'], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
    expect([status === 0, stderr.includes('no such  command*')]).toEqual([false, true]);
  });

  it.each(PROGRAMS)('%s says which Node it expected, and where, when nothing is installed', (program) => {
    const root = checkout('bare checkout', ['node_modules']);
    symlinkSync(join(root, 'bin', program), join(folder, 'link'));
    for (const path of [join(root, 'bin', program), join(folder, 'link')]) {
      expect(run(path, [])).toEqual({
        status: 1,
        stdout: '',
        stderr: `${program}: expected the pinned Node at ${root}/node_modules/.bin/node, found none: run npm ci in ${root}\n`,
      });
    }
  });
});
