import { describe, expect, it } from 'vitest';
import { Operations } from '../../../reconcilers/services/operations.ts';
import type { RunResult, ServiceObservation, Verb } from '../../../reconcilers/services/service-driver.ts';
import { planServices } from '../../../reconcilers/services/service-plan.ts';
import { claimServicesInSync, reportServices } from '../../../reconcilers/services/service-report.ts';
import { FakeClock, middle, settle } from '../../support/fake-clock.ts';
import { FakeServiceDriver, failedWith, SUCCEEDED, seen, serviceOf } from '../../support/fake-services.ts';

const OPEN_SCRIPT = { name: 'worker/30-api', reason: 'others can write it', unsafe: true };
const HELD = { reason: 'BootGrace', message: 'just booted' };

/** What is reported of services of which something was run before. */
function setUp(enabled: boolean | 'leave', ...observed: readonly ServiceObservation[]) {
  const clock = new FakeClock();
  const driver = new FakeServiceDriver(...observed);
  const operations = new Operations({
    driver,
    clock,
    random: middle,
    retryCapMs: 5_000,
    mayBegin: () => true,
    onEnd: () => {},
    onBackOff: () => {},
  });
  const begin = async (verb: Verb, id: string) => {
    operations.begin(serviceOf(id), verb);
    await settle();
  };
  const run = async (verb: Verb, id: string, result: RunResult) => {
    await begin(verb, id);
    await driver.endLast(result);
  };
  const input = async (startsHeldBy?: typeof HELD) => {
    const { changes } = operations;
    const { services } = await driver.observe();
    operations.note(services, new Set());
    const plan = planServices({
      enabled,
      startsHeldBy,
      stopsHeldBy: undefined,
      observed: services,
      stale: new Set(),
      inFlight: operations.inFlight,
      history: operations.history,
      nowMs: clock.monotonicMs(),
    });
    return {
      enabled,
      generation: 7,
      observed: services,
      skipped: [],
      stale: operations.changedSince(changes),
      operations,
      plan,
    };
  };
  const claim = async (startsHeldBy?: typeof HELD) => {
    const { status, reason, message } = claimServicesInSync(await input(startsHeldBy));
    return `${status} ${reason}: ${message}`;
  };
  const states = async () =>
    reportServices(await input()).map(({ set, name, state, message }) =>
      `${set}/${name} ${state} ${message}`.trim(),
    );
  return { clock, driver, begin, run, claim, states, input };
}

