// One suite for both ways of starting a script.
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DIRECT_STARTER } from '../../../../node-agent/linux/scripts/direct-starter.ts';
import { readStat } from '../../../../node-agent/linux/scripts/processes.ts';
import { ScriptShell } from '../../../../node-agent/linux/scripts/script-shell.ts';
import type { ScriptStart, ScriptStarter } from '../../../../node-agent/linux/scripts/script-starter.ts';
import { Sandbox, until } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

function openShell(): ScriptStarter {
  const shell = new ScriptShell({ log: sandbox.log });
  onTestFinished(() => shell.close());
  return shell;
}

async function start(starter: ScriptStarter, script: ScriptStart) {
  await starter.turn();
  return starter.start(script, undefined);
}

describe.each<[string, () => ScriptStarter]>([
  ['this process', () => DIRECT_STARTER],
  ['a shell', openShell],
])('a script that is started by %s', (_, starterOf) => {
  it.each([0, 1, 3, 127])('ends with its exit code %i', async (exitCode) => {
    const { ended } = await start(starterOf(), sandbox.scriptStart(`exit ${exitCode}`));
    expect(await ended).toEqual({ kind: 'exited', exitCode, signal: null });
  });

  it('leads a session of its own and is told of while it runs', async () => {
    const { leader } = await start(starterOf(), sandbox.scriptStart('exec sleep 1000'));
    const { pid, startTicks } = (await leader()) ?? { pid: 0, startTicks: 0 };
    await until(() => readStat(pid)?.session === pid);
    expect(readStat(pid)).toMatchObject({ pid, startTicks, group: pid });
  });

  it('gets its words as they are, a plain environment and nothing of this process', async () => {
    process.env.LOCKSTEP_TEST_SECRET = 'hidden';
    onTestFinished(() => {
      delete process.env.LOCKSTEP_TEST_SECRET;
    });
    const out = sandbox.path('out');
    const odd = `it's "odd"; $(touch ${sandbox.path('ran')}) \`x\` \\ * \n & |`;
    const body = `{ printf '%s' "$1"; echo; env; pwd; readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; ls /proc/$$/fd; } >${out}.tmp; mv ${out}.tmp ${out}`;
    const script = { ...sandbox.scriptStart(body, "it's a 'name' $HOME"), args: [odd] };
    const { ended } = await start(starterOf(), {
      ...script,
      variables: { ...script.variables, LOCKSTEP_SERVICE: odd },
    });
    expect(await ended).toMatchObject({ exitCode: 0 });
    const said = sandbox.read('out');
    expect(said.startsWith(odd)).toBe(true);
    expect(said).toContain(`LOCKSTEP_SERVICE=${odd}`);
    expect(said).toContain(`LOCKSTEP_RUN_ID=${script.runId}`);
    expect(said).toMatch(/^PATH=\/usr\/local\/sbin:.*:\/bin$/m);
    expect(said).not.toMatch(/SECRET|NODE|VITEST/);
    expect(said).toMatch(/\n\/\n/);
    expect(said.match(/^\/dev\/null$/gm)).toHaveLength(2);
    expect(sandbox.read('ran')).toBe('');
  });
});
