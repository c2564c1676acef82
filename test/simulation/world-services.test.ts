import { describe, expect, it } from 'vitest';
import type { RunResult, ServiceDriver, Verb } from '../../reconcilers/services/service-driver.ts';
import { Prng } from './world/prng.ts';
import { SimClock } from './world/sim-clock.ts';
import { SimGates } from './world/sim-gates.ts';
import { SimProcess } from './world/sim-process.ts';
import { SimServices } from './world/sim-services.ts';

const NEVER = new AbortController().signal;

function makeWorld(seed: number | string = 1) {
  const clock = new SimClock();
  const services = new SimServices(clock, new Prng(seed), [
    { id: 'worker/web', name: 'web', set: 'worker', group: 10 },
    { id: 'worker/db', name: 'db', set: 'worker', group: null, recorded: true },
  ]);
  const process = new SimProcess('agent', clock);
  const driver = services.driver(process);
  const web = services.get('worker/web');
  const finish = async <T>(begun: Promise<T>): Promise<T> =>
    (await Promise.all([begun, clock.runFor(60_000)]))[0];
  const run = (verb: Verb, signal = NEVER) => finish(driver.run(web.service, verb, signal));
  const states = async (of: ServiceDriver = driver) =>
    (await finish(of.observe(NEVER, 'all'))).services.map(({ state }) => state);
  return { clock, services, process, driver, web, finish, run, states };
}

describe('a simulated service', () => {
  it('is started and stopped, and says so', async () => {
    const { run, states } = makeWorld();
    expect(await states()).toEqual(['stopped', 'stopped']);
    expect(await run('start')).toMatchObject({ kind: 'succeeded' });
    expect(await states()).toEqual(['running', 'stopped']);
    expect(await run('stop')).toMatchObject({ kind: 'succeeded' });
    expect(await states()).toEqual(['stopped', 'stopped']);
  });

  it('fails, cannot be begun, hangs until its time limit, or is aborted', async () => {
    const { clock, web, run } = makeWorld();
    web.failure = 1;
    expect(await run('start')).toMatchObject({ kind: 'failed', exitCode: 1 });
    web.notRun = 1;
    expect(await run('start')).toMatchObject({ kind: 'not-run' });
    web.clear();
    web.hang = 1;
    expect(await run('start')).toEqual({ kind: 'timed-out', afterMs: 10_000, tail: '' });
    const giveUp = new AbortController();
    clock.setTimer(50, () => giveUp.abort());
    expect(await run('start', giveUp.signal)).toEqual({ kind: 'aborted' });
    expect(await run('start', giveUp.signal)).toEqual({ kind: 'aborted' });
    expect(web.runs.size).toBe(0);
  });

  it('is unknown when asking gives no answer, and known by its record alone when it has no status', async () => {
    const { services, driver, web, finish, states } = makeWorld();
    services.startByHand('worker/web');
    services.startByHand('worker/db');
    expect(await states()).toEqual(['running', 'stopped']);
    web.unknown = 1;
    expect(await states()).toEqual(['unknown', 'stopped']);
    await finish(driver.run(services.get('worker/db').service, 'start', NEVER));
    services.kill('worker/db');
    expect((await finish(driver.observe(NEVER, 'all'))).services[1]).toMatchObject({
      state: 'running',
      recorded: true,
    });
  });

  it('dies by itself or by hand, and a living agent hears of it within 100 ms', async () => {
    const { clock, services, driver, web, run } = makeWorld();
    const heard: number[] = [];
    driver.onEvent(() => heard.push(clock.monotonicMs()));
    web.livesMs = [100_000, 100_000];
    await run('start');
    await clock.runFor(100_000);
    expect([web.running, heard.length]).toEqual([false, 1]);
    services.startByHand('worker/web');
    const killedAt = clock.monotonicMs();
    services.kill('worker/web');
    await clock.runFor(100);
    expect(heard.length).toBe(2);
    expect((heard[1] ?? 0) - killedAt).toBeLessThanOrEqual(100);
    await driver.close();
    services.startByHand('worker/web');
    services.kill('worker/web');
    await clock.runFor(1_000);
    expect(heard.length).toBe(2);
  });
});

