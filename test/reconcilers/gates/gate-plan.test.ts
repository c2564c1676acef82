import { describe, expect, it } from 'vitest';
import { type GateHistory, type GatePlanInput, planGates } from '../../../reconcilers/gates/gate-plan.ts';
import { describeStep } from '../../../reconcilers/loop/plan.ts';
import { failedWith } from '../../support/fake-services.ts';

const PASSED: GateHistory = { passed: true, attempts: 0, notBeforeMs: 0, failure: undefined };
const failedUntil = (notBeforeMs: number): GateHistory => ({
  passed: false,
  attempts: 1,
  notBeforeMs,
  failure: failedWith(1),
});

const base: GatePlanInput = {
  gates: [{ id: '10-network' }, { id: 'worker/20-storage' }],
  running: new Map(),
  history: new Map(),
  nowMs: 1_000,
};

interface Row {
  readonly what: string;
  readonly change: Partial<GatePlanInput>;
  readonly steps: readonly string[];
  readonly allPassed?: boolean;
  readonly nextInMs?: number;
}

const rows: readonly Row[] = [
  {
    what: 'S13: runs every gate that has not passed, those of the roles too, all at once',
    change: {},
    steps: [
      'run 10-network: it has not passed since this boot',
      'run worker/20-storage: it has not passed since this boot',
    ],
  },
  { what: 'lets all pass when there is none', change: { gates: [] }, steps: [], allPassed: true },
  {
    what: 'does not run a gate twice at once',
    change: { running: new Map([['10-network', {}]]) },
    steps: ['run worker/20-storage: it has not passed since this boot'],
  },
  {
    what: 'does not run again what passed, and waits for the rest',
    change: { history: new Map([['10-network', PASSED]]) },
    steps: ['run worker/20-storage: it has not passed since this boot'],
  },
  {
    what: 'is through once every gate passed',
    change: {
      history: new Map([
        ['10-network', PASSED],
        ['worker/20-storage', PASSED],
      ]),
    },
    steps: [],
    allPassed: true,
  },
  {
    what: 'S13: waits before it tries a failed gate again, and says until when',
    change: {
      history: new Map([
        ['10-network', failedUntil(1_300)],
        ['worker/20-storage', failedUntil(1_100)],
      ]),
    },
    steps: [],
    nextInMs: 100,
  },
  {
    what: 'S13: tries a failed gate again when its time has come',
    change: {
      history: new Map([
        ['10-network', failedUntil(1_000)],
        ['worker/20-storage', PASSED],
      ]),
    },
    steps: ['run 10-network: it has not passed since this boot'],
  },
  {
    what: 'is not through while the last gate runs',
    change: {
      running: new Map([['10-network', {}]]),
      history: new Map([['worker/20-storage', PASSED]]),
    },
    steps: [],
  },
];

describe('planGates', () => {
  it.each(rows)('$what', ({ change, steps, allPassed = false, nextInMs }) => {
    const plan = planGates({ ...base, ...change });
    expect(plan.steps.map(describeStep)).toEqual(steps);
    expect(plan.allPassed).toBe(allPassed);
    expect(plan.nextInMs).toBe(nextInMs);
  });
});
