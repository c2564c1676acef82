// `npm run build`: what it makes is moved, made read-only, and run from elsewhere and through links; it does what a checkout does, and keeps nothing of its own.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { hostSchema } from '../../desired-state/host.ts';
import { type Finished, Program, run } from '../controller/fixtures/programs.ts';
import { tempFolder } from '../controller/fixtures/temp-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAMS = ['lockstep', 'lockstep-agent', 'lockstep-controller'];
const BUILD_LIMIT_MS = 180_000;

let temp: string;
/** The built folder, where it was moved to. */
let folder: string;
/** A folder with a link to each program. */
let links: string;
let asBuilt: readonly string[];

function build(...args: readonly string[]) {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'build/main.ts', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: BUILD_LIMIT_MS,
  });
}

beforeAll(() => {
  temp = mkdtempSync('/tmp/ls-build-test-');
  const made = join(temp, 'made');
  const { status, stdout, stderr } = build('--out', made);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${made}\n`, stderr: '' });
  folder = join(temp, 'moved here', 'lockstep');
  mkdirSync(join(temp, 'moved here'));
  renameSync(made, folder);
  expect(readdirSync(temp)).toEqual(['moved here']);
  for (const path of pathsOf(folder)) chmodSync(path, statSync(path).mode & 0o555);
  asBuilt = listing();
  links = join(temp, 'links');
  mkdirSync(links);
  for (const program of PROGRAMS) {
    symlinkSync(`../moved here/lockstep/bin/${program}`, join(links, program));
  }
}, BUILD_LIMIT_MS);

afterAll(() => {
  for (const path of pathsOf(folder)) if (statSync(path).isDirectory()) chmodSync(path, 0o755);
  rmSync(temp, { recursive: true, force: true });
});

/** The folder and all in it. */
function pathsOf(top: string): readonly string[] {
  return [top, ...readdirSync(top, { recursive: true, encoding: 'utf8' }).map((name) => join(top, name))];
}

function listing(): readonly string[] {
  return pathsOf(folder).map((path) => {
    const { size, mtimeMs, mode } = statSync(path);
    return `${path} ${size} ${mtimeMs} ${mode.toString(8)}`;
  });
}

function start(program: string, ...args: readonly string[]): Program {
  const started = new Program(program, args, { bin: links, cwd: '/' });
  onTestFinished(async () => {
    await started.stop('SIGKILL');
  });
  return started;
}

async function until(holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!holds()) {
    expect(performance.now()).toBeLessThan(deadlineMs);
    await setTimeout(10);
  }
}

function flagsOf(root: string): readonly string[] {
  return ['var/run/.node_locked', 'etc/mtc/tmp/.node_locked'].map((path) => join(root, path));
}

const areThere = (paths: readonly string[]) => paths.every((path) => existsSync(path));

describe.each(PROGRAMS)('the built %s', (program) => {
  it.each([['--version'], ['--help'], ['--no-such-option']])(
    'says for %s what a checkout says',
    async (arg) => {
      const expected = await run(program, [arg], { cwd: ROOT });
      expect(expected.stdout + expected.stderr).not.toBe('');
      expect(await run(program, [arg], { bin: links, cwd: '/' })).toEqual(expected);
      expect(await run(program, [arg], { bin: join(folder, 'bin'), cwd: links })).toEqual(expected);
      expect(
        await run(program, [arg], {
          bin: '',
          cwd: join(folder, 'bin'),
          env: { PATH: `${links}:${process.env.PATH}` },
        }),
      ).toEqual(expected);
    },
  );
});

it('holds a host in its state, and shows and changes it', async () => {
  const data = tempFolder();
  const root = join(data, 'root');
  const socket = `unix:${join(data, 'controller.sock')}`;
  const controller = start('lockstep-controller', '--data', data);
  await controller.said('"msg":"controller ready"');
  const agent = start('lockstep-agent', '--host', 'h1', '--controller', socket, '--root', root);
  const lockstep = (...args: readonly string[]): Promise<Finished> =>
    run('lockstep', ['--controller', socket, ...args], { bin: links, cwd: '/' });

  const flags = flagsOf(root);
  await until(() => areThere(flags));
  const manifest = join(data, 'h1.yaml');
  writeFileSync(
    manifest,
    'apiVersion: lockstep/v1\nkind: Host\nmetadata: { name: h1, labels: { site: lab } }\nspec: { locked: false, servicesEnabled: true }\n',
  );
  await lockstep('wait', 'h1', '--for', 'condition=Online');
  expect(await lockstep('apply', '-f', manifest, '--wait')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^host\/h1 configured .*\nhost\/h1 ready\n$/),
  });
  expect(flags.filter((path) => existsSync(path))).toEqual([]);
  expect(await lockstep('lock', 'h1', '--reason', 'disk swap', '--wait')).toMatchObject({ code: 0 });
  expect(areThere(flags)).toBe(true);

  expect((await lockstep('get', 'hosts')).stdout).toMatch(
    /^NAME +READY .*\nh1 +True +true +disabled +True +present/,
  );
  expect((await lockstep('describe', 'host', 'h1')).stdout).toMatch(/Changed: +by .*: disk swap/);
  const shown = await lockstep('get', 'host', 'h1', '-o', 'yaml');
  expect(hostSchema.parse(parse(shown.stdout)).metadata.labels).toEqual({ site: 'lab' });
  expect(
    (await run('lockstep', ['__complete', '--', '--controller', socket, 'why', ''], { bin: links })).stdout,
  ).toContain('h1');
  expect((await lockstep('completion', 'bash')).stdout).toBe(
    (await run('lockstep', ['completion', 'bash'])).stdout,
  );
  expect(await lockstep('lock')).toMatchObject({ code: 2, stdout: '' });
  expect(await lockstep('get', 'host', 'nobody')).toMatchObject({ code: 5, stdout: '' });
  expect(await run('lockstep-agent', ['status', '--root', root], { bin: links })).toMatchObject({ code: 0 });

  expect((await agent.stop('SIGTERM')).code).toBe(0);
  expect((await controller.stop('SIGTERM')).code).toBe(0);
});

it('logs what an agent of a checkout logs, in the same form', async () => {
  const logOf = async (bin: string) => {
    const root = tempFolder();
    const agent = new Program('lockstep-agent', ['--host', 'h1', '--root', root], { bin, cwd: '/' });
    onTestFinished(async () => {
      await agent.stop('SIGKILL');
    });
    await until(() => areThere(flagsOf(root)));
    await agent.said('fresh install locked');
    const { code, stderr } = await agent.stop('SIGTERM');
    expect(code).toBe(0);
    return stderr.trimEnd().split('\n').map(formOf);
  };
  const built = await logOf(links);
  expect(built).toEqual(await logOf(join(ROOT, 'bin')));
  expect(built.length).toBeGreaterThan(2);
});

/** A log line without what differs from run to run. */
function formOf(line: string): Readonly<Record<string, unknown>> {
  const entry: Record<string, unknown> = JSON.parse(line);
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [
      key,
      typeof value === 'number' || key === 'time' ? typeof value : value,
    ]),
  );
}

it('keeps nothing in its folder, whatever was run', () => {
  expect(listing()).toEqual(asBuilt);
});

it('has the licenses of what is in it', () => {
  const licenses = readFileSync(join(folder, 'THIRD-PARTY-LICENSES'), 'utf8');
  for (const name of [
    'zod',
    'chokidar',
    'p-queue',
    'pino',
    'commander',
    'fastify',
    'ws',
    'yaml',
    'prom-client',
  ]) {
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+, `, 'm'));
  }
  expect(licenses).toContain('Node.js is licensed for use as follows');
});