describe('a run', () => {
  it('outlives the agent and is given back to the next one, which no longer sees its exit code', async () => {
    const { clock, services, process, driver, web } = makeWorld();
    web.runMs = [1_000, 1_000];
    let heardByTheDead = false;
    void driver.run(web.service, 'start', NEVER).then(() => {
      heardByTheDead = true;
    });
    await clock.runFor(100);
    process.kill();
    const next = services.driver(new SimProcess('agent again', clock));
    const [[resumed]] = await Promise.all([next.resume(), clock.runFor(100)]);
    expect(resumed).toMatchObject({ service: web.service, verb: 'start' });
    const ended: RunResult[] = [];
    void resumed?.ended.then((result) => ended.push(result));
    await clock.runFor(1_000);
    expect([ended, web.running, heardByTheDead]).toEqual([[{ kind: 'ended-unseen' }], true, false]);
  });

  for (const [how, abort, kind] of [
    ['is aborted by the next agent', true, 'aborted'],
    ['meets its time limit there', false, 'timed-out'],
  ] as const) {
    it(`that hangs while the agent is away ${how}`, async () => {
      const { clock, services, process, driver, web } = makeWorld(how);
      web.hang = 1;
      void driver.run(web.service, 'stop', NEVER);
      process.kill();
      await clock.runFor(30_000);
      expect(web.runs.size).toBe(1);
      const next = services.driver(new SimProcess('agent again', clock));
      const [[resumed]] = await Promise.all([next.resume(), clock.runFor(2)]);
      if (abort) resumed?.abort();
      const [ended] = await Promise.all([resumed?.ended, clock.runFor(1_000)]);
      expect([ended?.kind, web.runs.size]).toEqual([kind, 0]);
    });
  }

  it('is seen as it begins, with whether another one is going on', async () => {
    const { clock, services, driver, web } = makeWorld();
    const begins: string[] = [];
    services.onBegin(({ service, verb, overlaps }) =>
      begins.push(`${service.service.id} ${verb} ${overlaps}`),
    );
    void driver.run(web.service, 'start', NEVER);
    void driver.run(web.service, 'stop', NEVER);
    await clock.runFor(1_000);
    expect(begins).toEqual(['worker/web start false', 'worker/web stop true']);
    expect(services.trace().map(({ what }) => what)).toContain('stop succeeded');
  });

  it('ends with the machine, and so does every service', async () => {
    const { clock, services, process, driver, web, run } = makeWorld();
    await run('start');
    void driver.run(web.service, 'stop', NEVER);
    process.kill('power-cut');
    services.reboot();
    const next = services.driver(new SimProcess('agent again', clock));
    const [resumed] = await Promise.all([next.resume(), clock.runFor(1_000)]);
    expect([web.running, web.runs.size, resumed]).toEqual([false, 0, []]);
  });
});

describe('the simulated gates', () => {
  it('pass, fail, hang until their time limit, and are forgotten when the machine goes down', async () => {
    const { clock, process, finish } = makeWorld();
    const gates = new SimGates(new Prng('gates'), ['10-network', 'worker/20-storage']);
    const driver = gates.driver(process);
    const [gate] = await finish(driver.list());
    if (gate === undefined) throw new Error('no gate');
    expect(await finish(driver.run(gate, NEVER))).toMatchObject({ kind: 'succeeded' });
    gates.failure = 1;
    expect(await finish(driver.run(gate, NEVER))).toMatchObject({ kind: 'failed', tail: 'not ready' });
    gates.clear();
    gates.hang = 1;
    expect(await finish(driver.run(gate, NEVER))).toMatchObject({ kind: 'timed-out' });
    const giveUp = new AbortController();
    clock.setTimer(10, () => giveUp.abort());
    expect(await finish(driver.run(gate, giveUp.signal))).toEqual({ kind: 'aborted' });
    expect(await finish(driver.hasPassed())).toBe(false);
    await finish(driver.recordPassed());
    expect(await finish(driver.hasPassed())).toBe(true);
    gates.reboot();
    expect(await finish(driver.hasPassed())).toBe(false);
  });
});
