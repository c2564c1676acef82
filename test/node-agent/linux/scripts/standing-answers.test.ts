import { beforeEach, describe, expect, it } from 'vitest';
import { StandingAnswers } from '../../../../node-agent/linux/scripts/standing-answers.ts';

const RUNNING = { state: 'running' };
let processes: Map<string, object>;
let standing: StandingAnswers;

beforeEach(() => {
  processes = new Map([['web.pid', { pid: 1 }]]);
  standing = new StandingAnswers((pidFile) => processes.get(pidFile));
});

const ask = (answer = RUNNING, meanwhile = () => {}) =>
  standing.asking('worker/web', 'web.pid', async () => {
    meanwhile();
    return answer;
  });
const isRunning = () => standing.isRunning('worker/web', 'web.pid');

describe('StandingAnswers', () => {
  it('has one that said that it runs run for as long as its process lives', async () => {
    expect(isRunning()).toBe(false);
    expect(await ask()).toBe(RUNNING);
    expect(isRunning()).toBe(true);
    processes.delete('web.pid');
    expect(isRunning()).toBe(false);
  });

  it('asks again once another process lives, also under the same pid', async () => {
    await ask();
    processes.set('web.pid', { pid: 1 });
    expect(isRunning()).toBe(false);
  });

  it.each(['stopped', 'unknown'])('keeps no answer but that it runs: %s', async (state) => {
    await ask();
    await ask({ state });
    expect(isRunning()).toBe(false);
  });

  it('keeps no answer of one whose process came, went or changed while it was asked', async () => {
    await ask(RUNNING, () => processes.set('web.pid', { pid: 2 }));
    expect(isRunning()).toBe(false);
    await ask(RUNNING, () => processes.delete('web.pid'));
    expect(isRunning()).toBe(false);
    await ask(RUNNING, () => processes.set('web.pid', { pid: 3 }));
    expect(isRunning()).toBe(false);
  });

  it('keeps nothing of one whose question failed, and passes that on', async () => {
    await ask();
    const failing = standing.asking('worker/web', 'web.pid', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(isRunning()).toBe(false);
  });

  it('keeps nothing of one without a pid file, or whose pid file is another now', async () => {
    await standing.asking('worker/web', undefined, async () => RUNNING);
    expect(standing.isRunning('worker/web', undefined)).toBe(false);
    await ask();
    expect(standing.isRunning('worker/web', 'other.pid')).toBe(false);
  });

  it('forgets one that is started or stopped, and those that are gone', async () => {
    await ask();
    standing.forget('worker/web');
    expect(isRunning()).toBe(false);
    await ask();
    standing.keepOnly(new Set(['worker/web']));
    expect(isRunning()).toBe(true);
    standing.keepOnly(new Set());
    expect(isRunning()).toBe(false);
  });
});