/** Preloaded: says of each chunk whether V8 took the code that lies beside it. */
const TELL_WHETHER_TAKEN = `
const vm = require('node:vm');
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const isTaken = options.cachedData !== undefined && !this.cachedDataRejected;
    process.stderr.write(require('node:path').basename(options.filename) + (isTaken ? ' taken' : ' compiled') + '\\n');
  }
};
`;

describe('the code that V8 made of a program', () => {
  /** A copy of the CLI, its Node linked. */
  function copy(): string {
    const top = tempFolder();
    for (const path of ['bin/lockstep', 'lib/lockstep.cjs', 'lib/lockstep']) {
      cpSync(join(folder, path), join(top, path), { recursive: true });
    }
    for (const path of pathsOf(top)) chmodSync(path, 0o755);
    symlinkSync(join(folder, 'lib/node'), join(top, 'lib/node'));
    return top;
  }

  /** Runs it with --version, and says of each chunk whether its code was taken. */
  async function tell(bin: string, program: string): Promise<readonly string[]> {
    const preload = join(tempFolder(), 'tell.cjs');
    writeFileSync(preload, TELL_WHETHER_TAKEN);
    const env = { NODE_OPTIONS: `--require=${preload}` };
    const { code, stdout, stderr } = await run(program, ['--version'], { bin, env });
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    return stderr.trimEnd().split('\n');
  }

  it.each(PROGRAMS)('is what %s starts from', async (program) => {
    const chunks = await tell(links, program);
    expect(chunks).toContain('main.js taken');
    expect(chunks.filter((chunk) => !chunk.endsWith(' taken'))).toEqual([]);
  });

  it('is not run once a bit of it is another one, or it is cut off, or gone', async () => {
    const top = copy();
    const file = join(top, 'lib/lockstep/main.js.code');
    const code = readFileSync(file);
    const isCompiled = async () =>
      expect(await tell(join(top, 'bin'), 'lockstep')).toContain('main.js compiled');
    for (const at of [0, 4, 8, 100, code.length >> 1, code.length - 1]) {
      const broken = Buffer.from(code);
      broken[at] = (broken[at] ?? 0) ^ 1;
      writeFileSync(file, broken);
      await isCompiled();
    }
    for (const length of [0, 5, 8, 5_000, code.length - 1]) {
      writeFileSync(file, code.subarray(0, length));
      await isCompiled();
    }
    rmSync(file);
    await isCompiled();
  });

  it('is not run in the place of a source that was changed', async () => {
    const top = copy();
    const file = join(top, 'lib/lockstep/main.js');
    const source = readFileSync(file, 'utf8');
    // As long as it was: V8 itself would not see it.
    const said = 'Says what the hosts';
    expect(source).toContain(said);
    writeFileSync(file, source.replace(said, said.toUpperCase()));
    const { stdout } = await run('lockstep', ['--help'], { bin: join(top, 'bin') });
    expect(stdout).toContain(said.toUpperCase());
  });
});

describe('npm run build', () => {
  it('refuses to replace what it did not make, and leaves it as it is', () => {
    const top = tempFolder();
    writeFileSync(join(top, 'mine'), 'mine');
    const { status, stderr } = build('--out', top);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining(`${top}: expected nothing, or what an earlier build left`),
    ]);
    expect(readdirSync(top)).toEqual(['mine']);
    expect(build('--out', ROOT).status).toBe(2);
  });

  it('refuses wrong usage', () => {
    expect(build('--nonsense')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Usage: npm run build'),
    });
    expect(build('--out', '')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected a folder'),
    });
  });
});
