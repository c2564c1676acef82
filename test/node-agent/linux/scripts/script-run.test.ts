import { randomUUID } from 'node:crypto';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import { MAX_OUTPUT_BYTES } from '../../../../node-agent/linux/scripts/output-files.ts';
import { readStat } from '../../../../node-agent/linux/scripts/processes.ts';
import {
  type RunContext,
  runScript,
  type ScriptCall,
} from '../../../../node-agent/linux/scripts/script-run.ts';
import { describeRun } from '../../../../reconcilers/services/service-driver.ts';
import { nodeClock } from '../../../../runtime/node-clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { drive, lives, never, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

function run(
  body: string,
  call: Partial<ScriptCall> = {},
  { signal = never, letGo = never, clock = nodeClock }: Partial<RunContext & { signal: AbortSignal }> = {},
) {
  const path = sandbox.script('x', body);
  return runScript(
    {
      path,
      args: ['start'],
      runId: randomUUID(),
      variables: { LOCKSTEP_RUN_DIR: sandbox.runDir },
      outputPath: sandbox.path('run/output/x.log'),
      limitMs: 60_000,
      graceMs: 200,
      ...call,
    },
    { disk: new LinuxDisk(), clock, log: sandbox.log, letGo },
    signal,
  );
}

describe('a run', () => {
  it('succeeds with exit code 0', async () => {
    expect(await run('exit 0')).toEqual({ kind: 'succeeded', durationMs: expect.any(Number) });
  });

  it('S6 tells the exit code and the end of its output, stdout and stderr in order', async () => {
    const result = await run('echo one; echo two >&2; echo three; exit 7');
    expect(result).toMatchObject({ kind: 'failed', exitCode: 7, signal: null, tail: 'one\ntwo\nthree\n' });
    expect(describeRun(result)).toBe('failed with exit code 7: one\ntwo\nthree');
  });

  it('S6 tells the signal that ended it', async () => {
    expect(await run('kill -SEGV $$')).toMatchObject({ kind: 'failed', exitCode: null, signal: 'SIGSEGV' });
  });

  it('S6 keeps the last 1,024 characters, of this run only, whole ones', async () => {
    await run('echo of an earlier run; exit 1');
    expect(await run('exit 1')).toMatchObject({ tail: '' });
    expect(
      await run('i=0; while [ $i -lt 900 ]; do printf "ä%03d" $i; i=$((i+1)); done; exit 1'),
    ).toMatchObject({
      tail: expect.stringMatching(/^ä644(ä\d{3}){254}ä899$/),
    });
    const emoji = await run(
      "i=0; while [ $i -lt 600 ]; do printf '\\360\\237\\230\\200'; i=$((i+1)); done; printf x; exit 1",
    );
    expect(emoji).toMatchObject({ tail: `${'😀'.repeat(511)}x` });
  });

  it('S6 takes output that is no text', async () => {
    expect(await run("printf 'a\\377\\000b'; exit 1")).toMatchObject({ tail: 'a\uFFFD\0b' });
  });

  it('gets its verb, a plain environment and nothing of this process', async () => {
    process.env.LOCKSTEP_TEST_SECRET = 'hidden';
    await run(
      `echo "$*" >${sandbox.path('args')}; env >${sandbox.path('env')}; pwd >${sandbox.path('cwd')}
      [ "$(readlink /proc/$$/fd/0)" = /dev/null ] && ls /proc/$$/fd >${sandbox.path('fds')}`,
      {
        variables: { LOCKSTEP_RUN_DIR: sandbox.runDir, LOCKSTEP_VERB: 'start' },
      },
    );
    delete process.env.LOCKSTEP_TEST_SECRET;
    expect([sandbox.read('args'), sandbox.read('cwd')]).toEqual(['start', '/']);
    const env = sandbox.read('env');
    expect(env).toMatch(/^PATH=\/usr\/local\/sbin:.*:\/bin$/m);
    expect(env).toMatch(/^LOCKSTEP_RUN_ID=[0-9a-f-]{36}$/m);
    expect(env).toMatch(/^LOCKSTEP_VERB=start$/m);
    expect(env).not.toMatch(/SECRET|NODE|VITEST/);
    // 10 is dash's own handle of the script, 3 is that of ls.
    expect(
      sandbox
        .read('fds')
        .split('\n')
        .filter((fd) => Number(fd) < 10 && fd !== '3'),
    ).toEqual(['0', '1', '2']);
  });

  it('is not begun when it is aborted already', async () => {
    expect(await run(`touch ${sandbox.path('ran')}`, {}, { signal: AbortSignal.abort() })).toEqual({
      kind: 'aborted',
    });
    expect(readdirSync(sandbox.root)).not.toContain('ran');
  });

  it.each([
    ['is gone', { path: '/nowhere/at/all' }, /ENOENT/],
    ['has no interpreter', {}, /ENOENT/],
    ['is a folder', { path: '/tmp' }, /EACCES/],
    ['can not be named', { path: '/tmp/a\0b' }, /null bytes/],
  ])('could not be run when its script %s', async (_, call, message) => {
    sandbox.file('y', '#!/no/such/interpreter\n', 0o755);
    const result = await run('exit 0', { path: sandbox.path('y'), ...call });
    expect(result).toEqual({ kind: 'not-run', message: expect.stringMatching(message) });
  });

  it('goes without output where its file can not be opened', async () => {
    sandbox.file('run/output', 'a file in the place of the folder');
    expect(await run('echo lost; exit 3')).toMatchObject({ kind: 'failed', exitCode: 3, tail: '' });
  });

  it('begins anew in an output file that is over its limit', async () => {
    await run('true');
    writeFileSync(sandbox.path('run/output/x.log'), 'x'.repeat(MAX_OUTPUT_BYTES + 1));
    expect(await run('echo short; exit 1')).toMatchObject({ tail: 'short\n' });
    expect(statSync(sandbox.path('run/output/x.log')).size).toBe(6);
    expect(statSync(sandbox.path('run/output/x.log')).mode & 0o777).toBe(0o600);
  });

  it('that ended leaves its daemon alone, though that keeps the output open', async () => {
    const result = await run(`setsid sleep 1000 & echo $! >${sandbox.path('pid')}`);
    expect(result.kind).toBe('succeeded');
    expect(lives(await sandbox.pid('pid'))).toBe(true);
  });
});

