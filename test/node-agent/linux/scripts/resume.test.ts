import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Verb } from '../../../../reconcilers/services/service-driver.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { lives, never, Sandbox, states, until } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

const RECORD = 'run/services/worker/x.json';

/** An agent in a process of its own, under way with a run of the service x. */
function startAgent(verb: Verb | 'status'): ChildProcess {
  const stub = join(import.meta.dirname, 'agent-stub.ts');
  const agent = spawn(process.execPath, [stub, sandbox.root, 'x', verb], { stdio: 'inherit' });
  onTestFinished(() => {
    agent.kill('SIGKILL');
  });
  return agent;
}

async function killAgent(agent: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => agent.once('exit', resolve));
  agent.kill('SIGKILL');
  await ended;
}

/** A service x that waits in the midst of its run until the file `go` is there. */
const waiting = (body = '') => `
  case $1 in start|stop)
    echo $$ >${sandbox.path('pid')}; echo begun
    while [ ! -e ${sandbox.path('go')} ]; do sleep 0.02; done
    ${body}
  esac`;

/** The service x, its agent killed in the midst of a run. @returns the script's pid. */
async function interrupted(body: string, verb: Verb = 'start'): Promise<number> {
  sandbox.service('worker', 'x', body);
  const agent = startAgent(verb);
  const pid = await sandbox.pid('pid');
  await until(() => /"startTicks"/.test(sandbox.read(RECORD)));
  await killAgent(agent);
  return pid;
}

