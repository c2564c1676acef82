import { describe, expect, it } from 'vitest';
import { type EndedOperation, Operations, SETTLE_MS } from '../../../reconcilers/services/operations.ts';
import type { RunResult, ServiceObservation, Verb } from '../../../reconcilers/services/service-driver.ts';
import { FakeClock, middle, settle } from '../../support/fake-clock.ts';
import {
  ABORTED,
  FakeServiceDriver,
  failedWith,
  SUCCEEDED,
  seen,
  serviceOf,
} from '../../support/fake-services.ts';

const WEB = serviceOf('worker/web');

function setUp() {
  const clock = new FakeClock();
  const driver = new FakeServiceDriver(seen(WEB.id, 'stopped'));
  const ended: EndedOperation[] = [];
  const backedOff: string[] = [];
  const wanted = new Set<Verb>(['start', 'stop']);
  const operations = new Operations({
    driver,
    clock,
    random: middle,
    retryCapMs: 5_000,
    mayBegin: (verb) => wanted.has(verb),
    onEnd: (operation) => ended.push(operation),
    onBackOff: (service, verb) => backedOff.push(`${verb} ${service.id}`),
  });
  /** Runs a verb to its end. */
  const run = async (verb: Verb, result: RunResult) => {
    operations.begin(WEB, verb);
    await settle();
    await driver.endLast(result);
  };
  const look = (state: ServiceObservation['state']) => operations.note([seen(WEB.id, state)], new Set());
  /** When the next try may begin, ms from now; undefined: nothing is remembered. */
  const nextInMs = () => {
    const history = operations.history.get(WEB.id);
    return history && history.notBeforeMs - clock.monotonicMs();
  };
  const attempts = () => operations.history.get(WEB.id)?.attempts;
  /** It is run, and a look two seconds later finds it undone. */
  const undo = async (verb: Verb) => {
    await run(verb, SUCCEEDED);
    await clock.advance(2_000);
    look(verb === 'start' ? 'stopped' : 'running');
  };
  return { clock, driver, ended, backedOff, wanted, operations, run, look, undo, nextInMs, attempts };
}

