// Why a host is as it is, by tables: one host that is ready, one change, the chain that is told.
import { describe, expect, it } from 'vitest';
import { explain, type LinkKind } from '../../../controller/cli/explain.ts';
import { toHost } from '../../../controller/host-view.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import type { Condition } from '../../../desired-state/conditions.ts';
import type { StoredEvent } from '../../../desired-state/events.ts';
import { ANNOTATIONS, type Status } from '../../../desired-state/host.ts';
import type { HostRecord } from '../../../desired-state/store/store.ts';
import { statusOf } from '../fixtures/agent-end.ts';

const CHANGED_AT = '2026-01-01T00:00:00.000Z';
const SINCE = '2026-01-01T00:00:05.000Z';
const LATER = '2026-01-01T01:00:00.000Z';

function condition(type: Condition['type'], change: Partial<Condition> = {}): Condition {
  const base = { status: 'True', reason: 'AsDesired', message: 'fine', lastTransitionTime: SINCE } as const;
  return { type, ...base, observedGeneration: 7, ...change };
}

/** A status as the agent of a ready host reports it, with the conditions given in the place of their likes. */
function reported(changes: readonly Condition[] = [], more: Partial<Status> = {}): Status {
  const conditions = (['Online', 'FlagsInSync', 'ServicesInSync', 'GoEnabled', 'SpecFresh'] as const).map(
    (type) => changes.find((change) => change.type === type) ?? condition(type),
  );
  return { ...statusOf(7), conditions, ...more };
}

const READY: HostRecord = {
  ...noRecord('compute-0'),
  generation: 7,
  spec: { locked: true, servicesEnabled: false },
  annotations: {
    [ANNOTATIONS.changedBy]: 'alice',
    [ANNOTATIONS.changedAt]: CHANGED_AT,
    [ANNOTATIONS.reason]: 'disk swap',
  },
  status: reported(),
  reportedGeneration: 7,
};
const UNLOCKED: HostRecord = { ...READY, spec: { locked: false, servicesEnabled: true } };

function event(reason: string, change: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: 1,
    host: 'compute-0',
    type: 'Normal',
    reason,
    message: reason,
    generation: 7,
    at: SINCE,
    firstAt: SINCE,
    count: 1,
    actor: 'agent',
    ...change,
  };
}

function told(what: LinkKind, record: HostRecord, events: readonly StoredEvent[] = []): readonly string[] {
  return explain(toHost(record), events)
    .filter((link) => link.what === what)
    .map(({ sentence }) => sentence);
}

describe('the chain', () => {
  it('of a ready host goes from the change to the evidence, and nothing blocks', () => {
    const lastPlan = { at: SINCE, generation: 7, steps: ['create volatile: it is missing'], blocked: [] };
    const events = [
      event('Locked', {
        at: CHANGED_AT,
        message: 'locked, services disabled; by alice over local: disk swap',
      }),
      event('Applied'),
      event('FlagRestored', { at: LATER, message: 'volatile flag restored', latencyMs: 0.91, count: 3 }),
      event('Unlocked', { generation: 6 }),
    ];
    expect(explain(toHost({ ...READY, status: reported([], { lastPlan }) }), events)).toEqual([
      {
        what: 'change',
        sentence: 'generation 7: locked, services disabled; by alice over local: disk swap',
        at: CHANGED_AT,
      },
      {
        what: 'decision',
        sentence: 'accepted and acknowledged by its agent: generation 7 is on its disk',
        at: SINCE,
      },
      { what: 'step', sentence: 'create volatile: it is missing', at: SINCE },
      {
        what: 'step',
        sentence: 'corrected: volatile flag restored, 0.9 ms after it was seen (3 times, the slowest)',
        at: LATER,
      },
      { what: 'evidence', sentence: 'flags: persistent present, volatile present', at: SINCE },
      { what: 'evidence', sentence: 'services: 1 stopped', at: SINCE },
      { what: 'block', sentence: 'nothing blocks: ready since then', at: SINCE },
    ]);
  });
});

describe('the evidence', () => {
  it('S16: names the scripts that are not run, although the host is ready', () => {
    const message = '1 service is stopped; not run: worker/a: user 7 owns it and could have written it';
    const record = { ...READY, status: reported([condition('ServicesInSync', { message })]) };
    expect(told('evidence', record)).toEqual([
      'flags: persistent present, volatile present',
      'services: 1 stopped',
      'not run: worker/a: user 7 owns it and could have written it',
    ]);
    expect(told('block', record)).toEqual(['nothing blocks: ready since then']);
  });
});

