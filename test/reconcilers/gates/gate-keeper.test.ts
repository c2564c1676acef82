import { describe, expect, it } from 'vitest';
import { GateKeeper } from '../../../reconcilers/gates/gate-keeper.ts';
import { FakeClock, middle } from '../../support/fake-clock.ts';
import { FakeGates } from '../../support/fake-gates.ts';
import { failedWith, SUCCEEDED } from '../../support/fake-services.ts';

function setUp(...ids: readonly string[]) {
  const clock = new FakeClock();
  const driver = new FakeGates(...ids);
  const ended: string[] = [];
  const keeper = new GateKeeper({
    driver,
    clock,
    random: middle,
    retryCapMs: 5_000,
    onEnd: (gate, result) => ended.push(`${gate.id} ${result.kind}`),
  });
  const claim = () => {
    const { status, reason, message } = keeper.claim(7);
    return `${status} ${reason}: ${message}`;
  };
  return { clock, driver, ended, keeper, claim };
}

describe('GateKeeper', () => {
  it('runs nothing while no start is wanted', async () => {
    const { driver, keeper, claim } = setUp('10-network');
    expect(await keeper.reconcile(false)).toBeUndefined();
    expect(driver.begun).toEqual([]);
    expect(claim()).toBe('Unknown NotRunYet: gates are run before the first start of services after a boot');
  });

  it('S13: lets starts begin once the gates of both roles passed, and never waits for a gate itself', async () => {
    const { driver, ended, keeper, claim } = setUp('controller/10-disk', 'worker/10-net');
    await keeper.reconcile(true);
    expect(driver.begun).toEqual(['controller/10-disk', 'worker/10-net']);
    expect(claim()).toBe('Unknown GatesRunning: waiting for controller/10-disk, worker/10-net');
    await driver.end('worker/10-net', SUCCEEDED);
    await keeper.reconcile(true);
    expect(keeper.hasPassed).toBe(false);
    await driver.end('controller/10-disk', SUCCEEDED);
    await keeper.reconcile(true);
    expect(keeper.hasPassed).toBe(true);
    expect(driver.passed).toBe(true);
    expect(ended).toEqual(['worker/10-net succeeded', 'controller/10-disk succeeded']);
    expect(claim()).toBe('True GatesPassed: every gate passed since this boot');
  });

  it('S13: names a failing gate with its exit code and output, backs it off and tries it again until it passes', async () => {
    const { clock, driver, keeper, claim } = setUp('10-network');
    await keeper.reconcile(true);
    await driver.end('10-network', failedWith(3, 'no link on eth0\n'));
    expect(claim()).toBe('False GateFailed: gate 10-network failed with exit code 3: no link on eth0');
    expect(await keeper.reconcile(true)).toBe(187.5);
    expect(driver.begun).toHaveLength(1);
    await clock.advance(187.5);
    expect(await keeper.reconcile(true)).toBeUndefined();
    expect(driver.begun).toHaveLength(2);
    await driver.end('10-network', failedWith(3));
    expect(await keeper.reconcile(true)).toBe(375);
    await clock.advance(375);
    await keeper.reconcile(true);
    await driver.end('10-network', SUCCEEDED);
    await keeper.reconcile(true);
    expect(keeper.hasPassed).toBe(true);
  });

  it('runs a gate once at a time however often it is asked', async () => {
    const { driver, keeper } = setUp('10-network');
    for (let n = 0; n < 5; n += 1) await keeper.reconcile(true);
    expect(driver.begun).toEqual(['10-network']);
  });

  it('runs no gate again that passed since this boot, also in a later life of the agent', async () => {
    const { driver, keeper } = setUp('10-network');
    driver.passed = true;
    await keeper.reconcile(true);
    expect(driver.begun).toEqual([]);
    expect(keeper.hasPassed).toBe(true);
  });

  it('lets starts begin on a host without gates', async () => {
    const { driver, keeper } = setUp();
    await keeper.reconcile(true);
    expect(keeper.hasPassed).toBe(true);
    expect(driver.passed).toBe(true);
  });

  it('I10: starts nothing while the gates cannot be listed, says why, and goes on once they can', async () => {
    const { driver, keeper, claim } = setUp();
    driver.listFailure = new Error('EACCES: /etc/goenabled.d');
    await keeper.reconcile(true);
    expect(keeper.hasPassed).toBe(false);
    expect(claim()).toBe('Unknown GatesUnreadable: EACCES: /etc/goenabled.d');
    driver.listFailure = undefined;
    await keeper.reconcile(true);
    expect(keeper.hasPassed).toBe(true);
  });

  it('names no gate that is not there any more', async () => {
    const { driver, keeper, claim } = setUp('10-network', '20-disk');
    await keeper.reconcile(true);
    await driver.end('10-network', failedWith(1));
    driver.ids = ['20-disk'];
    await keeper.reconcile(true);
    expect(claim()).toBe('Unknown GatesRunning: waiting for 20-disk');
  });
});
