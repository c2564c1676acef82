import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';

const folder = mkdtempSync('/tmp/ls-log-');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SOURCE = join(import.meta.dirname, '../../runtime/pino-log.ts');

/** A program that logs `lines` lines, then works with files still, flushes and exits. What it found is on stdout. */
const PROGRAM = `
  import { readFile } from 'node:fs/promises';
  import { openPinoLog } from ${JSON.stringify(SOURCE)};
  const { log, flush } = await openPinoLog({ program: 'a-test', level: 'info', fields: { host: 'compute-0' } });
  const lines = Number(process.argv[1]);
  for (let i = 0; i < lines; i++) {
    log.info({ i }, 'a line');
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  log.debug({}, 'not at this level');
  log.error({ error: new TypeError('broken') }, 'an error');
  if (process.argv[2] === 'stay') {
    console.log('logged');
    await new Promise((resolve) => process.stdin.once('end', resolve).resume());
  }
  const alive = (await readFile('/proc/self/stat', 'utf8')).length > 0;
  const startedMs = performance.now();
  flush();
  console.log(JSON.stringify({ alive, flushMs: performance.now() - startedMs }));
  process.exit(0);
`;

type Stderr = 'pipe' | number;

function start(lines: number, stderr: Stderr, shell?: string): ChildProcess {
  const args = ['--input-type=module', '-e', PROGRAM, String(lines)];
  const stdio: StdioOptions = ['ignore', 'pipe', stderr];
  return shell === undefined
    ? spawn(process.execPath, args, { stdio })
    : spawn('sh', ['-c', shell, process.execPath, ...args], { stdio });
}

/** @throws when it does not end by itself. */
async function outcomeOf(child: ChildProcess): Promise<{ alive: boolean; flushMs: number }> {
  let output = '';
  child.stdout?.on('data', (data) => {
    output += data;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (...end) => resolve(end)),
  );
  clearTimeout(timer);
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  return JSON.parse(output);
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the log', () => {
  it('is one JSON line an entry, with level, time, program and fields; complete at exit', async () => {
    const path = join(folder, 'log');
    const fd = openSync(path, 'w');
    await outcomeOf(start(3_000, fd));
    closeSync(fd);
    const lines = linesOf(readFileSync(path, 'utf8'));
    expect(lines).toHaveLength(3_001);
    expect(lines[0]).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      pid: expect.any(Number),
      name: 'a-test',
      host: 'compute-0',
      i: 0,
      msg: 'a line',
    });
    expect(lines.slice(0, -1).map((line) => line.i)).toEqual([...new Array(3_000).keys()]);
    expect(lines.at(-1)).toMatchObject({ level: 'error', error: { type: 'TypeError', message: 'broken' } });
  });

  it('drops lines and lives on when stderr is a socket that nobody reads, and still exits', async () => {
    const child = start(50_000, 'pipe');
    child.stderr?.pause();
    const outcome = outcomeOf(child);
    child.once('exit', () => child.stderr?.resume());
    expect((await outcome).alive).toBe(true);
  });

  it('the same for a pipe', async () => {
    const child = start(50_000, 'pipe', '{ "$0" "$@" 2>&1 1>&3 | { sleep 60 & echo $! >&2; wait; }; } 3>&1');
    const pipeReader = await firstLine(child);
    // sh waits for its reader too: end it once the program has ended.
    child.stdout?.once('data', () => process.kill(Number(pipeReader), 'SIGKILL'));
    expect((await outcomeOf(child)).alive).toBe(true);
  });

  it('says how many lines were dropped once somebody reads again', async () => {
    const args = ['--input-type=module', '-e', PROGRAM, '50000', 'stay'];
    const child = spawn(process.execPath, args, { stdio: 'pipe' });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    let arrived = 0;
    let dropped = 0;
    const lines = createInterface(child.stderr);
    for await (const line of lines) {
      const { msg, count } = JSON.parse(line);
      if (msg === 'log lines were dropped') dropped += count;
      else arrived += 1;
      if (arrived + dropped === 50_001) break;
    }
    expect(dropped).toBeGreaterThan(0);
    expect(arrived + dropped).toBe(50_001);
  });

  it.each([
    ['a full disk', 'exec "$0" "$@" 2>/dev/full'],
    ['closed', 'exec "$0" "$@" 2>&-'],
    ['a pipe whose reader is gone', '{ "$0" "$@" 2>&1 1>&3 | true; } 3>&1'],
  ])('lives on and exits at once when stderr is %s', async (_, shell) => {
    const { alive, flushMs } = await outcomeOf(start(5_000, 'pipe', shell));
    expect(alive).toBe(true);
    expect(flushMs).toBeLessThan(5_000);
  });
});

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const data of child.stderr ?? []) {
    text += data;
    if (text.includes('\n')) break;
  }
  return text.trim();
}