/** Leaves its parent, group and session: double fork and setsid. */
const leaving = (pidFile: string) => `(setsid sh -c 'sleep 1000 & echo $! >${pidFile}' &)`;

/** A run whose limit comes once the files that it writes are there. */
async function pastItsLimit(body: string, files: readonly string[], call: Partial<ScriptCall> = {}) {
  const clock = new FakeClock();
  const running = run(body, call, { clock });
  for (const file of files) await sandbox.pid(file);
  await clock.advance(60_000);
  return drive(clock, running);
}

describe('S8 a run past its time limit', () => {
  const isGone = async (...files: string[]) => {
    for (const file of files) expect([file, lives(await sandbox.pid(file))]).toEqual([file, false]);
  };

  it('is ended with all its children, those that left its process group too', async () => {
    const result = await pastItsLimit(
      `echo waiting; sleep 1000 & echo $! >${sandbox.path('child')}
      ${leaving(sandbox.path('grandchild'))}
      echo $$ >${sandbox.path('self')}; wait`,
      ['self', 'child', 'grandchild'],
    );
    expect(result).toEqual({ kind: 'timed-out', afterMs: 60_000, tail: 'waiting\n' });
    await isGone('self', 'child', 'grandchild');
  });

  it('is ended when it does not listen to SIGTERM, and neither do its children', async () => {
    const result = await pastItsLimit(
      `trap '' TERM
      (trap '' TERM; while :; do sleep 0.1; done) & echo $! >${sandbox.path('child')}
      echo $$ >${sandbox.path('self')}; while :; do sleep 0.1; done`,
      ['self', 'child'],
    );
    expect(result.kind).toBe('timed-out');
    await isGone('self', 'child');
  });

  it('gets the chance to clean up', async () => {
    await pastItsLimit(
      `trap 'echo cleaned >${sandbox.path('cleaned')}; exit 1' TERM
      echo $$ >${sandbox.path('self')}; while :; do sleep 0.02; done`,
      ['self'],
      { graceMs: 10_000 },
    );
    expect(sandbox.read('cleaned')).toBe('cleaned');
  });

  it('is ended with a child that emptied its environment but stayed in the session or under its parent', async () => {
    await pastItsLimit(
      `env -i sleep 1000 & echo $! >${sandbox.path('cleared')}
      env -i setsid sleep 1000 & echo $! >${sandbox.path('moved')}
      wait`,
      ['cleared', 'moved'],
      { graceMs: 0 },
    );
    await isGone('cleared', 'moved');
  });

  it('is ended although it keeps forking', async () => {
    const result = await pastItsLimit(
      `spawn() { while :; do sleep 0.01; (setsid sh -c 'sleep 1000' &); done; }
      spawn & spawn & echo $$ >${sandbox.path('self')}; wait`,
      ['self'],
      { graceMs: 0 },
    );
    expect(result.kind).toBe('timed-out');
    expect(sandbox.lines).toEqual([]);
    await isGone('self');
  });

  it('leaves other runs alone', async () => {
    const other = new Sandbox();
    const path = other.script('other', `setsid sleep 1000 & echo $! >${other.path('pid')}`);
    await run('true', { path, variables: { LOCKSTEP_RUN_DIR: other.runDir } });
    await pastItsLimit(`echo $$ >${sandbox.path('self')}; sleep 1000`, ['self']);
    expect(lives(await other.pid('pid'))).toBe(true);
  });

  it('is ended when it was stopped', async () => {
    await pastItsLimit(`echo $$ >${sandbox.path('self')}; kill -STOP $$`, ['self']);
    await isGone('self');
  });
});