describe('the change', () => {
  it.each<[string, HostRecord, readonly StoredEvent[], string]>([
    ['is known without its event', READY, [], 'generation 7: locked, services disabled; by alice: disk swap'],
    [
      'of a new host says that it was registered',
      READY,
      [event('Registered', { message: 'locked, services disabled; by agent over local: a new host' })],
      'generation 7: Registered: locked, services disabled; by agent over local: a new host',
    ],
    [
      'names the file that declares the host',
      { ...READY, annotations: { ...READY.annotations, [ANNOTATIONS.manifest]: 'lab.yaml' } },
      [],
      'generation 7: locked, services disabled; by alice: disk swap; lab.yaml in the manifests folder declares it',
    ],
  ])('%s', (_what, record, events, sentence) => {
    expect(told('change', record, events)).toEqual([sentence]);
  });
});

const offline = condition('Online', { status: 'False', reason: 'Disconnected', message: 'the agent left' });
const behind = condition('SpecFresh', {
  status: 'False',
  reason: 'StoreBehind',
  message: 'the store is at 7',
});

describe('the decision', () => {
  it.each<[string, HostRecord, string]>([
    [
      'of a host never seen is not there',
      { ...READY, status: undefined, reportedGeneration: 0 },
      'not heard yet: no agent of this host has connected',
    ],
    [
      'of an offline host that was not told is not there either',
      { ...READY, status: reported([offline], { observedGeneration: 6 }) },
      'not heard yet, as far as is known: its agent was at generation 6 when it was last heard of',
    ],
    [
      'is under way where the agent is connected and behind',
      { ...READY, status: reported([], { observedGeneration: 6 }) },
      'not acknowledged yet: its agent is at generation 6',
    ],
    [
      'of a store that is behind is a refusal',
      { ...READY, status: reported([behind], { observedGeneration: 9 }), reportedGeneration: 9 },
      'refused by its agent: the store is at 7',
    ],
    [
      'may be that the agent keeps a newer one',
      { ...READY, status: reported([offline], { observedGeneration: 9 }), reportedGeneration: 9 },
      'not taken: its agent keeps generation 9, which is newer',
    ],
  ])('%s', (_what, record, sentence) => {
    expect(told('decision', record)).toEqual([sentence]);
  });
});

const failed = {
  name: 'web',
  set: 'worker',
  state: 'failed',
  message: 'start failed with exit code 7',
} as const;
const servicesFailed = condition('ServicesInSync', { status: 'False', reason: 'ServiceFailed' });

