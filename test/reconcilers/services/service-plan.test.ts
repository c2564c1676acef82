import { describe, expect, it } from 'vitest';
import { describeBlocked, describeStep } from '../../../reconcilers/loop/plan.ts';
import type { Verb } from '../../../reconcilers/services/service-driver.ts';
import {
  compareServices,
  planServices,
  type ServiceHistory,
  type ServicePlanInput,
} from '../../../reconcilers/services/service-plan.ts';
import { seen, serviceOf } from '../../support/fake-services.ts';

const NOW_MS = 100_000;
const base: ServicePlanInput = {
  enabled: true,
  startsHeldBy: undefined,
  stopsHeldBy: undefined,
  observed: [seen('worker/web', 'running')],
  stale: new Set(),
  inFlight: new Map(),
  history: new Map(),
  nowMs: NOW_MS,
};

const START = 'services are enabled and it is stopped';
const STOP = 'services are disabled and it is running';
const HOLD = { reason: 'FlagsNotAsDesired', message: 'nothing is started before the flags are absent' };
const NOT_TRIED = { reason: 'FlagsFirst', message: 'the flags come first for generation 7' };

const underWay = (...operations: readonly (readonly [Verb, string])[]): ServicePlanInput['inFlight'] =>
  new Map(operations.map(([verb, id]) => [id, { service: serviceOf(id), verb, isWaiting: false }]));

const inQueue = (verb: Verb, id: string): ServicePlanInput['inFlight'] =>
  new Map([[id, { service: serviceOf(id), verb, isWaiting: true }]]);

const failed = (id: string, verb: Verb, attempts: number, inMs: number): ServicePlanInput['history'] =>
  new Map<string, ServiceHistory>([[id, { verb, attempts, notBeforeMs: NOW_MS + inMs }]]);

interface Row {
  readonly what: string;
  readonly change: Partial<ServicePlanInput>;
  readonly steps?: readonly string[];
  readonly blocked?: readonly string[];
  readonly nextInMs?: number;
}

const allInOne = ['controller/10-db', 'controller/api', 'worker/10-net', 'worker/web', 'storage/osd'];

