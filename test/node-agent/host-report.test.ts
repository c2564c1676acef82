import { describe, expect, it } from 'vitest';
import { type ConditionType, findCondition } from '../../desired-state/conditions.ts';
import { statusSchema } from '../../desired-state/host.ts';
import type { FlagsView } from '../../node-agent/flags-pass.ts';
import { type ControllerWord, type HostReportInput, reportHost } from '../../node-agent/host-report.ts';
import type { Desired } from '../../node-agent/knowledge.ts';
import { LastPlan } from '../../node-agent/last-plan.ts';
import type { ServicesView } from '../../node-agent/services-pass.ts';
import type { FlagsResult } from '../../reconcilers/flags/flags-reconciler.ts';
import type { ServiceObservation } from '../../reconcilers/services/service-driver.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { A_FOLDER, A_LINK, ABSENT, both, flagOf } from '../support/fake-flag-files.ts';
import { seen, serviceOf } from '../support/fake-services.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T00:01:00.000Z';

const locked: Desired = {
  locked: true,
  servicesEnabled: false,
  generation: 7,
  lock: { generation: 7, since: undefined, reason: undefined },
};
const unlocked: Desired = { ...locked, locked: false, servicesEnabled: true };

const LOCKED = { locked: true, servicesEnabled: false };

const result: FlagsResult = {
  plan: { steps: [], blocked: [] },
  done: [],
  failures: [],
  observed: both(flagOf(7)),
  inSync: true,
};
const flags: FlagsView = {
  desired: locked,
  flagsDoneAtMs: 0,
  remembered: true,
  copyFailure: undefined,
  isDiskSilent: false,
  result,
};

const servicesOf = (desired: Desired, ...observed: readonly ServiceObservation[]): ServicesView => ({
  desired,
  result: {
    observed: { services: observed, skipped: [] },
    plan: { steps: [], blocked: [], nextInMs: undefined },
    lookedAt: 3,
  },
});

const word = (verdict: ControllerWord['verdict'], generation = 7): ControllerWord => ({
  network: 'management',
  generation,
  verdict,
});

const base: HostReportInput = {
  generation: 7,
  desired: locked,
  pending: undefined,
  acknowledged: 7,
  knowsNothing: false,
  flags,
  services: servicesOf(locked, seen('worker/web', 'stopped')),
  servicesFailure: undefined,
  operations: { inFlight: new Map(), failureOf: () => undefined, changedSince: () => new Set() },
  goEnabled: {
    type: 'GoEnabled',
    status: 'True',
    reason: 'GatesPassed',
    message: '',
    observedGeneration: 7,
  },
  words: [word('confirmed')],
  lastPlan: undefined,
  bootId: 'boot-1',
  agentVersion: '0.1.0',
  roles: ['worker'],
};

/** As long as a last plan can become. */
function longestPlan() {
  const ids = Array.from({ length: 3_000 }, (_, n) => `worker/${'s'.repeat(40)}${n}`);
  const plan: ServicesView['result']['plan'] = {
    steps: ids.map((id) => ({ kind: 'start', target: id, service: serviceOf(id), reason: 'r'.repeat(500) })),
    blocked: ids.map((target) => ({ target, reason: 'Held', message: 'm'.repeat(5_000) })),
    nextInMs: undefined,
  };
  const services = {
    desired: unlocked,
    result: { observed: { services: [], skipped: [] }, plan, lookedAt: 0 },
  };
  return new LastPlan(new FakeClock()).note(undefined, services, true);
}

function claim(type: ConditionType, change: Partial<HostReportInput>): string {
  const condition = findCondition(reportHost({ ...base, ...change }, undefined, NOW).conditions, type);
  return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
}

const step = { kind: 'create', target: 'persistent', reason: 'it is missing', restrictive: true } as const;
const failed = { step, error: new Error('EROFS: read-only file system') };
const copyFailure = {
  step: { kind: 'write', target: 'desired-a.json', reason: 'generation 7 is not remembered' },
  error: new Error('ENOSPC: no space left on device'),
} as const;

