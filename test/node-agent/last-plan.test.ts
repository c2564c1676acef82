import { describe, expect, it } from 'vitest';
import type { FlagsView } from '../../node-agent/flags-pass.ts';
import type { Desired } from '../../node-agent/knowledge.ts';
import { LastPlan } from '../../node-agent/last-plan.ts';
import type { ServicesView } from '../../node-agent/services-pass.ts';
import type { FlagStep } from '../../reconcilers/flags/flag-plan.ts';
import type { FlagsResult } from '../../reconcilers/flags/flags-reconciler.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { both, flagOf } from '../support/fake-flag-files.ts';
import { serviceOf } from '../support/fake-services.ts';

const desiredAt = (generation: number): Desired => ({
  locked: true,
  servicesEnabled: false,
  generation,
  lock: { generation, since: undefined, reason: undefined },
});

const NOTHING: FlagsResult = {
  plan: { steps: [], blocked: [] },
  done: [],
  failures: [],
  observed: both(flagOf(7)),
  inSync: true,
};

function flagsPass(change: Partial<FlagsResult> = {}, generation = 7): FlagsView {
  const result = { ...NOTHING, ...change };
  return {
    desired: desiredAt(generation),
    flagsDoneAtMs: 0,
    remembered: true,
    copyFailure: undefined,
    isDiskSilent: false,
    result,
  };
}

function servicesPass(
  steps: readonly (readonly ['start' | 'stop' | 'abort', string])[] = [],
  blocked: ServicesView['result']['plan']['blocked'] = [],
  generation = 7,
): ServicesView {
  return {
    desired: desiredAt(generation),
    result: {
      observed: { services: [], skipped: [] },
      plan: {
        steps: steps.map(([kind, target]) => ({ kind, target, service: serviceOf(target), reason: 'why' })),
        blocked,
        nextInMs: undefined,
      },
      lookedAt: 0,
    },
  };
}

const created = (target: FlagStep['target']): FlagStep => ({
  kind: 'create',
  target,
  reason: 'it is missing',
  restrictive: true,
});
const BOTH_CREATED = flagsPass({ done: [created('persistent'), created('volatile')] });
const VOLATILE_CREATED = () => flagsPass({ done: [created('volatile')] });
const IDLE = () => flagsPass();
const backedOff = (target: string, message: string) => ({ target, reason: 'BackedOff', message });

function setUp() {
  const clock = new FakeClock();
  const plan = new LastPlan(clock);
  let flags: FlagsView | undefined;
  let services: ServicesView | undefined;
  return {
    clock,
    /** A flags pass, and the report after it. */
    flags: (view: FlagsView) => {
      flags = view;
      return plan.note(flags, services, false);
    },
    services: (view: ServicesView, isBusy = false) => {
      services = view;
      return plan.note(flags, services, isBusy);
    },
  };
}