describe('what blocks, and what to do next', () => {
  it.each<[string, HostRecord, readonly string[], RegExp]>([
    [
      'no agent ever',
      { ...READY, status: undefined },
      ['no agent of this host has ever connected'],
      /^start lockstep-agent/,
    ],
    [
      'an agent that is away',
      { ...READY, status: reported([offline]) },
      ['offline: the agent left'],
      /^look whether lockstep-agent runs/,
    ],
    [
      'a store that is behind',
      { ...READY, status: reported([behind], { observedGeneration: 9 }), reportedGeneration: 9 },
      ['StoreBehind: the store is at 7'],
      /`lockstep lock compute-0` for what the store says/,
    ],
    [
      'a contradiction, whatever Ready says',
      {
        ...READY,
        spec: { locked: true, servicesEnabled: true },
        status: reported([{ ...behind, reason: 'Contradiction' }]),
      },
      ['Contradiction: the store is at 7'],
      /`lockstep lock compute-0 --keep-services`/,
    ],
    [
      'a folder in the place of a flag',
      {
        ...READY,
        status: reported([
          condition('FlagsInSync', {
            status: 'False',
            reason: 'FlagBlocked',
            message: 'volatile flag: a folder',
          }),
        ]),
      },
      ['FlagsInSync is False, FlagBlocked: volatile flag: a folder'],
      /^clear what stands/,
    ],
    [
      'a full disk, also where the newest generation was not taken',
      {
        ...READY,
        status: reported(
          [
            condition('FlagsInSync', {
              status: 'False',
              reason: 'NotRemembered',
              message: 'ENOSPC',
              observedGeneration: 6,
            }),
          ],
          { observedGeneration: 6 },
        ),
      },
      ['FlagsInSync is False, NotRemembered: ENOSPC'],
      /^make room on the disk/,
    ],
    [
      'a failing service, with how it failed, and no more than once',
      {
        ...UNLOCKED,
        status: reported([servicesFailed], {
          services: [failed],
          lastPlan: {
            at: SINCE,
            generation: 7,
            steps: [],
            blocked: ['worker/web is held: its last run failed, the next try is backed off'],
          },
        }),
      },
      ['worker/web failed: start failed with exit code 7'],
      /look at that service's script.*; `lockstep services disable compute-0`/,
    ],
    [
      'a stop that fails, which disabling would not end',
      { ...READY, status: reported([servicesFailed], { services: [failed] }) },
      ['worker/web failed: start failed with exit code 7'],
      /tried again by itself$/,
    ],
    [
      'failing services of a host that a file declares',
      {
        ...UNLOCKED,
        annotations: { [ANNOTATIONS.manifest]: 'lab.yaml' },
        status: reported([servicesFailed], { services: [failed] }),
      },
      ['worker/web failed: start failed with exit code 7'],
      /; servicesEnabled: false in lab.yaml gives up/,
    ],
    [
      'a gate that fails, and the services that wait for it',
      {
        ...UNLOCKED,
        status: reported(
          [
            condition('GoEnabled', { status: 'False', reason: 'GateFailed', message: 'gate 05-disk failed' }),
            condition('ServicesInSync', {
              status: 'False',
              reason: 'GatesNotPassed',
              message: 'worker/web: the gates have not passed',
            }),
          ],
          {
            lastPlan: {
              at: LATER,
              generation: 7,
              steps: [],
              blocked: [
                'worker/web is held: the gates have not passed',
                'worker/db is held: waits for worker/web',
                'worker/app is held: it was so once',
              ],
            },
            services: [
              { ...failed, state: 'stopped', message: '' },
              { ...failed, name: 'app', state: 'running', message: '' },
            ],
          },
        ),
      },
      [
        'GoEnabled is False, GateFailed: gate 05-disk failed',
        'ServicesInSync is False, GatesNotPassed: worker/web: the gates have not passed',
        'worker/db is held: waits for worker/web',
      ],
      /^look at that gate's script/,
    ],
    ...(['ServicesUnreadable', 'SetNotLookedAt'] as const).map(
      (reason): [string, HostRecord, readonly string[], RegExp] => [
        `services that nobody could look at: ${reason}`,
        {
          ...UNLOCKED,
          status: reported([
            condition('ServicesInSync', { status: 'Unknown', reason, message: 'worker: not a folder' }),
          ]),
        },
        [`ServicesInSync is Unknown, ${reason}: worker: not a folder`],
        /^mend what is said of that folder/,
      ],
    ),
    [
      'a start that is under way',
      {
        ...UNLOCKED,
        status: reported([
          condition('ServicesInSync', { status: 'False', reason: 'Starting', message: 'web' }),
        ]),
      },
      ['ServicesInSync is False, Starting: web'],
      /^wait for it/,
    ],
    [
      'conditions that are about an older generation only',
      { ...READY, generation: 8 },
      ['Pending: FlagsInSync has not been reported at generation 8 yet'],
      /^wait for it/,
    ],
  ])('%s', (_what, record, blocks, next) => {
    expect(told('block', record)).toEqual(blocks);
    expect(told('next', record)).toEqual([expect.stringMatching(next)]);
  });

  it('is told of five failing services, and the rest is counted', () => {
    const services = Array.from({ length: 9 }, (_, n) => ({ ...failed, name: `web${n}`, message: '' }));
    const blocks = told('block', { ...UNLOCKED, status: reported([servicesFailed], { services }) });
    expect(blocks).toHaveLength(6);
    expect(blocks.at(-1)).toBe('and 4 more services failed');
  });
});

describe('steps', () => {
  it('are those of the current generation, and eight of them at most', () => {
    const steps = Array.from({ length: 12 }, (_, n) => `stop worker/${n}: why`);
    const record = (generation: number) => ({
      ...READY,
      status: reported([], { lastPlan: { at: SINCE, generation, steps, blocked: [] } }),
    });
    expect(told('step', record(6))).toEqual([]);
    expect(told('step', record(7))).toEqual([
      ...steps.slice(0, 8),
      'and 4 more: `lockstep describe host compute-0`',
    ]);
  });
});
