import { describe, expect, it } from 'vitest';
import type { EventBody } from '../../desired-state/events.ts';
import { Journal } from '../../node-agent/journal.ts';
import type { FlagStep } from '../../reconcilers/flags/flag-plan.ts';
import type { RunResult, Verb } from '../../reconcilers/services/service-driver.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeLog } from '../support/fake-log.ts';
import { ABORTED, failedWith, SUCCEEDED, serviceOf } from '../support/fake-services.ts';

const WEB = serviceOf('worker/web');
const step = (kind: FlagStep['kind'], target: FlagStep['target']): FlagStep => ({
  kind,
  target,
  reason: 'why',
  restrictive: true,
});

function setUp() {
  const clock = new FakeClock();
  const log = new FakeLog();
  const events: EventBody[] = [];
  const corrected: string[] = [];
  const journal = new Journal(log, clock, (event) => events.push(event), {
    corrected: (kind, latencyMs) => corrected.push(`${kind} ${latencyMs}`),
  });
  const ended = (verb: Verb, result: RunResult, detectedAtMs?: number) =>
    journal.operationEnded({ service: WEB, verb, result }, 7, detectedAtMs);
  const told = () => events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  return { clock, log, events, corrected, journal, ended, told };
}

describe('Journal', () => {
  it('says of each corrected flag how long it was not as desired', async () => {
    const { clock, log, events, journal } = setUp();
    await clock.advance(12);
    journal.flagsCorrected([step('create', 'persistent'), step('remove', 'volatile')], 7, 7);
    expect(events).toEqual([
      {
        type: 'Normal',
        reason: 'FlagRestored',
        message: 'persistent flag restored: why',
        generation: 7,
        latencyMs: 7,
      },
      {
        type: 'Normal',
        reason: 'FlagRemoved',
        message: 'volatile flag removed: why',
        generation: 7,
        latencyMs: 7,
      },
    ]);
    expect(log.at('info')).toEqual(['flag restored', 'flag removed']);
    expect(journal.corrections.map(({ message, latencyMs }) => `${message} ${latencyMs}`)).toEqual([
      'persistent flag restored: why 7',
      'volatile flag removed: why 7',
    ]);
  });

  it('says nothing of what was only made durable', () => {
    const { log, events, journal } = setUp();
    journal.flagsCorrected([step('confirm', 'persistent')], 7, 0);
    expect([log.lines, events]).toEqual([[], []]);
  });

  it('S14: says of a service that was mended how long it was gone', async () => {
    const { clock, told, events, ended } = setUp();
    await clock.advance(150);
    ended('start', SUCCEEDED, 100);
    expect(told()).toEqual(['Normal ServiceStarted: worker/web started again']);
    expect(events[0]?.latencyMs).toBe(50);
  });

  it('S15: says of a service that was stopped again', () => {
    const { told, ended } = setUp();
    ended('stop', SUCCEEDED, 0);
    expect(told()).toEqual(['Normal ServiceStopped: worker/web stopped again']);
  });

  it('tells no controller of a start that belongs to a change', () => {
    const { log, events, ended } = setUp();
    ended('start', SUCCEEDED);
    ended('start', ABORTED);
    expect(events).toEqual([]);
    expect(log.at('info')).toEqual(['service operation succeeded', 'service operation was aborted']);
  });

  it('I7 S6: says the same failure once, another one again, and that it is over', () => {
    const { log, told, ended } = setUp();
    for (let n = 0; n < 5; n += 1) ended('start', failedWith(1, 'no disk'));
    ended('start', failedWith(2, 'no disk'));
    ended('start', SUCCEEDED);
    ended('start', failedWith(2, 'no disk'));
    expect(told()).toEqual([
      'Warning ServiceFailed: start of worker/web failed with exit code 1: no disk',
      'Warning ServiceFailed: start of worker/web failed with exit code 2: no disk',
      'Normal ServiceStarted: worker/web started again',
      'Warning ServiceFailed: start of worker/web failed with exit code 2: no disk',
    ]);
    expect(log.at('warn')).toHaveLength(3);
  });

  it('tells who measures of each correction, with how long it took where something was detected', async () => {
    const { clock, corrected, events, journal, ended } = setUp();
    await clock.advance(150);
    journal.flagsCorrected([step('create', 'persistent'), step('remove', 'volatile')], 7, 7);
    journal.flagsCorrected([step('confirm', 'persistent')], 7, 0);
    ended('stop', SUCCEEDED, 100);
    ended('start', SUCCEEDED);
    ended('start', failedWith(1, 'no disk'));
    ended('start', SUCCEEDED);
    expect(corrected).toEqual([
      'flag_restored 7',
      'flag_removed 7',
      'service_stopped 50',
      'service_started undefined',
    ]);
    // What failed for a new desired state and succeeded at last mended nothing: a latency of 0 would be a lie.
    expect(events.at(-1)).toMatchObject({ reason: 'ServiceStarted' });
    expect(events.at(-1)).not.toHaveProperty('latencyMs');
  });

  it('I7 S13: says of a failing gate once, by name', () => {
    const { log, told, journal } = setUp();
    const gate = { id: 'worker/20-storage' };
    for (let n = 0; n < 5; n += 1) journal.gateEnded(gate, failedWith(1, 'no link'), 7);
    journal.gateEnded(gate, SUCCEEDED, 7);
    expect(told()).toEqual(['Warning GateFailed: gate worker/20-storage failed with exit code 1: no link']);
    expect(log.at('info')).toEqual(['gate passed']);
  });

  it('S14: warns of a service that is backed off because it keeps dying, or keeps coming back', () => {
    const { log, told, journal } = setUp();
    journal.backedOff(WEB, 'start', 7);
    journal.backedOff(WEB, 'stop', 7);
    expect(told()).toEqual([
      'Warning BackOff: worker/web: it keeps dying soon after its start',
      'Warning BackOff: worker/web: it keeps coming back after its stop',
    ]);
    expect(log.at('warn')).toEqual(['service backed off', 'service backed off']);
    expect(log.lines[0]?.fields).toEqual({
      service: 'worker/web',
      verb: 'start',
      why: 'it keeps dying soon after its start',
    });
  });

  it('S16: tells of a script that is not run once, and again for another reason or once it was mended', () => {
    const { log, told, journal } = setUp();
    const skipped = (name: string, reason: string, unsafe = true) => ({ name, reason, unsafe });
    const open = skipped('worker/30-api', 'others can write it');
    for (let n = 0; n < 3; n += 1) journal.notRun([open, skipped('worker/x~', 'a leftover', false)], 7);
    journal.notRun([skipped('worker/30-api', 'user 7 owns it'), skipped('worker/web', 'user 7 owns it')], 7);
    journal.notRun([], 7);
    journal.notRun([open], 7);
    expect(told()).toEqual([
      'Warning ScriptNotRun: worker/30-api is not run: others can write it',
      'Warning ScriptNotRun: worker/30-api is not run: user 7 owns it',
      'Warning ScriptNotRun: worker/web is not run: user 7 owns it',
      'Warning ScriptNotRun: worker/30-api is not run: others can write it',
    ]);
    // Its driver logs it, with the path.
    expect(log.lines).toEqual([]);
  });

  it('S16: counts those beyond eight that one look finds, and tells them no more', () => {
    const { told, journal } = setUp();
    const skipped = Array.from({ length: 300 }, (_, n) => ({
      name: `worker/${n}`,
      reason: 'why',
      unsafe: true,
    }));
    for (let n = 0; n < 3; n += 1) journal.notRun(skipped, 7);
    expect(told()).toHaveLength(9);
    expect(told().at(-1)).toBe('Warning ScriptNotRun: 292 more are not run: others could have written them');
  });

  it('keeps the newest twenty corrections', () => {
    const { journal } = setUp();
    for (let n = 0; n < 50; n += 1) {
      journal.flagsCorrected([{ ...step('create', 'volatile'), reason: String(n) }], 7, 0);
    }
    expect(journal.corrections).toHaveLength(20);
    expect(journal.corrections.at(-1)?.message).toBe('volatile flag restored: 49');
  });
});
