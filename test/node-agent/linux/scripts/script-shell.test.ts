import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import { listProcesses, readEnvirons, readStat } from '../../../../node-agent/linux/scripts/processes.ts';
import { runScript } from '../../../../node-agent/linux/scripts/script-run.ts';
import { ScriptShell, type ScriptShellOptions } from '../../../../node-agent/linux/scripts/script-shell.ts';
import type { ScriptStart } from '../../../../node-agent/linux/scripts/script-starter.ts';
import { nodeClock } from '../../../../runtime/node-clock.ts';
import { lives, never, Sandbox, until } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

/** A shell that notes its pid, anew for each of its lives. */
function openShell(options: Partial<ScriptShellOptions> = {}) {
  const command = sandbox.script('shell', `echo $$ >${sandbox.path('shell.pid')}; exec /bin/sh "$@"`);
  const shell = new ScriptShell({ log: sandbox.log, command, ...options });
  onTestFinished(() => shell.close());
  return shell;
}

async function startIn(shell: ScriptShell, script: ScriptStart) {
  await shell.turn();
  return shell.start(script, undefined);
}

function runIn(shell: ScriptShell, script: ScriptStart, limitMs: number, signal = never) {
  return runScript(
    { ...script, outputPath: undefined, limitMs, graceMs: 0 },
    { disk: new LinuxDisk(), clock: nodeClock, log: sandbox.log, letGo: never, starter: shell },
    signal,
  );
}

function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
}

describe('a script that the shell starts', () => {
  it('ends with 128 and the number of the signal that ended it, as shells tell it', async () => {
    const { ended } = await startIn(openShell(), sandbox.scriptStart('kill -KILL $$'));
    expect(await ended).toEqual({ kind: 'exited', exitCode: 137, signal: null });
  });

  it('is one of many, each of which ends as itself; the shell keeps none of them', async () => {
    const shell = openShell();
    const codes = Array.from({ length: 100 }, (_, index) => index);
    const ends = await Promise.all(
      codes.map(
        async (code) => (await startIn(shell, sandbox.scriptStart(`exit ${code}`, `s${code}`))).ended,
      ),
    );
    expect(ends).toEqual(codes.map((exitCode) => ({ kind: 'exited', exitCode, signal: null })));
    const pid = await sandbox.pid('shell.pid');
    await until(() => childrenOf(pid).length === 0);
  });
});

