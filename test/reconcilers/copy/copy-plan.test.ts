import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CopyPlanInput, planCopies } from '../../../reconcilers/copy/copy-plan.ts';
import { formatCopy, type KnownSpec, parseCopy } from '../../../reconcilers/copy/known-spec.ts';
import { COPY_NAMES, type CopyState } from '../../../reconcilers/copy/spec-copies.ts';
import { describeStep, turnsOf } from '../../../reconcilers/loop/plan.ts';
import { CORRUPT, copies, copyOf, NO_COPY, UNREADABLE } from '../../support/fake-spec-copies.ts';

const known = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: true, servicesEnabled: false },
});

const SETTLE = 'settle folder: a copy counts only once its place in the folder is on the disk';

const base: CopyPlanInput = {
  wanted: known(7),
  observed: copies(copyOf(known(7)), copyOf(known(7))),
  hasTrace: true,
  durability: 'confirmed',
  areOurs: true,
};

interface Row {
  readonly what: string;
  readonly change: Partial<CopyPlanInput>;
  readonly steps: readonly string[];
}

const rows: readonly Row[] = [
  { what: 'both copies as wanted', change: {}, steps: [] },
  {
    what: 'nothing remembered yet',
    change: { observed: copies(NO_COPY, NO_COPY) },
    steps: [
      'write desired-a.json: generation 7 is not remembered',
      'write desired-b.json: generation 7 is not remembered',
      SETTLE,
    ],
  },
  {
    what: 'one copy gone',
    change: { observed: copies(copyOf(known(7)), NO_COPY) },
    steps: ['write desired-b.json: generation 7 is not remembered', SETTLE],
  },
  {
    what: 'an older generation',
    change: { observed: copies(copyOf(known(6)), copyOf(known(6))) },
    steps: [
      'write desired-a.json: the copy holds generation 6',
      'write desired-b.json: the copy holds generation 6',
      SETTLE,
    ],
  },
  {
    what: 'a corrupt copy, kept aside for people before it is written anew',
    change: { observed: copies(CORRUPT, copyOf(known(7))) },
    steps: [
      'set-aside desired-a.json: the copy is corrupt',
      'write desired-a.json: generation 7 is remembered in a corrupt copy',
      SETTLE,
    ],
  },
  {
    what: 'a copy that cannot be read, which is not set aside',
    change: { observed: copies(copyOf(known(7)), UNREADABLE) },
    steps: ['write desired-b.json: the copy cannot be read (EIO: i/o error)', SETTLE],
  },
  {
    what: 'no trace beside the persistent flag: it is left first',
    change: { hasTrace: false, observed: copies(NO_COPY, copyOf(known(7))) },
    steps: [
      'leave-trace trace: a host that lost its copy must not pass for a fresh install',
      'write desired-a.json: generation 7 is not remembered',
      SETTLE,
    ],
  },
  {
    what: 'copies of an earlier life, which a crash may have left unsynced: they are confirmed',
    change: { durability: 'unknown' },
    steps: [
      'confirm desired-a.json: it is there, but may not be on the disk yet',
      'confirm desired-b.json: it is there, but may not be on the disk yet',
      SETTLE,
    ],
  },
  {
    what: 'one copy of an earlier life: the other is written',
    change: { durability: 'unknown', observed: copies(copyOf(known(7)), copyOf(known(6))) },
    steps: [
      'confirm desired-a.json: it is there, but may not be on the disk yet',
      'write desired-b.json: the copy holds generation 6',
      SETTLE,
    ],
  },
  {
    what: 'a write failed before: both are written anew, for a later sync may only seem to work',
    change: { durability: 'suspect' },
    steps: [
      'write desired-a.json: a write to the disk failed before',
      'write desired-b.json: a write to the disk failed before',
      SETTLE,
    ],
  },
  {
    what: 'nothing known that is to be remembered: a corrupt copy stays where it is',
    change: { wanted: undefined, hasTrace: false, durability: 'suspect', observed: copies(CORRUPT, NO_COPY) },
    steps: [],
  },
];

