import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedFlag, ObservedFlags } from '../../../reconcilers/flags/flag-files.ts';
import {
  type FlagPlanInput,
  type FlagStep,
  flagsAsDesired,
  planFlags,
} from '../../../reconcilers/flags/flag-plan.ts';
import { describeBlocked, describeStep } from '../../../reconcilers/loop/plan.ts';
import {
  A_FOLDER,
  A_LINK,
  ABSENT,
  both,
  FLAWED,
  flagOf,
  HAND_MADE,
  UNKNOWN,
  UNREAD,
} from '../../support/fake-flag-files.ts';

const locked: FlagPlanInput = {
  locked: true,
  generation: 7,
  observed: both(flagOf(7)),
  durability: 'confirmed',
};
const unlocked: FlagPlanInput = { ...locked, locked: false, observed: both(ABSENT) };

const MISSING = 'the host is locked and the flag is missing';
const THERE = 'the host is unlocked and the flag is there';
const STAYS = 'volatile flag is held: it stays while the persistent flag cannot be removed';
const ACKNOWLEDGE = 'generation 7 must be on the disk before it is acknowledged';

interface Row {
  readonly what: string;
  readonly change: Partial<FlagPlanInput>;
  readonly steps?: readonly string[];
  readonly blocked?: readonly string[];
}

const lockedRows: readonly Row[] = [
  { what: 'both present', change: {} },
  {
    what: 'the volatile one deleted',
    change: { observed: { persistent: flagOf(7), volatile: ABSENT } },
    steps: [`create volatile: ${MISSING}`],
  },
  {
    what: 'the persistent one deleted',
    change: { observed: { persistent: ABSENT, volatile: flagOf(7) } },
    steps: [`create persistent: ${MISSING}`],
  },
  {
    what: 'I8: both deleted, the persistent one first',
    change: { observed: both(ABSENT) },
    steps: [`create persistent: ${MISSING}`, `create volatile: ${MISSING}`],
  },
  {
    what: 'I9: links in their place',
    change: { observed: both(A_LINK) },
    steps: [
      `create persistent: the host is locked and a link stands in the flag's place`,
      `create volatile: the host is locked and a link stands in the flag's place`,
    ],
  },
  {
    what: 'I9: a folder in the place of the persistent one, which does not hold back the volatile one',
    change: { observed: { persistent: A_FOLDER, volatile: ABSENT } },
    steps: [`create volatile: ${MISSING}`],
    blocked: ['persistent flag is held: a folder stands there'],
  },
  {
    what: 'a folder in the place of the volatile one',
    change: { observed: { persistent: flagOf(7), volatile: A_FOLDER } },
    blocked: ['volatile flag is held: a folder stands there'],
  },
  {
    what: 'both present of this generation, the persistent one not known to be on the disk',
    change: { durability: 'unknown' },
    steps: [`confirm persistent: ${ACKNOWLEDGE}`],
  },
  {
    what: 'both present of an older generation',
    change: { durability: 'unknown', observed: both(flagOf(6)) },
    steps: [
      'refresh persistent: the flag is not of generation 7',
      'refresh volatile: the flag is not of generation 7',
    ],
  },
  {
    what: 'both made by hand before the lock came',
    change: { durability: 'unknown', observed: both(HAND_MADE) },
    steps: [
      'refresh persistent: the flag is not of generation 7',
      'refresh volatile: the flag is not of generation 7',
    ],
  },
  {
    what: 'both made by hand after they were confirmed: present is present, whatever the content',
    change: { observed: both(HAND_MADE) },
  },
  {
    what: 'F3: a flag that is flawed is made anew, and the other one stays',
    change: { observed: { persistent: flagOf(7), volatile: FLAWED } },
    steps: ['refresh volatile: the flag is flawed'],
  },
  {
    what: 'F3: both flawed, the persistent one first, and once',
    change: { durability: 'suspect', observed: both(FLAWED) },
    steps: ['refresh persistent: the flag is flawed', 'refresh volatile: the flag is flawed'],
  },
  {
    what: 'flags of a newer generation, which are not rewritten with an older one',
    change: { durability: 'unknown', observed: both(flagOf(9)) },
    steps: [`confirm persistent: ${ACKNOWLEDGE}`],
  },
  {
    what: 'no generation is known and flags made by hand are there',
    change: { durability: 'unknown', generation: 0, observed: both(HAND_MADE) },
    steps: ['confirm persistent: generation 0 must be on the disk before it is acknowledged'],
  },
  {
    what: 'a write failed before: the persistent one is written anew, for a later sync may only seem to work',
    change: { durability: 'suspect' },
    steps: ['refresh persistent: a write to the disk failed before'],
  },
];