describe('a run that goes through the shell', () => {
  it('S8 is ended at its limit with its children', async () => {
    const body = `sleep 1000 & echo $! >${sandbox.path('child')}; setsid sleep 1000 & echo $! >${sandbox.path('far')}; wait`;
    expect(await runIn(openShell(), sandbox.scriptStart(body), 1_000)).toMatchObject({ kind: 'timed-out' });
    expect([lives(await sandbox.pid('child')), lives(await sandbox.pid('far'))]).toEqual([false, false]);
  });

  it('is ended when it is aborted before the shell said that it started it', async () => {
    const aborting = new AbortController();
    const shell = openShell();
    await shell.turn();
    const script = sandbox.scriptStart('exec sleep 1000');
    const running = runIn(shell, script, 60_000, aborting.signal);
    setImmediate(() => aborting.abort());
    expect(await running).toEqual({ kind: 'aborted' });
    const environs = await readEnvirons(await listProcesses());
    const left = environs.filter((environ) => environ.has(`LOCKSTEP_RUN_ID=${script.runId}`));
    expect(left).toEqual([]);
  });

  it('S8 of which the shell never said which process it is, is ended, though it became another program', async () => {
    // It says all but that.
    const mute =
      'echo() { case "$1" in "s "*) ;; *) printf "%s\\n" "$1" ;; esac; }; while IFS= read -r line; do eval "$line"; done';
    const command = sandbox.script('mute', `exec /bin/sh -c '${mute}'`);
    const body = `echo $$ >${sandbox.path('pid')}; exec sleep 1000`;
    const running = runIn(openShell({ command, patienceMs: 1_000 }), sandbox.scriptStart(body), 60_000);
    const pid = await sandbox.pid('pid');
    await until(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'));
    expect(await running).toEqual({ kind: 'not-run', message: 'the shell did not start it within 1000 ms' });
    expect(lives(pid)).toBe(false);
  });

  it('that nobody can tell the end of any more is ended', async () => {
    const shell = openShell();
    const running = runIn(
      shell,
      sandbox.scriptStart(`echo $$ >${sandbox.path('pid')}; exec sleep 1000`),
      60_000,
    );
    const pid = await sandbox.pid('pid');
    const waiter = readStat(pid)?.parent ?? 0;
    process.kill(await sandbox.pid('shell.pid'), 'SIGKILL');
    process.kill(waiter, 'SIGKILL');
    expect(await running).toEqual({ kind: 'not-run', message: 'the shell that was to start it was ended' });
    expect(lives(pid)).toBe(false);
  });
});

describe('a shell', () => {
  it('that was killed is replaced, and what it started is heard to its end', async () => {
    const shell = openShell();
    const first = await startIn(
      shell,
      sandbox.scriptStart(`until [ -e ${sandbox.path('go')} ]; do sleep 0.01; done; exit 5`),
    );
    await first.leader();
    const killed = await sandbox.pid('shell.pid');
    process.kill(killed, 'SIGKILL');
    await until(() => !lives(killed));
    await until(async () => {
      const { ended } = await startIn(shell, sandbox.scriptStart('exit 6', 'y'));
      return (await ended).kind === 'exited';
    });
    expect(await sandbox.pid('shell.pid')).not.toBe(killed);
    sandbox.file('go', '');
    expect(await first.ended).toEqual({ kind: 'exited', exitCode: 5, signal: null });
  });

  it('that hangs is given up and replaced', async () => {
    const shell = openShell({ patienceMs: 1_000 });
    await shell.turn();
    const hung = await sandbox.pid('shell.pid');
    process.kill(hung, 'SIGSTOP');
    const { leader, ended } = await startIn(shell, sandbox.scriptStart('exit 0'));
    expect(await ended).toEqual({ kind: 'lost', message: 'the shell did not start it within 1000 ms' });
    expect(await leader()).toBeUndefined();
    const next = await startIn(
      shell,
      sandbox.scriptStart(`until [ -e ${sandbox.path('go')} ]; do sleep 0.01; done`),
    );
    await next.leader();
    // Its end, which comes later, is not its successor's.
    await until(() => !lives(hung));
    const successor = await sandbox.pid('shell.pid');
    sandbox.file('go', '');
    expect(await next.ended).toMatchObject({ kind: 'exited' });
    await (await startIn(shell, sandbox.scriptStart('exit 0'))).ended;
    expect(await sandbox.pid('shell.pid')).toBe(successor);
  });

  it('that says nothing at all is given up; the script is started without it', async () => {
    const command = sandbox.script('silent', 'exec sleep 1000');
    const shell = openShell({ command, patienceMs: 50 });
    expect(await (await startIn(shell, sandbox.scriptStart('exit 3'))).ended).toMatchObject({ exitCode: 3 });
  });

  it.each([
    ['that has no setsid(1) is tried once', 'echo tried >>"$0.tried"; PATH=/nowhere exec /bin/sh "$@"'],
    ['that ends at once starts nothing', 'exit 1'],
  ])('%s: scripts are started without it', async (_, body) => {
    const command = sandbox.script('unfit', body);
    const shell = openShell({ command });
    for (const exitCode of [3, 4]) {
      expect(await (await startIn(shell, sandbox.scriptStart(`exit ${exitCode}`))).ended).toMatchObject({
        exitCode,
      });
    }
    expect(sandbox.read('unfit.tried')).toBe(body.includes('tried') ? 'tried' : '');
    expect(sandbox.lines.filter(({ level }) => level === 'warn')).toHaveLength(
      body.includes('tried') ? 1 : 0,
    );
  });

  it('that is not there is not missed', async () => {
    const shell = openShell({ command: '/no/such/shell' });
    expect(await (await startIn(shell, sandbox.scriptStart('exit 3'))).ended).toMatchObject({ exitCode: 3 });
  });

  it('ends when it is closed, and starts nothing any more', async () => {
    const shell = openShell();
    await (await startIn(shell, sandbox.scriptStart('exit 0'))).ended;
    const pid = await sandbox.pid('shell.pid');
    shell.close();
    await until(() => !lives(pid));
    expect(await (await startIn(shell, sandbox.scriptStart('exit 3'))).ended).toMatchObject({ exitCode: 3 });
  });
});