describe('planCopies', () => {
  it.each(rows)('$what', ({ change, steps }) => {
    expect(planCopies({ ...base, ...change }).steps.map(describeStep)).toEqual(steps);
  });

  it.each([
    ['another spec', { ...known(7), spec: { locked: false, servicesEnabled: false } }],
    ['another reason', { ...known(7), reason: 'disk swap' }],
    ['another time', { ...known(7), since: '2026-01-01T00:00:00.000Z' }],
  ])('writes what is of the same generation with %s', (_what, wanted) => {
    expect(planCopies({ ...base, wanted }).steps).toHaveLength(3);
  });

  it('does for both copies at once what neither needs of the other, and settles when both have ended', () => {
    const observed = copies(CORRUPT, CORRUPT);
    const { steps } = planCopies({ ...base, observed, hasTrace: false });
    const turns = turnsOf(steps).map((turn) => turn.map(({ kind, target }) => `${kind} ${target}`));
    expect(turns).toEqual([
      ['leave-trace trace'],
      ['set-aside desired-a.json', 'set-aside desired-b.json'],
      ['write desired-a.json', 'write desired-b.json'],
      ['settle folder'],
    ]);
  });

  it('I7: writes nothing that the copies, as they are read back, already say', () => {
    const since = '2026-01-01T00:00:00.000Z';
    const reason = 'disk swap';
    const wishes: readonly KnownSpec[] = [
      { generation: 7, spec: { locked: true, servicesEnabled: false }, since, reason },
      { reason, since, spec: { servicesEnabled: false, locked: true }, generation: 7 },
    ];
    for (const wanted of wishes) {
      const readBack = parseCopy(formatCopy(wanted));
      if (readBack === undefined) throw new Error('the copy cannot be read back');
      const observed = copies(copyOf(readBack), copyOf(readBack));
      expect(planCopies({ ...base, wanted, observed }).steps.map(describeStep)).toEqual([]);
    }
  });

  it('is idempotent: once its steps are done, it has none', () => {
    const state: fc.Arbitrary<CopyState> = fc.oneof(
      fc.constantFrom(NO_COPY, CORRUPT, UNREADABLE),
      fc.integer({ min: 1, max: 9 }).map((generation) => copyOf(known(generation))),
    );
    const durability = fc.constantFrom<CopyPlanInput['durability'][]>('confirmed', 'unknown', 'suspect');
    fc.assert(
      fc.property(state, state, fc.boolean(), durability, (a, b, hasTrace, durability) => {
        const { steps } = planCopies({ ...base, observed: copies(a, b), hasTrace, durability });
        const after = { ...copies(a, b) };
        for (const name of COPY_NAMES) {
          if (steps.some(({ kind, target }) => kind === 'write' && target === name)) {
            after[name] = copyOf(known(7));
          }
        }
        expect(planCopies({ ...base, observed: after, hasTrace: true }).steps).toEqual([]);
      }),
    );
  });
});

describe('a copy that could not be read when the agent recalled what it knows', () => {
  const unlocked = (generation: number): KnownSpec => ({
    generation,
    spec: { locked: false, servicesEnabled: true },
  });

  it.each([
    { what: 'a newer generation', found: known(8), isNewer: true },
    { what: 'the contrary at the same one', found: unlocked(7), isNewer: true },
    { what: 'the same in other words', found: { ...known(7), reason: 'disk swap' }, isNewer: false },
    { what: 'an older one', found: unlocked(6), isNewer: false },
  ])('I5: with $what is overwritten: only if it says no more', ({ found, isNewer }) => {
    for (const observed of [copies(copyOf(found), CORRUPT), copies(UNREADABLE, copyOf(found))]) {
      const input = { ...base, observed, areOurs: false, durability: 'suspect' } as const;
      const { steps, blocked, newer } = planCopies(input);
      expect(newer).toEqual(isNewer ? found : undefined);
      expect([steps.length > 0, blocked.map(({ reason }) => reason)]).toEqual(
        isNewer ? [false, ['CopyIsNewer']] : [true, []],
      );
    }
  });

  it('counts with the higher of two', () => {
    const input = { ...base, observed: copies(copyOf(known(8)), copyOf(unlocked(9))), areOurs: false };
    expect(planCopies(input).newer).toEqual(unlocked(9));
  });

  it('is overwritten once both copies were as wanted: somebody else put it there', () => {
    const observed = copies(copyOf(known(7)), copyOf(unlocked(8)));
    const { steps, newer } = planCopies({ ...base, observed });
    expect(newer).toBeUndefined();
    expect(steps.map(describeStep)).toContain('write desired-b.json: the copy holds generation 8');
  });
});
