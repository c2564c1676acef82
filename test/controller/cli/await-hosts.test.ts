// Waiting for hosts off a terminal: nothing to wait for, one look, and a controller that goes away or refuses the watch.
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ApiClient } from '../../../controller/cli/api-client.ts';
import { awaitHosts } from '../../../controller/cli/await-hosts.ts';
import { deadlineIn } from '../../../controller/cli/deadline.ts';
import { conditionIs, type Goal } from '../../../controller/cli/goal.ts';
import { LockstepError } from '../../../desired-state/errors.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { CliRig, manifestText } from '../fixtures/cli-rig.ts';
import { startInProcess } from '../fixtures/in-process-controller.ts';
import { RecordingTerminal } from '../fixtures/recording-terminal.ts';
import { SocketAgent } from '../fixtures/socket-agent.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const ALICE = { actor: 'alice', network: 'local' };
const ONLINE: Goal = conditionIs({ type: 'Online', status: 'True' });

describe('nothing to wait for', () => {
  it.each([
    [['lock', '--all', '--wait'], ['no hosts, nothing done']],
    [['wait', '--all', '--for', 'condition=Ready'], ['no hosts, nothing to wait for']],
  ])('is done at once: %j', async (args, err) => {
    const rig = await CliRig.start();
    expect(await rig.run(args)).toEqual({ code: 0, out: [], err });
  });

  it('where every host was refused leaves it at what was said of them', async () => {
    const rig = await CliRig.start();
    const input = manifestText('a', { metadata: 'generation: 7' });
    const { code, err } = await rig.run(['apply', '-f', '-', '--wait'], { input });
    expect({ code, err }).toEqual({ code: 6, err: [expect.stringContaining('metadata.generation')] });
  });
});

describe('--timeout 0s', () => {
  let rig: CliRig;

  beforeEach(async () => {
    rig = await CliRig.start();
    await rig.hosts.declare({ name: 'a' }, ALICE);
  });

  it.each(['0s', '1ms'])('looks once: %s', async (timeout) => {
    const wait = (condition: string) =>
      rig.run(['wait', 'a', '--for', `condition=${condition}`, '--timeout', timeout]);
    expect(await wait('Online=False')).toEqual({ code: 0, out: ['host/a Online=False'], err: [] });
    const { code, err } = await wait('Online');
    expect(code).toBe(3);
    expect(err.at(-1)).toBe('  host/a: Online is False, NeverConnected: the agent has never connected');
  });

  it('makes a change all the same', async () => {
    const { code, out, err } = await rig.run(['unlock', 'a', '--wait', '--timeout', '0s']);
    expect({ code, out }).toEqual({ code: 3, out: ['host/a unlocked (generation 2)'] });
    expect(err.join('\n')).toMatch(/timed out after 0ms, still waiting for\n {2}host\/a: NeverConnected: /);
  });
});

describe('a controller that is gone', () => {
  let socketPath: string;
  let store: MemoryStore;
  let terminal: RecordingTerminal;
  let stop: () => Promise<void>;

  async function start(): Promise<void> {
    const controller = await startInProcess(socketPath, store);
    stop = controller.stop;
  }

  beforeEach(async () => {
    socketPath = join(tempFolder(), 's');
    store = new MemoryStore();
    terminal = new RecordingTerminal();
    const controller = await startInProcess(socketPath, store);
    stop = controller.stop;
    await controller.hosts.declare({ name: 'a' }, ALICE);
    onTestFinished(async () => {
      await stop();
      await store.close();
    });
  });

  const wait = (timeoutMs: number) =>
    awaitHosts({
      client: new ApiClient({ socketPath, actor: 'alice' }),
      terminal,
      goals: new Map([['a', ONLINE]]),
      deadline: deadlineIn(timeoutMs),
      onReached: (name) => terminal.print(name),
    });

  it('is told of once when it goes and once when it is back', async () => {
    const waiting = wait(50_000);
    await terminal.until(() => terminal.notes.length === 1);
    await stop();
    await terminal.until(() => terminal.notes.length === 2);
    await start();
    await terminal.until(() => terminal.notes.length === 3);
    const agent = await SocketAgent.connect(socketPath, 'a');
    onTestFinished(() => agent.close());
    await waiting;
    expect(terminal.notes).toEqual([
      expect.stringMatching(/^host\/a: waiting: Online is /),
      expect.stringMatching(/unix:.*; trying again$/),
      'connected again',
    ]);
    expect(terminal.lines).toEqual(['a']);
  });

  it('is what the end of the time is blamed on, also when it never was there', async () => {
    await stop();
    const error = await wait(1).catch((thrown: unknown) => thrown);
    await start();
    expect(error).toBeInstanceOf(LockstepError);
    expect(error).toMatchObject({
      code: 'TimedOut',
      message: expect.stringMatching(
        /^timed out after 1ms, without word from the controller \(no controller at unix:.*\), still waiting for\n {2}host\/a: not seen yet$/,
      ),
    });
    expect(terminal.notes).toEqual([expect.stringMatching(/^no controller at unix:.*; trying again$/)]);
  });
});