describe('after a kill -9 of the agent in the midst of a run', () => {
  it('the run is taken over, seen to its end, and nothing is run twice meanwhile', async () => {
    const pid = await interrupted(waiting());
    const driver = sandbox.driver();
    const [resumed, ...others] = await driver.resume();
    expect(others).toEqual([]);
    expect(resumed).toMatchObject({ service: { id: 'worker/x' }, verb: 'start' });
    expect(lives(pid)).toBe(true);
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/x': 'unknown' });
    const again = await driver.run({ id: 'worker/x', name: 'x', set: 'worker', group: null }, 'start', never);
    expect(again).toMatchObject({ kind: 'not-run' });
    sandbox.file('go', '');
    expect(await resumed?.ended).toEqual({ kind: 'ended-unseen' });
    // Its record can't tell how the start ended: it is tried again.
    expect((await driver.observe(never, 'all')).services).toMatchObject([
      {
        state: 'incomplete',
        message: 'its last start ended unseen, during a restart of the agent',
        recorded: true,
      },
    ]);
  });

  it('a stop that ended unseen is tried again too', async () => {
    await interrupted(waiting(), 'stop');
    const driver = sandbox.driver();
    const [resumed] = await driver.resume();
    sandbox.file('go', '');
    await resumed?.ended;
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/x': 'incomplete' });
  });

  it('a script with status tells what came of it', async () => {
    const body = `${waiting(`touch ${sandbox.path('up')}`)}
      [ $1 != status ] || [ -e ${sandbox.path('up')} ] || exit 3`;
    await interrupted(body);
    const driver = sandbox.driver();
    const [resumed] = await driver.resume();
    sandbox.file('go', '');
    await resumed?.ended;
    expect((await driver.observe(never, 'all')).services).toMatchObject([
      { state: 'running', recorded: false },
    ]);
  });

  it('S8 the run is ended at the rest of its time limit, with its children', async () => {
    const pid = await interrupted(`${waiting()} &
      (setsid sh -c 'sleep 1000 & echo $! >${sandbox.path('grandchild')}' &); wait`);
    const driver = sandbox.driver({ timeoutMs: 1_000 });
    const [resumed] = await driver.resume();
    expect(await resumed?.ended).toEqual({ kind: 'timed-out', afterMs: 1_000, tail: 'begun\n' });
    for (const one of [pid, await sandbox.pid('grandchild')]) expect(lives(one)).toBe(false);
  });

  it('the run can be aborted', async () => {
    const pid = await interrupted(waiting());
    const [resumed] = await sandbox.driver().resume();
    resumed?.abort();
    expect(await resumed?.ended).toEqual({ kind: 'aborted' });
    expect(lives(pid)).toBe(false);
  });

  it('a run that ended before the next agent came is marked', async () => {
    const pid = await interrupted(waiting());
    sandbox.file('go', '');
    await until(() => !lives(pid));
    const driver = sandbox.driver();
    expect(await driver.resume()).toEqual([]);
    expect(JSON.parse(sandbox.read(RECORD))).toMatchObject({
      end: { succeeded: false, message: 'ended unseen, during a restart of the agent' },
    });
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/x': 'incomplete' });
  });

  it('a pid that another process has now is not taken for the run', async () => {
    const pid = await interrupted(waiting());
    const record = JSON.parse(readFileSync(sandbox.path(RECORD), 'utf8'));
    record.leader.startTicks -= 1;
    writeFileSync(sandbox.path(RECORD), JSON.stringify(record));
    expect(await sandbox.driver().resume()).toEqual([]);
    expect(lives(pid)).toBe(true);
  });

  it('a run whose pid was not noted yet is found by its run id, a daemon it left is not taken for it', async () => {
    const daemon = `(setsid sh -c 'echo $$ >${sandbox.path('daemon')}; exec sleep 1000' &)`;
    const pid = await interrupted(`${daemon}; ${waiting()}`);
    await sandbox.pid('daemon');
    const record = JSON.parse(readFileSync(sandbox.path(RECORD), 'utf8'));
    writeFileSync(sandbox.path(RECORD), JSON.stringify({ ...record, leader: null }));
    const [resumed] = await sandbox.driver().resume();
    sandbox.file('go', '');
    expect(await resumed?.ended).toEqual({ kind: 'ended-unseen' });
    expect(lives(pid)).toBe(false);
    writeFileSync(sandbox.path(RECORD), JSON.stringify({ ...record, leader: null }));
    expect(await sandbox.driver().resume()).toEqual([]);
    expect(lives(await sandbox.pid('daemon'))).toBe(true);
  });

  it('a daemon that a start left lives on, and its writes do not fail', async () => {
    sandbox.service(
      'worker',
      'x',
      `setsid sh -c 'echo $$ >${sandbox.path('daemon')}; while echo tick; do sleep 0.01; done; echo failed >${sandbox.path('failed')}' &`,
    );
    const agent = startAgent('start');
    await until(() => /"succeeded":true/.test(sandbox.read(RECORD)));
    const pid = await sandbox.pid('daemon');
    await killAgent(agent);
    const printed = () => readFileSync(sandbox.path('run/output/worker/x.log'), 'utf8').length;
    const atDeath = printed();
    await until(() => printed() > atDeath + 20);
    expect([lives(pid), sandbox.read('failed')]).toEqual([true, '']);
    expect(states(await sandbox.driver().observe(never, 'all'))).toEqual({ 'worker/x': 'running' });
  });

  it('a status question that the killed agent left is ended; what it started lives on', async () => {
    sandbox.service('worker', 'x', `case $1 in status) echo $$ >${sandbox.path('asked')}; sleep 1000;; esac`);
    const daemon = sandbox.service('worker', 'y', `setsid sleep 1000 & echo $! >${sandbox.path('daemon')}`);
    await sandbox.driver().run(daemon, 'start', never);
    const agent = startAgent('status');
    const pid = await sandbox.pid('asked');
    await killAgent(agent);
    expect(lives(pid)).toBe(true);
    // Only what is older than the agent is left over: this process is older, so another one has to be the next agent.
    const next = spawn(
      process.execPath,
      [join(import.meta.dirname, 'agent-stub.ts'), sandbox.root, 'y', 'resume'],
      {
        stdio: 'inherit',
      },
    );
    onTestFinished(() => {
      next.kill('SIGKILL');
    });
    await until(() => !lives(pid));
    expect(lives(await sandbox.pid('daemon'))).toBe(true);
  });
});

describe('resume', () => {
  it('finds nothing on a host that never ran anything', async () => {
    expect(await sandbox.driver().resume()).toEqual([]);
    expect(sandbox.lines).toEqual([]);
  });

  it('never rejects', async () => {
    sandbox.file('run/services/worker', 'a file in the place of the folder');
    expect(await sandbox.driver().resume()).toEqual([]);
    expect(sandbox.lines).toMatchObject([{ level: 'error' }]);
  });

  it('leaves the run alone when the agent ends again', async () => {
    const pid = await interrupted(waiting());
    const clock = new FakeClock();
    const driver = sandbox.driver({ clock });
    const [resumed] = await driver.resume();
    await driver.close();
    await clock.advance(120_000);
    const isOver = await Promise.race([resumed?.ended.then(() => true), false]);
    expect([isOver, lives(pid), clock.timers]).toEqual([false, true, 0]);
  });
});