const unlockedRows: readonly Row[] = [
  { what: 'both absent', change: {} },
  {
    what: 'the volatile one created',
    change: { observed: { persistent: ABSENT, volatile: HAND_MADE } },
    steps: [`remove volatile: ${THERE}`],
  },
  {
    what: 'F6: the persistent one created',
    change: { observed: { persistent: HAND_MADE, volatile: ABSENT } },
    steps: [`remove persistent: ${THERE}`],
  },
  {
    what: 'I8: both created, the persistent one first',
    change: { observed: both(HAND_MADE) },
    steps: [`remove persistent: ${THERE}`, `remove volatile: ${THERE}`],
  },
  {
    what: 'both flawed: they go like any other',
    change: { observed: both(FLAWED) },
    steps: [`remove persistent: ${THERE}`, `remove volatile: ${THERE}`],
  },
  {
    what: 'links in their place',
    change: { observed: both(A_LINK) },
    steps: [
      'remove persistent: the host is unlocked and a link is there',
      'remove volatile: the host is unlocked and a link is there',
    ],
  },
  {
    what: 'the volatile one stays while the persistent one cannot be removed',
    change: { observed: { persistent: A_FOLDER, volatile: HAND_MADE } },
    blocked: ['persistent flag is held: a folder stands there', STAYS],
  },
  {
    what: 'a folder in the place of the volatile one, which does not hold back the persistent one',
    change: { observed: { persistent: HAND_MADE, volatile: A_FOLDER } },
    steps: [`remove persistent: ${THERE}`],
    blocked: ['volatile flag is held: a folder stands there'],
  },
  {
    what: 'both absent, the removal not known to be on the disk',
    change: { durability: 'unknown' },
    steps: [`confirm persistent: ${ACKNOWLEDGE}`],
  },
  {
    what: 'both absent after a failed removal',
    change: { durability: 'suspect' },
    steps: [`confirm persistent: ${ACKNOWLEDGE}`],
  },
  {
    what: 'only the volatile one is left of an unlock: the removal is confirmed before it follows',
    change: { durability: 'unknown', observed: { persistent: ABSENT, volatile: flagOf(6) } },
    steps: [`confirm persistent: ${ACKNOWLEDGE}`, `remove volatile: ${THERE}`],
  },
];

describe('planFlags', () => {
  it.each(lockedRows)('on a locked host: $what', ({ change, steps = [], blocked = [] }) => {
    const plan = planFlags({ ...locked, ...change });
    expect(plan.steps.map(describeStep)).toEqual(steps);
    expect(plan.blocked.map(describeBlocked)).toEqual(blocked);
  });

  it.each(unlockedRows)('on an unlocked host: $what', ({ change, steps = [], blocked = [] }) => {
    const plan = planFlags({ ...unlocked, ...change });
    expect(plan.steps.map(describeStep)).toEqual(steps);
    expect(plan.blocked.map(describeBlocked)).toEqual(blocked);
  });
});

const flagArbitrary: fc.Arbitrary<ObservedFlag> = fc.oneof(
  fc.constantFrom(ABSENT, HAND_MADE, FLAWED, A_LINK, A_FOLDER, UNKNOWN, UNREAD),
  fc.integer({ min: 0, max: 12 }).map(flagOf),
);
const inputArbitrary: fc.Arbitrary<FlagPlanInput> = fc.record({
  locked: fc.constantFrom(true, false, 'leave' as const),
  generation: fc.integer({ min: 0, max: 12 }),
  observed: fc.record({ persistent: flagArbitrary, volatile: flagArbitrary }),
  durability: fc.constantFrom('confirmed' as const, 'unknown' as const, 'suspect' as const),
});

/** What the files are after the steps: the model of flags that nothing else touches. */
function apply(observed: ObservedFlags, steps: readonly FlagStep[], generation: number): ObservedFlags {
  const after = { ...observed };
  for (const { kind, target } of steps) {
    if (kind === 'remove') after[target] = ABSENT;
    else if (kind !== 'confirm') after[target] = flagOf(generation);
  }
  return after;
}

const isFolder = (flag: ObservedFlag) => flag.state === 'blocked';

describe('planFlags, for every input', () => {
  it('is idempotent: once its steps are done, it has none', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { steps } = planFlags(input);
        const observed = apply(input.observed, steps, input.generation);
        expect(planFlags({ ...input, observed, durability: 'confirmed' }).steps).toEqual([]);
      }),
    );
  });

  it('converges: flags that nothing blocks are as desired after its steps', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const plan = planFlags(input);
        const after = apply(input.observed, plan.steps, input.generation);
        if (plan.blocked.length === 0) expect(flagsAsDesired(input.locked, after)).toBe(true);
        else expect([after.persistent, after.volatile].some(isFolder)).toBe(true);
      }),
    );
  });

  it('I8: has the persistent flag before the volatile one, and each once at most', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const targets = planFlags(input).steps.map(({ target }) => target);
        expect([[], ['persistent'], ['volatile'], ['persistent', 'volatile']]).toContainEqual(targets);
      }),
    );
  });

  it('touches nothing that is to be left, and nothing that is blocked', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { steps, blocked } = planFlags(input);
        if (input.locked === 'leave') expect([...steps, ...blocked]).toEqual([]);
        for (const { target } of steps) expect(isFolder(input.observed[target])).toBe(false);
      }),
    );
  });

  it('removes the volatile flag only where the persistent one goes before it', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { steps } = planFlags(input);
        const removed = steps.filter(({ kind }) => kind === 'remove').map(({ target }) => target);
        if (!removed.includes('volatile')) return;
        expect(removed.includes('persistent') || input.observed.persistent.state === 'absent').toBe(true);
      }),
    );
  });

  it('makes durable, or writes anew, the persistent flag of a generation that is not confirmed', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        fc.pre(
          input.locked !== 'leave' &&
            input.durability !== 'confirmed' &&
            !isFolder(input.observed.persistent),
        );
        expect(planFlags(input).steps.map(({ target }) => target)).toContain('persistent');
      }),
    );
  });
});
