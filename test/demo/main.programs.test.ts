import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listProcesses, readCommandLine } from '../../node-agent/linux/scripts/processes.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

describe('the demo', () => {
  it('makes drift, sees all of it healed, and leaves nothing running', async () => {
    const demo = new Demo(temporaryFolder(), ['--for', '3s']);
    const code = await demo.ended;
    expect(demo.printed.trimEnd().split('\n').at(-1)).toMatch(
      /^[1-9]\d* corrections, slowest \d+\.\d ms, all healed$/,
    );
    expect(demo.printed).toMatch(/^Fresh start: /);
    expect(demo.printed).toMatch(/^volatile flag removed +back after +\d+\.\d ms$/m);
    expect({ code, complaints: demo.complaints }).toEqual({ code: 0, complaints: '' });
    expect(await processesOf(demo.dir)).toEqual([]);
  });

  it('shows the host until it is told to end, and lets no second demo in', async () => {
    const dir = temporaryFolder();
    const demo = new Demo(dir, []);
    await demo.said(/^Ready: True/m);
    const second = new Demo(dir, ['--for', '1s']);
    expect(await second.ended).toBe(1);
    expect(second.complaints).toContain(`another demo (pid ${demo.pid}) runs in ${dir}`);
    demo.kill('SIGINT');
    expect(await demo.ended).toBe(0);
    expect(await processesOf(dir)).toEqual([]);
  });

  it('starts again over what a killed one left', async () => {
    const dir = temporaryFolder();
    const killed = new Demo(dir, []);
    await killed.said(/^Ready: True/m);
    killed.kill('SIGKILL');
    await killed.ended;
    const left = await processesOf(dir);
    const next = new Demo(dir, ['--for', '1ms']);
    expect({ code: await next.ended, complaints: next.complaints }).toEqual({ code: 0, complaints: '' });
    expect(left).not.toEqual([]);
    expect(await processesOf(dir)).toEqual([]);
  });

  it('shows the end of the log of a program that does not start', async () => {
    const dir = temporaryFolder();
    const first = new Demo(dir, ['--for', '1ms']);
    expect(await first.ended).toBe(0);
    // The controller's data is its user's alone.
    chmodSync(join(dir, 'controller'), 0o777);
    const demo = new Demo(dir, []);
    expect(await demo.ended).toBe(1);
    expect(demo.complaints).toMatch(/lockstep-controller ended \(exit code 1\)\. The end of .*\n.*0700/);
    expect(await processesOf(dir)).toEqual([]);
  });

  it('says how it is used', async () => {
    const demo = new Demo(temporaryFolder(), ['--for', 'ever']);
    expect(await demo.ended).toBe(2);
    expect(demo.complaints).toContain('Usage: npm start');
  });
});

/** A demo on a folder of its own; a failed test ends it as Ctrl-C would. */
class Demo {
  readonly dir: string;
  readonly ended: Promise<number | null>;
  printed = '';
  complaints = '';
  readonly #child: ChildProcess;

  constructor(dir: string, args: readonly string[]) {
    this.dir = dir;
    this.#child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(CHECKOUT, 'demo/main.ts'), '--dir', dir, ...args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined } },
    );
    this.#child.stdout?.on('data', (data: Buffer) => {
      this.printed += data.toString();
    });
    this.#child.stderr?.on('data', (data: Buffer) => {
      this.complaints += data.toString();
    });
    this.ended = once(this.#child, 'close').then(() => this.#child.exitCode);
    onTestFinished(async () => {
      this.kill('SIGTERM');
      await this.ended;
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it printed that; rejects when it ends without. */
  async said(pattern: RegExp): Promise<void> {
    const { promise, resolve: done, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (pattern.test(this.printed)) done();
    };
    this.#child.stdout?.on('data', look);
    void this.ended.then(() =>
      reject(new Error(`expected ${pattern}, found ${this.printed}${this.complaints}`)),
    );
    look();
    await promise;
  }
}

/** With a space in its name. */
function temporaryFolder(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep demo-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The command lines that name the folder: programs, scripts and sample services all do. */
async function processesOf(dir: string): Promise<readonly string[]> {
  const processes = await listProcesses();
  const lines = await Promise.all(processes.map(async ({ pid }) => (await readCommandLine(pid)).join(' ')));
  return lines.filter((line) => line.includes(dir));
}
