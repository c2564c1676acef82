import { readdirSync, rmSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import type { ScriptStarter } from '../../../../node-agent/linux/scripts/script-starter.ts';
import { answerFrom, StatusQuestions } from '../../../../node-agent/linux/scripts/status-questions.ts';
import type { RunResult } from '../../../../reconcilers/services/service-driver.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { drive, lives, never, Sandbox, states, until } from './sandbox.ts';

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
    const questions = new StatusQuestions(context, 60_000, processors, () => undefined);
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

  it('8 more once those take longer than 500 ms, at most 32', async () => {
    const { ends, clock } = await ask(64, 40);
    const startedAfter: number[] = [];
    for (let step = 0; step < 5; step++) {
      await clock.advance(499);
      startedAfter.push(ends.length);
      await clock.advance(1);
    }
    expect(startedAfter).toEqual([8, 16, 24, 32, 32]);
  });
});

describe('who is asked when', () => {
  const ids = ['worker/a', 'worker/b', 'worker/c'];

  /** Scripts that answer, but for those that hang: their look ends after `givenMs`. */
  function setUp(givenMs = 500) {
    const clock = new FakeClock();
    const hanging = new Set<string>();
    const begun: string[] = [];
    let answers = 0;
    const starter: ScriptStarter = {
      turn: async () => undefined,
      start: ({ path }) => {
        begun.push(path);
        return {
          leader: async () => undefined,
          ended: hanging.has(path)
            ? new Promise(() => undefined)
            : Promise.resolve({ kind: 'exited', exitCode: 0, signal: null }),
          letGo: () => undefined,
        };
      },
    };
    const context = { disk: new LinuxDisk(), clock, log: new Sandbox().log, letGo: never, starter };
    const questions = new StatusQuestions(context, 60_000, 8, () => {
      answers += 1;
    });
    const callOf = (id: string) => ({ path: id, runId: id, variables: {} });
    const ask = async (id: string) => {
      const look = new AbortController();
      const answer = questions.ask(id, callOf(id), look.signal);
      if (hanging.has(id)) {
        await clock.advance(givenMs);
        look.abort();
      }
      return answer;
    };
    const askAgain = async (id: string) => {
      questions.askAgain(id, callOf(id));
      await clock.advance(0);
    };
    return {
      clock,
      hanging,
      begun,
      questions,
      ask,
      askAgain,
      inTurn: () => questions.inTurn(ids, (id) => id),
      answers: () => answers,
    };
  }

  it('first is who was asked longest ago, or never', async () => {
    const { ask, inTurn } = setUp();
    await ask('worker/a');
    expect(inTurn()).toEqual(['worker/b', 'worker/c', 'worker/a']);
    await ask('worker/c');
    await ask('worker/b');
    expect(inTurn()).toEqual(['worker/a', 'worker/c', 'worker/b']);
  });

  it('first is also who was asked so late in a look that it had no time to answer', async () => {
    const { hanging, questions, ask, inTurn } = setUp(499);
    hanging.add('worker/c');
    for (const id of ids) await ask(id);
    expect(inTurn()).toEqual(['worker/c', 'worker/a', 'worker/b']);
    expect(questions.inVain('worker/c')).toBeUndefined();
  });

  it('who was asked in vain is known to be, and asked beside the looks, until it answers: that asks for a look', async () => {
    const { clock, hanging, begun, questions, ask, askAgain, answers } = setUp();
    hanging.add('worker/a');
    const answer = await ask('worker/a');
    expect(questions.inVain('worker/a')).toBe(answer);
    await askAgain('worker/a');
    await askAgain('worker/a');
    expect(begun).toHaveLength(2);
    await drive(
      clock,
      until(() => questions.inVain('worker/a') !== answer),
    );
    expect(questions.inVain('worker/a')).toEqual({
      state: 'unknown',
      message: 'its status did not answer within 2000 ms and was ended',
    });
    hanging.delete('worker/a');
    expect(answers()).toBe(0);
    await askAgain('worker/a');
    await until(() => answers() === 1);
    expect(questions.inVain('worker/a')).toBeUndefined();
    await askAgain('worker/a');
    expect(begun).toHaveLength(3);
  });

  it('who answers is not held up by those that were asked in vain, however many', async () => {
    const { begun, hanging, questions, ask, askAgain, clock } = setUp();
    const others = Array.from({ length: 40 }, (_, n) => `worker/${n}`);
    for (const id of others) {
      hanging.add(id);
      await ask(id);
      await askAgain(id);
    }
    await clock.advance(10);
    expect(await ask('worker/a')).toEqual({ state: 'running', message: '' });
    expect(begun.at(-1)).toBe('worker/a');
    expect(questions.inVain('worker/0')).toBeDefined();
  });

  it('a start or stop makes of one that was asked in vain one like all others, and so does another script', async () => {
    const { clock, hanging, questions, ask, askAgain, inTurn, answers } = setUp();
    hanging.add('worker/a').add('worker/b');
    for (const id of ids) await ask(id);
    await askAgain('worker/a');
    questions.forget('worker/a');
    questions.keepOnly(new Set(['worker/a', 'worker/c']));
    expect(inTurn()).toEqual(['worker/b', 'worker/a', 'worker/c']);
    // What it is asked still is old news.
    await clock.advance(2_000);
    await drive(clock, questions.close());
    expect(ids.map((id) => questions.inVain(id))).toEqual([undefined, undefined, undefined]);
    expect(answers()).toBe(0);
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
    for (let n = 10; n < 26; n++) sandbox.service('worker', String(n), counting);
    // By this clock none of them takes long.
    const { services } = await sandbox.driver({ clock: new FakeClock() }).observe(never, 'all');
    expect(services.map(({ state }) => state)).toEqual(Array(16).fill('running'));
    const seen = readdirSync(sandbox.root)
      .filter((name) => name.startsWith('seen.'))
      .map((name) => Number(sandbox.read(name)));
    expect(seen).toHaveLength(16);
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

  it('gives up on a look after 4 s; who was not reached is asked first the next time, and who hung last from then on', async () => {
    const sandbox = new Sandbox();
    const hung = 'case $1 in status) sleep 1000;; esac';
    for (let n = 0; n < 70; n++) sandbox.service('worker', `${n}-hung`, hung);
    sandbox.service('worker', 'well', 'case $1 in status) exit 0;; esac');
    const driver = sandbox.driver();
    const look = async () => states(await driver.observe(never, 'all'))['worker/well'];
    const startedMs = performance.now();
    expect(await look()).toBe('unknown');
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    // On a busy machine the second one may not reach it either.
    await until(async () => (await look()) === 'running');
    expect([await look(), await look()]).toEqual(['running', 'running']);
  }, 60_000);

  it('S14 waits for none that was asked in vain, and tells of it what it told, until it answers', async () => {
    const sandbox = new Sandbox();
    const [hang, asked] = [sandbox.file('hang', ''), sandbox.path('asked')];
    const hung = `case $1 in status) echo >>${asked}; [ ! -e ${hang} ] || sleep 1000;; esac`;
    for (let n = 10; n < 25; n++) sandbox.service('worker', `${n}-hung`, hung);
    sandbox.service('worker', 'well', 'case $1 in status) exit 3;; esac');
    const driver = sandbox.driver({ timeoutMs: 300 });
    const seen = await driver.observe(never, 'all');
    const askedBefore = sandbox.read('asked').length;
    expect(await driver.observe(never, 'changed')).toEqual(seen);
    expect(states(seen)).toMatchObject({ 'worker/10-hung': 'unknown', 'worker/well': 'stopped' });
    expect(sandbox.read('asked')).toHaveLength(askedBefore);
    rmSync(hang);
    await driver.observe(never, 'all');
    await until(async () => states(await driver.observe(never, 'changed'))['worker/10-hung'] === 'running');
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
