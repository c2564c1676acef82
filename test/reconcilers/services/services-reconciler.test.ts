import { describe, expect, it } from 'vitest';
import { describeStep } from '../../../reconcilers/loop/plan.ts';
import { Operations } from '../../../reconcilers/services/operations.ts';
import type { ServiceObservation } from '../../../reconcilers/services/service-driver.ts';
import {
  type ServicesDesired,
  ServicesReconciler,
} from '../../../reconcilers/services/services-reconciler.ts';
import { FakeClock, middle, settle } from '../../support/fake-clock.ts';
import { FakeServiceDriver, failedWith, SUCCEEDED, seen } from '../../support/fake-services.ts';

const ENABLED: ServicesDesired = { enabled: true, startsHeldBy: undefined, stopsHeldBy: undefined };
const DISABLED: ServicesDesired = { ...ENABLED, enabled: false };
const signal = new AbortController().signal;

function setUp(...observed: readonly ServiceObservation[]) {
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
  const reconciler = new ServicesReconciler(driver, operations, clock);
  /** One pass. */
  const pass = async (desired: ServicesDesired) => {
    const result = await reconciler.reconcile(async () => desired, signal, 'all');
    await settle();
    return result.plan.steps.map(describeStep);
  };
  return { clock, driver, reconciler, pass };
}

describe('ServicesReconciler', () => {
  it('begins what is planned and does not wait for it', async () => {
    const { driver, reconciler, pass } = setUp(seen('worker/web', 'stopped'));
    await pass(ENABLED);
    expect(driver.begun).toEqual(['start worker/web']);
    expect(reconciler.isBusy).toBe(true);
  });

  it('S5: runs nothing twice however often it is asked', async () => {
    const { driver, pass } = setUp(seen('worker/web', 'stopped'));
    for (let n = 0; n < 5; n += 1) await pass(ENABLED);
    await driver.endLast(SUCCEEDED);
    for (let n = 0; n < 5; n += 1) await pass(ENABLED);
    expect(driver.begun).toEqual(['start worker/web']);
  });

  it('S1: starts an all-in-one host set after set, and stops it in reverse', async () => {
    const { driver, pass } = setUp(
      seen('storage/osd', 'stopped'),
      seen('worker/web', 'stopped'),
      seen('controller/api', 'stopped'),
    );
    for (let n = 0; n < 3; n += 1) {
      await pass(ENABLED);
      await driver.endLast(SUCCEEDED);
    }
    for (let n = 0; n < 3; n += 1) {
      await pass(DISABLED);
      await driver.endLast(SUCCEEDED);
    }
    expect(driver.begun).toEqual([
      'start controller/api',
      'start worker/web',
      'start storage/osd',
      'stop storage/osd',
      'stop worker/web',
      'stop controller/api',
    ]);
  });

  it('S7: ends in stopped when services are disabled during a start', async () => {
    const { driver, pass } = setUp(seen('worker/web', 'stopped'));
    await pass(ENABLED);
    await pass(DISABLED);
    expect(driver.runs[0]?.signal.aborted).toBe(true);
    driver.set(seen('worker/web', 'running'));
    await pass(DISABLED);
    await driver.endLast(SUCCEEDED);
    expect(await pass(DISABLED)).toEqual([]);
    expect(driver.begun).toEqual(['start worker/web', 'stop worker/web']);
  });

  it('S6: tries a failed start again once it is due, not before', async () => {
    const { clock, driver, pass } = setUp(seen('worker/web', 'stopped'));
    await pass(ENABLED);
    await driver.endLast(failedWith(1));
    expect(await pass(ENABLED)).toEqual([]);
    await clock.advance(187.5);
    expect(await pass(ENABLED)).toEqual(['start worker/web: services are enabled and it is stopped']);
  });

  it('asks what is desired after the services were asked, so that a start begins on the newest word', async () => {
    const { driver, reconciler } = setUp(seen('worker/web', 'stopped'));
    let desired = ENABLED;
    const observe = driver.observe.bind(driver);
    driver.observe = async () => {
      const observed = await observe();
      desired = DISABLED;
      return observed;
    };
    await reconciler.reconcile(async () => desired, signal, 'all');
    await settle();
    expect(driver.begun).toEqual([]);
  });

  it('begins nothing once the agent stops', async () => {
    const { driver, reconciler } = setUp(seen('worker/web', 'stopped'));
    await reconciler.reconcile(async () => ENABLED, AbortSignal.abort(), 'all');
    await settle();
    expect(driver.begun).toEqual([]);
  });

  it('plans in a dry run what a pass then does, and begins nothing', async () => {
    const { driver, reconciler, pass } = setUp(seen('worker/web', 'stopped'));
    const dry = await reconciler.dryRun(async () => ENABLED, signal);
    await settle();
    expect(driver.begun).toEqual([]);
    expect(await pass(ENABLED)).toEqual(dry.steps.map(describeStep));
  });
});
