import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import type { ScriptStarter } from '../../../../node-agent/linux/scripts/script-starter.ts';
import { answerFrom, StatusQuestions } from '../../../../node-agent/linux/scripts/status-questions.ts';
import type { RunResult } from '../../../../reconcilers/services/service-driver.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { drive, lives, never, Sandbox, states } from './sandbox.ts';

const exited = (exitCode: number | null, signal: string | null = null): RunResult => ({
  kind: 'failed',
  exitCode,
  signal,
  tail: '',
  durationMs: 1,
});

describe('what the end of a status says', () => {
  it.each<[RunResult, string, string]>([
    [{ kind: 'succeeded', durationMs: 1 }, 'running', ''],
    [exited(1), 'stopped', ''],
    [exited(2), 'stopped', ''],
    [exited(3), 'stopped', ''],
    [exited(4), 'unknown', 'its status exited with 4: expected 0 (running) or 1 to 3 (stopped)'],
    [exited(127), 'unknown', 'its status exited with 127: expected 0 (running) or 1 to 3 (stopped)'],
    [exited(null, 'SIGSEGV'), 'unknown', 'its status was ended by SIGSEGV'],
    [
      { kind: 'timed-out', afterMs: 2_000, tail: '' },
      'unknown',
      'its status did not answer within 2000 ms and was ended',
    ],
    [
      { kind: 'aborted' },
      'unknown',
      'its status was not asked to the end: the look at all services had to end',
    ],
    [{ kind: 'not-run', message: 'spawn EAGAIN' }, 'unknown', 'its status could not be run: spawn EAGAIN'],
  ])('%o', (result, state, message) => {
    expect(answerFrom(result)).toEqual({ state, message });
  });
});

describe('how many are asked at once', () => {
  /** Starts nothing: its scripts end when they are told to. */
  function fakeStarter() {
    const ends: (() => void)[] = [];
    const starter: ScriptStarter = {
      turn: async () => undefined,
      start: () => ({
        leader: async () => undefined,
        ended: new Promise((resolve) => {
          ends.push(() => resolve({ kind: 'exited', exitCode: 0, signal: null }));
        }),
        letGo: () => undefined,
      }),
    };
    return { starter, ends };
  }

  async function ask(processors: number, count = 30) {
    const { starter, ends } = fakeStarter();
    const clock = new FakeClock();
    const { log } = new Sandbox();
    const context = { disk: new LinuxDisk(), clock, log, letGo: never, starter };
    const questions = new StatusQuestions(context, 60_000, processors);
    const { done } = questions.beginLook(count, never);
    onTestFinished(done);
    const answers = Array.from({ length: count }, (_, index) =>
      questions.ask(`worker/${index}`, { path: '/x', runId: `${index}`, variables: {} }, never),
    );
    await clock.advance(0);
    return { ends, clock, answers };
  }

  it.each([
    [1, 1],
    [2, 1],
    [4, 3],
    [64, 8],
  ])('with %i processors: %i, when each answers quickly', async (processors, atOnce) => {
    const { ends, clock, answers } = await ask(processors);
    for (let ended = 0; ended < 30; ended++) {
      expect(ends).toHaveLength(Math.min(ended + atOnce, 30));
      ends[ended]?.();
      await clock.advance(1);
    }
    expect(await Promise.all(answers)).toHaveLength(30);
  });

  it('8 of few', async () => {
    const { ends } = await ask(2, 16);
    expect(ends).toHaveLength(8);
  });

  it('one more for each that takes longer than 10 ms, at most 8, and none for those that have answered', async () => {
    const { ends, clock } = await ask(2);
    const startedAfter: number[] = [];
    for (let step = 0; step < 10; step++) {
      startedAfter.push(ends.length);
      await clock.advance(10);
    }
    expect(startedAfter).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8]);
    for (const end of ends.slice(0, 7)) end();
    await clock.advance(1);
    // The eighth waits still, and one beside it has just begun.
    expect(ends).toHaveLength(9);
  });
});

describe('asking', () => {
  it('asks at most 8 scripts at once', async () => {
    const sandbox = new Sandbox();
    const counting = `# status
      case $1 in status)
        mkdir ${sandbox.root}/now.$$; ls -d ${sandbox.root}/now.* | wc -l >${sandbox.root}/seen.$$
        sleep 0.05; rmdir ${sandbox.root}/now.$$;;
      esac`;
    for (let n = 10; n < 40; n++) sandbox.service('worker', String(n), counting);
    const { services } = await sandbox.driver().observe(never, 'all');
    expect(services.map(({ state }) => state)).toEqual(Array(30).fill('running'));
    const seen = readdirSync(sandbox.root)
      .filter((name) => name.startsWith('seen.'))
      .map((name) => Number(sandbox.read(name)));
    expect(seen).toHaveLength(30);
    expect(Math.max(...seen)).toBeLessThanOrEqual(8);
  });

  it('S8 ends a status that does not answer, with its children, at its own limit; the others are known', async () => {
    const sandbox = new Sandbox();
    sandbox.service(
      'worker',
      'hung',
      `case $1 in status) sleep 1000 & echo $! >${sandbox.path('child')}; wait;; esac`,
    );
    sandbox.service('worker', 'well', 'case $1 in status) exit 3;; esac');
    const clock = new FakeClock();
    const looking = sandbox.driver({ clock, timeoutMs: 500 }).observe(never, 'all');
    await sandbox.pid('child');
    const seen = await drive(clock, looking);
    expect(states(seen)).toEqual({ 'worker/hung': 'unknown', 'worker/well': 'stopped' });
    expect(seen.services.map(({ message }) => message)).toEqual([
      'its status did not answer within 500 ms and was ended',
      '',
    ]);
    expect(lives(await sandbox.pid('child'))).toBe(false);
  });

  it('gives up on a look after 4 s; who was not reached is asked first the next time, who hung last', async () => {
    const sandbox = new Sandbox();
    const hung = 'case $1 in status) sleep 1000;; esac';
    for (let n = 10; n < 40; n++) sandbox.service('worker', `${n}-hung`, hung);
    sandbox.service('worker', 'well', 'case $1 in status) exit 0;; esac');
    const driver = sandbox.driver();
    const startedMs = performance.now();
    expect(states(await driver.observe(never, 'all'))['worker/well']).toBe('unknown');
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expect(states(await driver.observe(never, 'all'))['worker/well']).toBe('running');
  });

  it('ends at once when the look is aborted', async () => {
    const sandbox = new Sandbox();
    sandbox.service(
      'worker',
      'hung',
      `case $1 in status) echo $$ >${sandbox.path('pid')}; sleep 1000;; esac`,
    );
    const aborting = new AbortController();
    const looking = sandbox.driver().observe(aborting.signal, 'all');
    const pid = await sandbox.pid('pid');
    aborting.abort();
    expect(states(await looking)).toEqual({ 'worker/hung': 'unknown' });
    expect(lives(pid)).toBe(false);
  });
});