const rows: readonly Row[] = [
  { what: 'S5: plans nothing when a start is asked again while it runs', change: {} },
  { what: 'S9: plans nothing for an empty set', change: { observed: [] } },
  {
    what: 'S12: starts what is stopped',
    change: { observed: [seen('worker/web', 'stopped')] },
    steps: [`start worker/web: ${START}`],
  },
  {
    what: 'S15: stops what runs on a host whose services are disabled',
    change: { enabled: false },
    steps: [`stop worker/web: ${STOP}`],
  },
  {
    what: 'S11: starts nothing on a host whose services are disabled',
    change: { enabled: false, observed: [seen('worker/web', 'stopped')] },
  },
  {
    what: 'I4: neither starts nor stops what is to be left',
    change: {
      enabled: 'leave',
      observed: [seen('worker/web', 'running'), seen('worker/db', 'stopped')],
      inFlight: underWay(['stop', 'worker/api']),
    },
  },
  {
    what: 'takes no step for what is unknown, in either direction',
    change: { observed: [seen('worker/web', 'unknown'), seen('worker/db', 'stopped')] },
    steps: [`start worker/db: ${START}`],
  },
  {
    what: 'S1: starts the first place of the first set only',
    change: { observed: allInOne.map((id) => seen(id, 'stopped')) },
    steps: [`start controller/10-db: ${START}`],
    blocked: [
      'controller/api is held: its start comes after that of controller/10-db',
      'worker/10-net is held: its start comes after that of controller/10-db',
      'worker/web is held: its start comes after that of controller/10-db',
      'storage/osd is held: its start comes after that of controller/10-db',
    ],
  },
  {
    what: 'S1: stops in the reverse order',
    change: { enabled: false, observed: allInOne.map((id) => seen(id, 'running')) },
    steps: [`stop storage/osd: ${STOP}`],
    blocked: [
      'worker/web is held: its stop comes after that of storage/osd',
      'worker/10-net is held: its stop comes after that of storage/osd',
      'controller/api is held: its stop comes after that of storage/osd',
      'controller/10-db is held: its stop comes after that of storage/osd',
    ],
  },
  {
    what: 'starts all of one place at once',
    change: { observed: [seen('worker/10-a', 'stopped'), seen('worker/10-b', 'stopped')] },
    steps: [`start worker/10-a: ${START}`, `start worker/10-b: ${START}`],
  },
  {
    what: 'waits for the place before while one of it is under way',
    change: {
      observed: [
        seen('worker/10-a', 'running'),
        seen('worker/10-b', 'stopped'),
        seen('worker/web', 'stopped'),
      ],
      inFlight: underWay(['start', 'worker/10-b']),
    },
    blocked: ['worker/web is held: its start comes after that of worker/10-b'],
  },
  {
    what: 'goes on to the next place once the one before runs',
    change: { observed: [seen('worker/10-a', 'running'), seen('worker/web', 'stopped')] },
    steps: [`start worker/web: ${START}`],
  },
  {
    what: 'lets the next go on where one failed, and backs that one off',
    change: {
      observed: [seen('worker/10-a', 'stopped'), seen('worker/web', 'stopped')],
      history: failed('worker/10-a', 'start', 1, 250),
    },
    steps: [`start worker/web: ${START}`],
    blocked: ['worker/10-a is held: its start failed once and is backed off'],
    nextInMs: 250,
  },
  {
    what: 'lets the next go on while a failed one is tried again',
    change: {
      observed: [seen('worker/10-a', 'stopped'), seen('worker/web', 'stopped')],
      inFlight: underWay(['start', 'worker/10-a']),
      history: failed('worker/10-a', 'start', 3, -1),
    },
    steps: [`start worker/web: ${START}`],
  },
  {
    what: 'tries a failed one again when its time has come',
    change: {
      observed: [seen('worker/web', 'stopped')],
      history: failed('worker/web', 'start', 3, 0),
    },
    steps: [`start worker/web: ${START}`],
  },
  {
    what: 'says how often one failed, and nothing that changes from look to look',
    change: {
      observed: [seen('worker/web', 'stopped')],
      history: failed('worker/web', 'start', 3, 4_321),
    },
    blocked: ['worker/web is held: its start failed 3 times in a row and is backed off'],
    nextInMs: 4_321,
  },
  {
    what: 'gives one that has only just been started its time to come up',
    change: {
      observed: [seen('worker/10-a', 'stopped'), seen('worker/web', 'stopped')],
      history: failed('worker/10-a', 'start', 0, 900),
    },
    blocked: [
      'worker/10-a is held: its start has only just returned',
      'worker/web is held: its start comes after that of worker/10-a',
    ],
    nextInMs: 900,
  },
  {
    what: 'does not hold a failed stop against a start',
    change: {
      observed: [seen('worker/web', 'stopped')],
      history: failed('worker/web', 'stop', 5, 5_000),
    },
    steps: [`start worker/web: ${START}`],
  },
  {
    what: 'I3: starts nothing while something holds starts back, and says what',
    change: {
      startsHeldBy: HOLD,
      observed: [seen('worker/web', 'stopped'), seen('worker/db', 'running')],
    },
    blocked: ['worker/web is held: nothing is started before the flags are absent'],
  },
  {
    what: 'stops although something holds starts back',
    change: { enabled: false, startsHeldBy: HOLD },
    steps: [`stop worker/web: ${STOP}`],
  },
  {
    what: 'stops nothing before the flags were tried for this desired state',
    change: { enabled: false, stopsHeldBy: NOT_TRIED },
    blocked: ['worker/web is held: the flags come first for generation 7'],
  },
  {
    what: 'S7: ends a start that is under way when services are disabled, and then waits for its end',
    change: {
      enabled: false,
      observed: [seen('worker/web', 'stopped'), seen('worker/db', 'running')],
      inFlight: underWay(['start', 'worker/web']),
    },
    steps: [
      'abort worker/web: its start is under way and services are now disabled',
      `stop worker/db: ${STOP}`,
    ],
  },
  {
    what: 'ends a stop that is under way when services are enabled',
    change: { observed: [seen('worker/web', 'running')], inFlight: underWay(['stop', 'worker/web']) },
    steps: ['abort worker/web: its stop is under way and services are now enabled'],
  },
  {
    what: 'ends what the newest desired state contradicts even while starts are held back',
    change: { startsHeldBy: HOLD, inFlight: underWay(['stop', 'worker/web']) },
    steps: ['abort worker/web: its stop is under way and services are now enabled'],
  },
  {
    what: 'I6: takes no step for a service whose operation is under way',
    change: { observed: [seen('worker/web', 'stopped')], inFlight: underWay(['start', 'worker/web']) },
  },
  {
    what: 'I2: says what waits for its turn, and takes no other step for it',
    change: { observed: [seen('worker/web', 'stopped')], inFlight: inQueue('start', 'worker/web') },
    blocked: ['worker/web is held: its start waits for its turn'],
  },
  {
    what: 'ends what waits for its turn when the newest desired state contradicts it',
    change: { observed: [seen('worker/web', 'running')], inFlight: inQueue('stop', 'worker/web') },
    steps: ['abort worker/web: its stop is under way and services are now enabled'],
  },
  {
    what: 'ends the operation of a service that is not listed any more',
    change: { enabled: false, observed: [], inFlight: underWay(['start', 'worker/gone']) },
    steps: ['abort worker/gone: its start is under way and services are now disabled'],
  },
];

describe('planServices', () => {
  it.each(rows)('$what', ({ change, steps = [], blocked = [], nextInMs }) => {
    const plan = planServices({ ...base, ...change });
    expect(plan.steps.map(describeStep)).toEqual(steps);
    expect(plan.blocked.map(describeBlocked)).toEqual(blocked);
    expect(plan.nextInMs).toBe(nextInMs);
  });

  it('S10: plans a set of 300 scripts in one place', () => {
    const observed = Array.from({ length: 300 }, (_, n) => seen(`worker/s${n}`, 'stopped'));
    expect(planServices({ ...base, observed }).steps).toHaveLength(300);
  });
});

describe('compareServices', () => {
  it('orders sets as controller, worker, storage; groups as numbers, ascending; no prefix last', () => {
    const order = [
      'controller/05-a',
      'controller/10-a',
      'controller/10-b',
      'controller/a',
      'worker/02-z',
      'worker/99-a',
      'worker/a',
      'worker/b',
      'storage/01-a',
    ];
    const shuffled = [...order].reverse().map(serviceOf);
    expect(shuffled.sort(compareServices).map(({ id }) => id)).toEqual(order);
  });
});