describe('FlagsInSync', () => {
  it.each<[string, Partial<HostReportInput>, string]>([
    ['both present', {}, 'True AsDesired: both flags are present'],
    [
      'both absent',
      {
        desired: unlocked,
        flags: { ...flags, desired: unlocked, result: { ...result, observed: both(ABSENT) } },
      },
      'True AsDesired: both flags are absent',
    ],
    [
      'not looked at yet',
      { flags: undefined },
      'Unknown NotLookedYet: the flags have not been looked at yet',
    ],
    [
      'to be left as they are',
      { flags: { ...flags, desired: { ...locked, locked: 'leave' } } },
      'Unknown LeftAsTheyAre: it is not known whether this host is locked: nothing is touched',
    ],
    [
      'a lock that cannot be remembered',
      { flags: { ...flags, remembered: false, copyFailure } },
      'False NotRemembered: generation 7 cannot be written to the disk, so a lock is applied but not acknowledged: ENOSPC: no space left on device',
    ],
    [
      'a lock whose copies wait for a disk that hangs',
      { flags: { ...flags, remembered: false, isDiskSilent: true }, pending: LOCKED },
      'False NotRemembered: generation 7 cannot be written to the disk, so a lock is applied but not acknowledged: the disk does not answer',
    ],
    [
      'a lock of which nothing can be written, neither copy nor flag',
      { flags: { ...flags, result: { ...result, observed: both(ABSENT) }, remembered: false, copyFailure } },
      'False NotRemembered: generation 7 cannot be written to the disk, so a lock is not acknowledged, and no flag could be created either: ENOSPC: no space left on device',
    ],
    [
      'an unlock that cannot be remembered, on a host of which nothing is known',
      {
        flags: { ...flags, desired: { ...locked, locked: 'leave' }, remembered: false, copyFailure },
        pending: { locked: false, servicesEnabled: true },
      },
      'False NotRemembered: generation 7 cannot be written to the disk, so it is not begun: ENOSPC: no space left on device',
    ],
    [
      'an unlock that cannot be remembered, on a host that was unlocked',
      { flags: { ...flags, desired: unlocked, remembered: false, copyFailure } },
      'False NotRemembered: generation 7 cannot be written to the disk, so it is not begun: ENOSPC: no space left on device',
    ],
    [
      'one blocked',
      {
        flags: {
          ...flags,
          result: {
            ...result,
            inSync: false,
            plan: {
              steps: [],
              blocked: [{ target: 'persistent flag', reason: 'FlagBlocked', message: 'found a folder' }],
            },
          },
        },
      },
      'False FlagBlocked: persistent flag: found a folder',
    ],
    [
      'one that cannot be written',
      { flags: { ...flags, result: { ...result, inSync: false, failures: [failed] } } },
      'False FlagWriteFailed: create persistent: it is missing, but: EROFS: read-only file system',
    ],
    [
      'one that was changed during the look',
      { flags: { ...flags, result: { ...result, inSync: false } } },
      'False Correcting: the flags are not both present yet',
    ],
    ['a newer desired state', { generation: 8 }, 'False Pending: generation 8 has not been looked at yet'],
    [
      'only the restrictive half of it looked at',
      { pending: { locked: true, servicesEnabled: true } },
      'False Pending: generation 7 has not been looked at yet',
    ],
  ])('with %s', (_what, change, expected) => {
    expect(claim('FlagsInSync', change)).toBe(expected);
  });

  it('speaks of the newest generation that is known', () => {
    const { conditions } = reportHost(
      { ...base, generation: 8, desired: { ...locked, generation: 8 } },
      undefined,
      NOW,
    );
    for (const type of ['FlagsInSync', 'ServicesInSync', 'SpecFresh'] as const) {
      expect(findCondition(conditions, type)?.observedGeneration).toBe(8);
    }
  });
});

describe('ServicesInSync', () => {
  it('is False, not Unknown, from the end of a start to the look after it', () => {
    const services = servicesOf(
      unlocked,
      seen('worker/web', 'unknown', 'a start or stop of it is under way'),
    );
    // Begun and ended after the look, which was at 3.
    const changedSince = (changes: number) => new Set(changes < 4 ? ['worker/web'] : []);
    const change = { desired: unlocked, services, operations: { ...base.operations, changedSince } };
    expect(claim('ServicesInSync', change)).toBe('False Starting: worker/web starting');
  });

  it.each<[string, Partial<HostReportInput>, string]>([
    ['all as desired', {}, 'True AsDesired: 1 service is stopped'],
    ['not asked yet', { services: undefined }, 'Unknown NotLookedYet: services have not been asked yet'],
    [
      'a newer desired state',
      { generation: 8, desired: { ...locked, generation: 8 } },
      'False Pending: services have not been looked at for generation 8 yet',
    ],
    [
      'only the restrictive half of the newest looked at',
      { desired: { ...locked, servicesEnabled: true } },
      'False Pending: services have not been looked at for generation 7 yet',
    ],
    [
      'the newest not remembered yet',
      { pending: { locked: true, servicesEnabled: true } },
      'False Pending: services have not been looked at for generation 7 yet',
    ],
    [
      'the newest look failed, whatever earlier ones saw and is desired now',
      { generation: 8, servicesFailure: 'ENOTDIR: not a directory' },
      'Unknown ServicesUnreadable: services cannot be looked at: ENOTDIR: not a directory',
    ],
    [
      'the first look failed',
      { services: undefined, servicesFailure: 'EMFILE: too many open files' },
      'Unknown ServicesUnreadable: services cannot be looked at: EMFILE: too many open files',
    ],
    [
      'S9: no services',
      { desired: unlocked, services: servicesOf(unlocked) },
      'True NoServices: there is no service in the sets of this host',
    ],
  ])('with %s', (_what, change, expected) => {
    expect(claim('ServicesInSync', change)).toBe(expected);
  });
});