describe('ServicesInSync', () => {
  it('is True when every service is as desired', async () => {
    const enabled = setUp(true, seen('worker/web', 'running'), seen('worker/db', 'running'));
    expect(await enabled.claim()).toBe('True AsDesired: 2 services are running');
    const disabled = setUp(false, seen('worker/web', 'stopped'));
    expect(await disabled.claim()).toBe('True AsDesired: 1 service is stopped');
  });

  it('S9: is True for an empty or missing set, and says so', async () => {
    expect(await setUp(true).claim()).toBe('True NoServices: there is no service in the sets of this host');
    expect(await setUp(false).claim()).toBe('True NoServices: there is no service in the sets of this host');
  });

  it('speaks of the generation that was looked at', async () => {
    const { input } = setUp(true, seen('worker/web', 'running'));
    expect(claimServicesInSync(await input()).observedGeneration).toBe(7);
  });

  it('S6: names the script, the exit code and the tail of the output of a start that failed', async () => {
    const { run, claim } = setUp(true, seen('controller/10-db', 'running'), seen('worker/web', 'stopped'));
    await run('start', 'worker/web', failedWith(7, 'starting...\nno disk\n'));
    expect(await claim()).toBe(
      'False ServiceFailed: worker/web failed: start failed with exit code 7: starting...\nno disk',
    );
  });

  it('S6: blames a stop that failed on the stop, and on its own set', async () => {
    const { run, claim } = setUp(false, seen('controller/web', 'running'), seen('worker/web', 'stopped'));
    await run('stop', 'controller/web', failedWith(3, 'busy'));
    expect(await claim()).toBe(
      'False ServiceFailed: controller/web failed: stop failed with exit code 3: busy',
    );
  });

  it.each<[RunResult, string]>([
    [
      { kind: 'timed-out', afterMs: 60_000, tail: 'waiting' },
      'was ended at its time limit of 60000 ms: waiting',
    ],
    [{ kind: 'not-run', message: 'EACCES' }, 'could not be run: EACCES'],
    [
      { kind: 'failed', exitCode: null, signal: 'SIGSEGV', tail: '', durationMs: 1 },
      'was ended by SIGSEGV, no output',
    ],
  ])('S6: says how a start failed: %o', async (result, how) => {
    const { run, claim } = setUp(true, seen('worker/web', 'stopped'));
    await run('start', 'worker/web', result);
    expect(await claim()).toBe(`False ServiceFailed: worker/web failed: start ${how}`);
  });

  it('S6: clears with the next success', async () => {
    const { run, claim } = setUp(true, seen('worker/web', 'stopped'));
    await run('start', 'worker/web', failedWith(7));
    await run('start', 'worker/web', SUCCEEDED);
    expect(await claim()).toBe('True AsDesired: 1 service is running');
  });

  it('S6: does not call failed what was just started and is still coming up', async () => {
    const { driver, run, claim } = setUp(true, seen('worker/web', 'stopped'));
    await run('start', 'worker/web', failedWith(7));
    await run('start', 'worker/web', SUCCEEDED);
    driver.set(seen('worker/web', 'stopped'));
    expect(await claim()).not.toContain('ServiceFailed');
  });

  it('S6: says nothing of a failed start once services are disabled', async () => {
    const enabled = setUp(true, seen('worker/web', 'stopped'));
    await enabled.run('start', 'worker/web', failedWith(7));
    const input = { ...(await enabled.input()), enabled: false };
    expect(claimServicesInSync(input).status).toBe('True');
  });

  it('names three that failed, and counts the rest', async () => {
    const ids = ['worker/a', 'worker/b', 'worker/c', 'worker/d', 'worker/e'];
    const { run, claim } = setUp(true, ...ids.map((id) => seen(id, 'stopped')));
    for (const id of ids) await run('start', id, failedWith(1));
    const message = await claim();
    expect(message).toContain('worker/a failed');
    expect(message).toContain('worker/c failed');
    expect(message).not.toContain('worker/d');
    expect(message).toMatch(/; and 2 more$/);
  });

  it('S10: stays within its bounds whatever scripts print', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `worker/s${n}`);
    const { run, input } = setUp(true, ...ids.map((id) => seen(id, 'stopped')));
    for (const id of ids.slice(0, 5)) await run('start', id, failedWith(1, 'x'.repeat(9_000)));
    expect(claimServicesInSync(await input()).message.length).toBeLessThanOrEqual(4_096);
  });

  it('S14: says of one that keeps dying that it does', async () => {
    const { clock, driver, run, claim } = setUp(true, seen('worker/web', 'stopped'));
    for (let n = 0; n < 2; n += 1) {
      await run('start', 'worker/web', SUCCEEDED);
      await clock.advance(2_000);
      driver.happen('worker/web', 'stopped');
      await claim();
    }
    expect(await claim()).toBe('False ServiceFailed: worker/web failed: it keeps dying soon after its start');
  });

  it.each<[string, ServiceObservation['state'], string]>([
    ['as desired', 'running', 'True AsDesired: 1 service is running'],
    ['unknown', 'unknown', 'Unknown ServiceUnknown: worker/web unknown'],
    ['on their way', 'stopped', 'False Starting: worker/web stopped'],
  ])('S16: names what is not run after what it says of services that are %s', async (_what, state, said) => {
    const { input } = setUp(true, seen('worker/web', state));
    const skipped = [OPEN_SCRIPT, { ...OPEN_SCRIPT, name: 'worker/web~', unsafe: false }];
    const { status, reason, message } = claimServicesInSync({ ...(await input()), skipped });
    expect(`${status} ${reason}: ${message}`).toBe(`${said}; not run: worker/30-api: others can write it`);
  });

  it('S16: names what is not run where there is no other service, and where it is not known what is desired', async () => {
    for (const enabled of [true, 'leave'] as const) {
      const { message } = claimServicesInSync({ ...(await setUp(enabled).input()), skipped: [OPEN_SCRIPT] });
      expect(message).toMatch(/.; not run: worker\/30-api: others can write it$/);
    }
  });

  it('S16: claims nothing of a set that was not looked at: it names that, and why, beside what is not run', async () => {
    const set = { name: 'worker', reason: 'others can write it', unsafe: true, hidesServices: true };
    for (const observed of [[], [seen('controller/web', 'running')], [seen('controller/web', 'unknown')]]) {
      const { input } = setUp(true, ...observed);
      const claim = claimServicesInSync({ ...(await input()), skipped: [set, OPEN_SCRIPT] });
      expect(`${claim.status} ${claim.reason}: ${claim.message}`).toBe(
        'Unknown SetNotLookedAt: worker: others can write it; not run: worker/30-api: others can write it',
      );
    }
    const { run, input } = setUp(true, seen('controller/web', 'stopped'));
    await run('start', 'controller/web', failedWith(7));
    const failed = claimServicesInSync({ ...(await input()), skipped: [set] });
    expect([failed.reason, failed.message]).toEqual([
      'ServiceFailed',
      expect.stringMatching(/^controller\/web failed: .*; not run: worker: others can write it$/),
    ]);
  });

  it('S16: names three that are not run, and counts the rest', async () => {
    const skipped = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...OPEN_SCRIPT, name }));
    const { message } = claimServicesInSync({ ...(await setUp(true).input()), skipped });
    expect(message).toMatch(
      /; not run: a: others can write it; b: others can write it; c: others can write it; and 2 more$/,
    );
  });

  it('S16: names what is not run behind the longest message, within its bounds', async () => {
    const ids = ['worker/a', 'worker/b', 'worker/c'];
    const { run, input } = setUp(true, ...ids.map((id) => seen(id, 'stopped')));
    for (const id of ids) await run('start', id, failedWith(1, 'x'.repeat(9_000)));
    const { message } = claimServicesInSync({ ...(await input()), skipped: [OPEN_SCRIPT] });
    expect(message).toHaveLength(4_096);
    expect(message).toMatch(/^worker\/a failed: .*; not run: worker\/30-api: others can write it$/);
    const long = { ...OPEN_SCRIPT, reason: 'y'.repeat(9_000) };
    const both = claimServicesInSync({ ...(await input()), skipped: [long] });
    expect(both.message).toHaveLength(4_096);
    expect(both.message).toMatch(/^worker\/a failed: /);
  });

  it('is Unknown, with why, while a service gives no answer', async () => {
    const { claim } = setUp(
      true,
      seen('worker/web', 'running'),
      seen('worker/db', 'unknown', 'status hangs'),
    );
    expect(await claim()).toBe('Unknown ServiceUnknown: worker/db unknown: status hangs');
  });

  it('is Unknown while it is not known whether services are enabled', async () => {
    expect(await setUp('leave', seen('worker/web', 'running')).claim()).toBe(
      'Unknown LeftAsTheyAre: it is not known whether services are enabled: none is started, none stopped',
    );
  });

  it('says what is on its way', async () => {
    const starting = setUp(true, seen('worker/web', 'stopped'));
    await starting.begin('start', 'worker/web');
    expect(await starting.claim()).toBe('False Starting: worker/web starting');
    const stopping = setUp(false, seen('worker/web', 'running'));
    await stopping.begin('stop', 'worker/web');
    expect(await stopping.claim()).toBe('False Stopping: worker/web stopping');
  });

  it('I2: says what waits for its turn, and does not call that starting', async () => {
    const ids = Array.from({ length: 18 }, (_, n) => `worker/${n}`);
    const { begin, driver, claim, states } = setUp(true, ...ids.map((id) => seen(id, 'stopped')));
    for (const id of ids) await begin('start', id);
    expect((await states()).filter((state) => !state.endsWith('starting'))).toEqual([
      'worker/16 stopped its start waits for its turn',
      'worker/17 stopped its start waits for its turn',
    ]);
    driver.set(...ids.map((id) => seen(id, id === 'worker/17' ? 'stopped' : 'running')));
    for (const run of driver.runs.slice(1)) run.end(SUCCEEDED);
    await settle();
    expect(await states()).toContain('worker/17 starting');
    expect(await claim()).toBe('False Starting: worker/0 starting; worker/16 starting; worker/17 starting');
  });

  it('I2: says what holds a start back', async () => {
    const { claim } = setUp(true, seen('worker/web', 'stopped'));
    expect(await claim(HELD)).toBe('False BootGrace: worker/web: just booted');
  });
});