describe('Operations', () => {
  it('I6: begins one run of a service at a time', async () => {
    const { driver, operations } = setUp();
    operations.begin(WEB, 'start');
    operations.begin(WEB, 'start');
    operations.begin(WEB, 'stop');
    await settle();
    operations.begin(WEB, 'stop');
    await settle();
    expect(driver.begun).toEqual(['start worker/web']);
    await driver.endLast(SUCCEEDED);
    operations.begin(WEB, 'stop');
    await settle();
    expect(driver.begun).toEqual(['start worker/web', 'stop worker/web']);
  });

  it('shows what is under way from the moment it is begun until its end, which asks for a look', async () => {
    const { driver, ended, operations } = setUp();
    operations.begin(WEB, 'start');
    expect(operations.inFlight.get(WEB.id)?.verb).toBe('start');
    await settle();
    expect(ended).toEqual([]);
    await driver.endLast(SUCCEEDED);
    expect(operations.inFlight.size).toBe(0);
    expect(ended).toEqual([{ service: WEB, verb: 'start', result: SUCCEEDED }]);
  });

  it('runs at most 16 at once; the others wait their turn', async () => {
    const { driver, operations } = setUp();
    for (let n = 0; n < 300; n += 1) operations.begin(serviceOf(`worker/s${n}`), 'start');
    await settle();
    expect(driver.runs).toHaveLength(16);
    expect(operations.inFlight.size).toBe(300);
    const waiting = () => [...operations.inFlight.values()].filter(({ isWaiting }) => isWaiting).length;
    expect(waiting()).toBe(284);
    driver.runs[3]?.end(SUCCEEDED);
    await settle();
    expect(driver.runs).toHaveLength(17);
    expect(waiting()).toBe(283);
  });

  it('I2: runs one more beside each that takes longer than a second, at most 256', async () => {
    const { clock, driver, operations } = setUp();
    for (let n = 0; n < 300; n += 1) operations.begin(serviceOf(`worker/s${n}`), 'stop');
    const runs: number[] = [];
    for (let second = 0; second < 3; second += 1) {
      await clock.advance(999);
      runs.push(driver.runs.length);
      await clock.advance(1);
    }
    expect(runs).toEqual([16, 32, 48]);
    await clock.advance(20_000);
    expect(driver.runs).toHaveLength(256);
    // Those that ended leave their room to nobody.
    for (const run of driver.runs.slice(0, 250)) run.end(SUCCEEDED);
    await settle();
    expect(driver.runs).toHaveLength(256 + 16);
  });

  it('I3: begins none of those that wait for their turn once they are not wanted any more', async () => {
    const { driver, ended, wanted, operations } = setUp();
    for (let n = 0; n < 20; n += 1) operations.begin(serviceOf(`worker/s${n}`), 'start');
    await settle();
    wanted.delete('start');
    for (const run of driver.runs) run.end(SUCCEEDED);
    await settle();
    expect(driver.runs).toHaveLength(16);
    expect(ended.map(({ result }) => result.kind).slice(16)).toEqual(Array(4).fill('aborted'));
    expect(operations.inFlight.size).toBe(0);
  });

  it('begins nothing that was aborted while it waited for its turn: that ends at once', async () => {
    const { driver, ended, operations } = setUp();
    for (let n = 0; n < 17; n += 1) operations.begin(serviceOf(`worker/s${n}`), 'start');
    operations.abort('worker/s16');
    await settle();
    expect(operations.inFlight.has('worker/s16')).toBe(false);
    expect(ended.map(({ service, result }) => `${service.id} ${result.kind}`)).toEqual([
      'worker/s16 aborted',
    ]);
    operations.begin(serviceOf('worker/s16'), 'stop');
    for (const run of driver.runs.slice(0, 2)) run.end(SUCCEEDED);
    await settle();
    expect(driver.begun.slice(16)).toEqual(['stop worker/s16']);
    expect(operations.inFlight.get('worker/s16')?.isWaiting).toBe(false);
  });

  it('aborts the run of one service, and remembers nothing against it', async () => {
    const { driver, ended, operations, attempts } = setUp();
    const other = serviceOf('worker/db');
    operations.begin(WEB, 'start');
    operations.begin(other, 'start');
    await settle();
    operations.abort(WEB.id);
    operations.abort('worker/none');
    await settle();
    expect(driver.runs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(ended.map(({ service, result }) => `${service.id} ${result.kind}`)).toEqual([
      'worker/web aborted',
    ]);
    expect(attempts()).toBeUndefined();
  });

  it('backs off what fails, with jitter, up to the resync', async () => {
    const { run, nextInMs, attempts } = setUp();
    const waits: (number | undefined)[] = [];
    for (let n = 0; n < 7; n += 1) {
      await run('start', failedWith(1));
      waits.push(nextInMs());
    }
    expect(waits).toEqual([187.5, 375, 750, 1_500, 3_000, 3_750, 3_750]);
    expect(attempts()).toBe(7);
  });

  it.each<RunResult>([
    failedWith(1),
    { kind: 'timed-out', afterMs: 60_000, tail: '' },
    { kind: 'not-run', message: 'EACCES' },
  ])('counts $kind as a failure', async (result) => {
    const { operations, run, attempts } = setUp();
    await run('start', result);
    expect(attempts()).toBe(1);
    expect(operations.failureOf(WEB.id)).toEqual({ verb: 'start', attempts: 1, result });
  });

  it('forgets with an end that nobody saw: asking the service tells what came of it', async () => {
    const { run, attempts } = setUp();
    await run('start', failedWith(1));
    await run('start', { kind: 'ended-unseen' });
    expect(attempts()).toBeUndefined();
  });

  it('gives a service that was started its time to come up', async () => {
    const { clock, run, look, nextInMs, attempts } = setUp();
    await run('start', SUCCEEDED);
    expect(nextInMs()).toBe(SETTLE_MS);
    await clock.advance(SETTLE_MS - 1);
    look('stopped');
    expect([attempts(), nextInMs()]).toEqual([0, 1]);
  });

  it('S14: mends the first death at once, and backs off one that keeps dying', async () => {
    const { clock, run, look, nextInMs, attempts } = setUp();
    const waits: (number | undefined)[] = [];
    for (let n = 0; n < 5; n += 1) {
      await run('start', SUCCEEDED);
      await clock.advance(2_000);
      look('running');
      look('stopped');
      waits.push(nextInMs());
    }
    expect(waits).toEqual([0, 187.5, 375, 750, 1_500]);
    expect(attempts()).toBe(5);
  });

  it('S14: reports one that keeps dying, without a run that failed', async () => {
    const { clock, operations, run, look } = setUp();
    await run('start', SUCCEEDED);
    await clock.advance(2_000);
    look('stopped');
    expect(operations.failureOf(WEB.id)).toEqual({ verb: 'start', attempts: 1, result: undefined });
  });

  it.each<Verb>(['start', 'stop'])(
    'S14: tells once that it backs off what undoes its %s again and again: the second time in a row',
    async (verb) => {
      const { backedOff, undo } = setUp();
      const told: number[] = [];
      for (let n = 0; n < 5; n += 1) {
        await undo(verb);
        told.push(backedOff.length);
      }
      expect(told).toEqual([0, 1, 1, 1, 1]);
      expect(backedOff).toEqual([`${verb} worker/web`]);
    },
  );

  it('S14: tells it again once it was forgiven, and not before', async () => {
    const { backedOff, clock, run, look, undo } = setUp();
    for (let n = 0; n < 2; n += 1) await undo('start');
    await run('start', SUCCEEDED);
    await clock.advance(9_999);
    look('running');
    look('stopped');
    await run('start', failedWith(1));
    for (let n = 0; n < 2; n += 1) await undo('start');
    expect(backedOff).toHaveLength(1);
    await run('start', SUCCEEDED);
    await clock.advance(10_000);
    look('running');
    for (let n = 0; n < 2; n += 1) await undo('start');
    expect(backedOff).toHaveLength(2);
  });

  it('S14: tells it again of one that no look saw up for ten seconds, but that was', async () => {
    const { backedOff, clock, run, look, undo } = setUp();
    for (let n = 0; n < 2; n += 1) await undo('start');
    await run('start', SUCCEEDED);
    await clock.advance(10_000);
    look('stopped');
    for (let n = 0; n < 2; n += 1) await undo('start');
    expect(backedOff).toHaveLength(2);
  });

  it('tells of no back-off after a run that failed, which is told as such, nor of a verb that is not wanted any more', async () => {
    const { backedOff, wanted, run, undo } = setUp();
    for (let n = 0; n < 3; n += 1) await run('start', failedWith(1));
    expect(backedOff).toEqual([]);
    await run('start', SUCCEEDED);
    await undo('stop');
    const stop = undo('stop');
    wanted.delete('stop');
    await stop;
    expect(backedOff).toEqual([]);
  });

  it('forgives what stayed up for ten seconds', async () => {
    const { clock, run, look, attempts } = setUp();
    await run('start', SUCCEEDED);
    await clock.advance(2_000);
    look('stopped');
    await run('start', SUCCEEDED);
    await clock.advance(9_999);
    look('running');
    expect(attempts()).toBe(1);
    await clock.advance(1);
    look('running');
    expect(attempts()).toBeUndefined();
  });

  it('mends at once a death after ten seconds that no look saw', async () => {
    const { clock, run, look, nextInMs, attempts } = setUp();
    await run('start', failedWith(1));
    await run('start', SUCCEEDED);
    await clock.advance(10_000);
    look('stopped');
    expect([attempts(), nextInMs()]).toEqual([0, 0]);
  });

  it('counts a death once however often it is looked at', async () => {
    const { clock, run, look, attempts } = setUp();
    await run('start', SUCCEEDED);
    await clock.advance(2_000);
    for (let n = 0; n < 5; n += 1) look('stopped');
    expect(attempts()).toBe(1);
  });

  it('holds nothing against a service that is unknown', async () => {
    const { clock, run, look, attempts } = setUp();
    await run('start', SUCCEEDED);
    await clock.advance(2_000);
    look('unknown');
    expect(attempts()).toBe(0);
  });

  it('S6: has no failure to tell once the next run succeeded', async () => {
    const { operations, run } = setUp();
    await run('start', failedWith(7, 'no disk'));
    await run('start', SUCCEEDED);
    expect(operations.failureOf(WEB.id)).toBeUndefined();
  });

  it('S6: forgets the failure of a service that somebody else brought up', async () => {
    const { operations, run, look, attempts } = setUp();
    await run('start', failedWith(7));
    look('running');
    expect(attempts()).toBeUndefined();
    expect(operations.failureOf(WEB.id)).toBeUndefined();
  });

  it('does not mix the histories of the two verbs', async () => {
    const { operations, run, nextInMs } = setUp();
    await run('start', failedWith(1));
    await run('start', failedWith(1));
    await run('stop', failedWith(2));
    expect(operations.failureOf(WEB.id)).toEqual({ verb: 'stop', attempts: 1, result: failedWith(2) });
    expect(nextInMs()).toBe(187.5);
  });

  it('I6: takes nothing for undone that a look saw before the run that did it had ended', async () => {
    const { operations, run, attempts, clock } = setUp();
    const { changes } = operations;
    await run('start', SUCCEEDED);
    await clock.advance(2_000);
    expect(operations.changedSince(changes)).toEqual(new Set([WEB.id]));
    operations.note([seen(WEB.id, 'stopped')], operations.changedSince(changes));
    expect(attempts()).toBe(0);
    expect(operations.changedSince(operations.changes)).toEqual(new Set());
  });

  it('forgets services that are not there any more', async () => {
    const { operations, run, attempts } = setUp();
    await run('start', failedWith(1));
    operations.note([], new Set());
    expect(attempts()).toBeUndefined();
  });

  it('takes over runs that an earlier life of the agent left: one at a time holds for them too', async () => {
    const { driver, ended, operations } = setUp();
    let end: (result: RunResult) => void = () => {};
    let aborts = 0;
    operations.resume([
      {
        service: WEB,
        verb: 'start',
        ended: new Promise((resolve) => {
          end = resolve;
        }),
        abort: () => {
          aborts += 1;
          end(ABORTED);
        },
      },
    ]);
    operations.begin(WEB, 'start');
    await settle();
    expect(driver.begun).toEqual([]);
    operations.abort(WEB.id);
    await settle();
    expect(aborts).toBe(1);
    expect(ended).toEqual([{ service: WEB, verb: 'start', result: ABORTED }]);
    expect(operations.inFlight.size).toBe(0);
  });
});
