import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LinuxDisk } from '../../../node-agent/linux/disk.ts';
import { ScriptGates, type ScriptGatesOptions } from '../../../node-agent/linux/gates.ts';
import { describeRun } from '../../../reconcilers/services/service-driver.ts';
import { nodeClock } from '../../../runtime/node-clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { drive, lives, never, Sandbox } from './scripts/sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

function open(options: Partial<ScriptGatesOptions> = {}): ScriptGates {
  const gates = new ScriptGates({
    gatesDir: sandbox.gatesDir,
    runDir: sandbox.runDir,
    roles: ['worker'],
    timeoutMs: 30_000,
    bootId: 'boot-1',
    disk: new LinuxDisk(),
    clock: nodeClock,
    log: sandbox.log,
    ...options,
  });
  onTestFinished(() => gates.close());
  return gates;
}

const gate = (id: string, body: string, mode?: number) => sandbox.script(`goenabled.d/${id}`, body, mode);
const ids = async (gates: ScriptGates) => (await gates.list()).map(({ id }) => id);

describe('S13 gates', () => {
  it('are those for every host, then those of each of its roles, by name', async () => {
    for (const id of ['20-b', '10-a', 'worker/w', 'controller/c', 'storage/s']) gate(id, 'exit 0');
    expect(await ids(open())).toEqual(['10-a', '20-b', 'worker/w']);
    expect(await ids(open({ roles: ['worker', 'controller'] }))).toEqual([
      '10-a',
      '20-b',
      'controller/c',
      'worker/w',
    ]);
    expect(sandbox.lines).toEqual([]);
  });

  it('may be none', async () => {
    expect(await ids(open())).toEqual([]);
    mkdirSync(sandbox.gatesDir);
    expect(await ids(open())).toEqual([]);
  });

  it('that can not be listed are not none', async () => {
    sandbox.file('goenabled.d', 'a file in the place of the folder');
    await expect(open().list()).rejects.toThrow(/goenabled\.d: expected a folder of scripts, found ENOTDIR/);
  });

  it('pass, or fail with exit code and output', async () => {
    gate('pass', 'exit 0');
    gate('worker/fail', 'echo "no route to storage: $#"; exit 3');
    const gates = open();
    expect(await gates.run({ id: 'pass' }, never)).toMatchObject({ kind: 'succeeded' });
    const failed = await gates.run({ id: 'worker/fail' }, never);
    expect(describeRun(failed)).toBe('failed with exit code 3: no route to storage: 0');
  });

  it('that are gone fail', async () => {
    expect(await open().run({ id: 'gone' }, never)).toEqual({ kind: 'not-run', message: 'it is gone' });
  });

  it('S8 are ended at their time limit, with their children', async () => {
    gate('hung', `sleep 1000 & echo $! >${sandbox.path('child')}; wait`);
    const clock = new FakeClock();
    const running = open({ clock }).run({ id: 'hung' }, never);
    await sandbox.pid('child');
    await clock.advance(30_000);
    expect(await drive(clock, running)).toEqual({ kind: 'timed-out', afterMs: 30_000, tail: '' });
    expect(lives(await sandbox.pid('child'))).toBe(false);
  });

  it('are ended when they are aborted, and when the agent ends', async () => {
    gate('hung', `echo $$ >${sandbox.path('pid')}; sleep 1000`);
    const gates = open();
    const aborting = new AbortController();
    const running = gates.run({ id: 'hung' }, aborting.signal);
    const first = await sandbox.pid('pid');
    aborting.abort();
    expect(await running).toEqual({ kind: 'aborted' });
    sandbox.file('pid', '');
    const again = gates.run({ id: 'hung' }, never);
    const second = await sandbox.pid('pid');
    await gates.close();
    expect(await again).toEqual({ kind: 'aborted' });
    expect([lives(first), lives(second)]).toEqual([false, false]);
  });
});

describe('S16 among gates', () => {
  it('leftovers, non-executables and folders are passed over, said once', async () => {
    gate('10-a', 'exit 0');
    gate('10-a~', 'exit 1');
    sandbox.file('goenabled.d/README', 'text');
    mkdirSync(sandbox.path('goenabled.d/folder'));
    mkdirSync(sandbox.path('goenabled.d/storage'));
    symlinkSync('/nowhere', sandbox.path('goenabled.d/dangling'));
    const gates = open();
    for (let look = 0; look < 2; look++) expect(await ids(gates)).toEqual(['10-a']);
    expect(sandbox.lines.map(({ fields }) => String(fields.path).split('/').at(-1))).toEqual([
      '10-a~',
      'README',
      'dangling',
      'folder',
    ]);
  });

  it('one that others could have written is never run, and fails by name: passed over, it would be one that passed', async () => {
    gate('worker/open', `touch ${sandbox.path('ran')}`, 0o777);
    const gates = open();
    expect(await ids(gates)).toEqual(['worker/open']);
    expect(await gates.run({ id: 'worker/open' }, never)).toEqual({
      kind: 'not-run',
      message: 'others than its owner can write it (mode 0777)',
    });
    expect(existsSync(sandbox.path('ran'))).toBe(false);
  });

  it('a folder that others can write fails the listing', async () => {
    gate('10-a', 'exit 0');
    chmodSync(sandbox.gatesDir, 0o777);
    await expect(open().list()).rejects.toThrow(
      /goenabled\.d: .*others than its owner can write it \(mode 0777\)/,
    );
  });
});

describe('S13 that all gates passed', () => {
  it('is remembered for this boot', async () => {
    expect(await open().hasPassed()).toBe(false);
    await open().recordPassed();
    expect(await open().hasPassed()).toBe(true);
    expect(await open({ bootId: 'boot-2' }).hasPassed()).toBe(false);
  });

  it.each(['', '{', '[]', '{"bootId":1}'])('is not, when the record holds %j', async (text) => {
    sandbox.file('run/gates.json', text);
    expect(await open().hasPassed()).toBe(false);
  });

  it('is not, when it can not be recorded: that is said', async () => {
    sandbox.file('run', 'a file in the place of the folder');
    const gates = open();
    await gates.recordPassed();
    expect(await gates.hasPassed()).toBe(false);
    expect(sandbox.lines).toMatchObject([{ level: 'warn' }]);
  });
});