describe('the last plan', () => {
  it('is none before a pass had anything to do', () => {
    const { flags, services } = setUp();
    expect(flags(IDLE())).toBeUndefined();
    expect(services(servicesPass())).toBeUndefined();
  });

  it('is what was done for a change, flags and services together, and stays while there is nothing more to do', async () => {
    const { clock, flags, services } = setUp();
    flags(BOTH_CREATED);
    await clock.advance(20);
    services(
      servicesPass(
        [['stop', 'worker/20-db']],
        [
          {
            target: 'worker/10-web',
            reason: 'WaitsForOrder',
            message: 'its stop comes after that of worker/20-db',
          },
        ],
      ),
      true,
    );
    await clock.advance(1_000);
    const whole = services(servicesPass([['stop', 'worker/10-web']]), true);
    expect(whole).toEqual({
      at: '2026-01-01T00:00:00.020Z',
      generation: 7,
      steps: [
        'create persistent: it is missing',
        'create volatile: it is missing',
        'stop worker/20-db: why',
        'stop worker/10-web: why',
      ],
      blocked: [],
    });
    await clock.advance(3_600_000);
    expect(flags(IDLE())).toBe(whole);
    expect(services(servicesPass())).toBe(whole);
  });

  it('of a new generation takes the place of the one before', async () => {
    const { flags, services } = setUp();
    flags(BOTH_CREATED);
    services(servicesPass([['stop', 'worker/web']]));
    const removed: FlagStep = {
      kind: 'remove',
      target: 'persistent',
      reason: 'it is there',
      restrictive: false,
    };
    expect(flags(flagsPass({ done: [removed] }, 8))).toMatchObject({
      generation: 8,
      steps: ['remove persistent: it is there'],
    });
  });

  it('of a later drift is that drift alone, since then', async () => {
    const { clock, flags, services } = setUp();
    flags(BOTH_CREATED);
    services(servicesPass([['stop', 'worker/web']]));
    flags(IDLE());
    services(servicesPass());
    await clock.advance(60_000);
    expect(flags(VOLATILE_CREATED())).toEqual({
      at: '2026-01-01T00:01:00.000Z',
      generation: 7,
      steps: ['create volatile: it is missing'],
      blocked: [],
    });
  });

  it('I7: is the same however often one drift comes within a minute, and new once a minute after that', async () => {
    const { clock, flags } = setUp();
    const seen = new Set<unknown>();
    for (let second = 0; second < 150; second += 1) {
      seen.add(flags(VOLATILE_CREATED()));
      seen.add(flags(IDLE()));
      await clock.advance(1_000);
    }
    expect(seen.size).toBe(3);
  });

  it('I7: is the same at each try of a service that keeps failing, for hours', async () => {
    const { clock, services } = setUp();
    services(servicesPass([['start', 'worker/web']]), true);
    services(servicesPass(), true);
    const failing = services(
      servicesPass([], [backedOff('worker/web', 'its start failed once and is backed off')]),
    );
    expect(failing).toMatchObject({
      steps: ['start worker/web: why'],
      blocked: ['worker/web is held: its last run failed, the next try is backed off'],
    });
    for (let tries = 2; tries < 500; tries += 1) {
      await clock.advance(5_000);
      expect(services(servicesPass([['start', 'worker/web']]), true)).toBe(failing);
      expect(services(servicesPass(), true)).toBe(failing);
      const held = backedOff('worker/web', `its start failed ${tries} times in a row and is backed off`);
      expect(services(servicesPass([], [held]))).toBe(failing);
    }
  });

  it('holds what goes on still beside a new drift, and not what ended long before it', async () => {
    const { clock, flags, services } = setUp();
    flags(BOTH_CREATED);
    flags(IDLE());
    services(servicesPass([], [backedOff('worker/web', 'its stop failed once and is backed off')]));
    await clock.advance(3_600_000);
    expect(flags(VOLATILE_CREATED())).toMatchObject({
      at: '2026-01-01T01:00:00.000Z',
      steps: ['create volatile: it is missing'],
      blocked: [expect.stringMatching(/^worker\/web is held/)],
    });
  });

  it('says what was not done, and why: what holds it, or what went wrong', () => {
    const { flags } = setUp();
    const view = flagsPass({
      plan: {
        steps: [created('volatile')],
        blocked: [{ target: 'persistent flag', reason: 'FlagBlocked', message: 'a folder is in its place' }],
      },
      failures: [{ step: created('volatile'), error: new Error('EROFS: read-only file system') }],
    });
    const copyFailure = {
      step: { kind: 'write', target: 'desired-a.json', reason: 'generation 7 is not remembered' },
      error: new Error('ENOSPC: no space left on device'),
    } as const;
    expect(flags({ ...view, copyFailure })).toMatchObject({
      steps: [],
      blocked: [
        'persistent flag is held: a folder is in its place',
        'write desired-a.json: generation 7 is not remembered, but: ENOSPC: no space left on device',
        'create volatile: it is missing, but: EROFS: read-only file system',
      ],
    });
    expect(flags(BOTH_CREATED)).toMatchObject({
      steps: ['create persistent: it is missing', 'create volatile: it is missing'],
      blocked: [expect.stringMatching(/^write desired-a.json/)],
    });
  });

  it('leaves out what changes nothing: confirmations, and services whose run has only just ended', () => {
    const { flags, services } = setUp();
    expect(flags(flagsPass({ done: [{ ...created('persistent'), kind: 'confirm' }] }))).toBeUndefined();
    const again = { target: 'worker/web', reason: 'LookAgain', message: 'a run of it ended during the look' };
    expect(services(servicesPass([], [again]))).toBeUndefined();
  });

  it('is cut to 64 sentences, the last of which says how many more there were', () => {
    const { services } = setUp();
    const stops = (count: number) =>
      servicesPass(Array.from({ length: count }, (_, n) => ['stop', `worker/${n}`] as const));
    expect(services(stops(64))?.steps).toHaveLength(64);
    const cut = services(stops(100))?.steps;
    expect(cut).toHaveLength(64);
    expect(cut?.at(-1)).toBe('and 37 more');
  });

  it('is cut to 16,384 characters of steps, however few they are: a status has to fit one message', () => {
    const { services } = setUp();
    const named = (n: number) => `worker/${'s'.repeat(990)}${n}`;
    const cut = services(
      servicesPass(Array.from({ length: 30 }, (_, n) => ['stop', named(n)] as const)),
    )?.steps;
    expect(cut).toHaveLength(17);
    expect(cut?.at(-1)).toBe('and 14 more');
  });
});