describe('reportServices', () => {
  it('calls what ended since it was asked starting or stopping, not unknown: its answer is old news', async () => {
    for (const enabled of [true, false]) {
      const { input, run } = setUp(
        enabled,
        seen('worker/web', 'unknown', 'a start or stop of it is under way'),
      );
      const report = await input();
      await run(enabled ? 'start' : 'stop', 'worker/web', SUCCEEDED);
      const state = (stale: ReadonlySet<string>) => reportServices({ ...report, stale })[0]?.state;
      expect(state(new Set())).toBe('unknown');
      expect(state(new Set(['worker/web']))).toBe(enabled ? 'starting' : 'stopping');
      expect(claimServicesInSync({ ...report, stale: new Set(['worker/web']) }).status).toBe('False');
    }
  });

  it('lists every service in the order of starting, with what its state needs as a word', async () => {
    const { begin, states } = setUp(
      true,
      seen('storage/osd', 'stopped'),
      { ...seen('worker/web', 'running'), recorded: true },
      seen('worker/10-db', 'unknown', 'status timed out'),
      seen('controller/api', 'running'),
    );
    await begin('start', 'storage/osd');
    expect(await states()).toEqual([
      'controller/api running',
      'worker/10-db unknown status timed out',
      'worker/web running as its last run left it',
      'storage/osd starting',
    ]);
  });
});