describe('SpecFresh', () => {
  it.each<[string, Partial<HostReportInput>, string]>([
    [
      'a controller that says the same',
      {},
      "True Confirmed: generation 7 is the store's, over network management",
    ],
    [
      'a controller that brought it',
      { words: [word('accepted')] },
      "True Confirmed: generation 7 is the store's, over network management",
    ],
    [
      'no controller',
      { words: [] },
      'False NoController: no controller answers: running on generation 7 as remembered',
    ],
    [
      'a store that is behind',
      { words: [word('behind', 5)] },
      "False StoreBehind: the store is at generation 5, behind this host's 7: refused; the next change gets through",
    ],
    [
      'a store that contradicts',
      { words: [word('contradicts')] },
      'False Contradiction: the store has another spec at generation 7: refused; change the host once more',
    ],
    [
      'news that it has only heard of',
      { words: [word('confirmed', 8)] },
      'False Pending: generation 7 is on its way',
    ],
    [
      'one of two networks that is behind',
      { words: [word('behind', 5), { ...word('confirmed'), network: 'cluster' }] },
      "True Confirmed: generation 7 is the store's, over network cluster",
    ],
    [
      'nothing known at all',
      { knowsNothing: true, words: [] },
      'Unknown NothingKnown: no copy, no flag and no controller: everything is left as it is',
    ],
  ])('with %s', (_what, change, expected) => {
    expect(claim('SpecFresh', change)).toBe(expected);
  });
});

describe('the status', () => {
  it('says what was observed, and what was acknowledged', () => {
    const status = reportHost({ ...base, acknowledged: 6 }, undefined, NOW);
    expect(status).toMatchObject({
      observedGeneration: 6,
      flags: { volatile: 'present', persistent: 'present' },
      services: [{ name: 'web', set: 'worker', state: 'stopped', message: '' }],
      bootId: 'boot-1',
      agentVersion: '0.1.0',
      roles: ['worker'],
    });
  });

  it('calls blocked whatever stands in the place of a flag and is none', () => {
    const observed = { persistent: A_FOLDER, volatile: A_LINK };
    const status = reportHost(
      { ...base, flags: { ...flags, result: { ...result, observed } } },
      undefined,
      NOW,
    );
    expect(status.flags).toEqual({ volatile: 'blocked', persistent: 'blocked' });
  });

  it('knows nothing of flags and services that were not looked at', () => {
    const status = reportHost({ ...base, flags: undefined, services: undefined }, undefined, NOW);
    expect(status.flags).toEqual({ volatile: 'unknown', persistent: 'unknown' });
    expect(status.services).toEqual([]);
  });

  it('I7: is the same as long as nothing changes, whatever the time', () => {
    const before = reportHost(base, undefined, NOW);
    expect(reportHost(base, before, LATER)).toEqual(before);
  });

  it('stamps a condition anew only when its status changes', () => {
    const before = reportHost(base, undefined, NOW);
    const after = reportHost({ ...base, words: [] }, before, LATER);
    const times = after.conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]);
    expect(Object.fromEntries(times)).toEqual({
      FlagsInSync: NOW,
      ServicesInSync: NOW,
      GoEnabled: NOW,
      SpecFresh: LATER,
    });
  });

  it('S10: fits one message, and its schema, with thousands of services that say much', () => {
    const observed = Array.from({ length: 3_000 }, (_, n) =>
      seen(`worker/${'s'.repeat(40)}${n}`, 'unknown', 'x'.repeat(4_000)),
    );
    const status = reportHost(
      { ...base, desired: unlocked, services: servicesOf(unlocked, ...observed), lastPlan: longestPlan() },
      undefined,
      NOW,
    );
    expect(JSON.stringify({ type: 'status', status }).length).toBeLessThan(1_048_576);
    expect(statusSchema.safeParse(status).success).toBe(true);
  });
});