describe('an aborted run', () => {
  it('is ended with all its children, and only then resolves', async () => {
    const aborting = new AbortController();
    const running = run(
      `${leaving(sandbox.path('grandchild'))}; sleep 1000`,
      {},
      { signal: aborting.signal },
    );
    const pid = await sandbox.pid('grandchild');
    aborting.abort();
    expect(await running).toEqual({ kind: 'aborted' });
    expect(lives(pid)).toBe(false);
  });
});

describe('a run that is let go', () => {
  it('goes on past its limit and can not be aborted; should it end while this process lives, that is told', async () => {
    const letGo = new AbortController();
    const aborting = new AbortController();
    const clock = new FakeClock();
    const running = run(
      `echo $$ >${sandbox.path('self')}; while [ ! -e ${sandbox.path('go')} ]; do sleep 0.02; done; exit 9`,
      {},
      { signal: aborting.signal, letGo: letGo.signal, clock },
    );
    const pid = await sandbox.pid('self');
    letGo.abort();
    aborting.abort();
    expect(clock.timers).toBe(0);
    await clock.advance(120_000);
    expect(lives(pid)).toBe(true);
    sandbox.file('go', '');
    expect(await running).toMatchObject({ kind: 'failed', exitCode: 9 });
  });
});

describe('onSpawned', () => {
  it('is told the process of the script, and waited for', async () => {
    const steps: string[] = [];
    const path = sandbox.script('x', `echo $$ >${sandbox.path('self')}`);
    const call: ScriptCall = {
      path,
      args: [],
      runId: randomUUID(),
      variables: {},
      outputPath: undefined,
      limitMs: 60_000,
      graceMs: 0,
    };
    const context = { disk: new LinuxDisk(), clock: nodeClock, log: sandbox.log, letGo: never };
    await runScript(call, context, never, async ({ pid, startTicks }) => {
      expect(startTicks).toBeGreaterThan(readStat(process.pid)?.startTicks ?? Number.POSITIVE_INFINITY);
      expect(await sandbox.pid('self')).toBe(pid);
      steps.push('noted');
    });
    expect(steps).toEqual(['noted']);
  });
});
