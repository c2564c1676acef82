import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRecallUncertain, type RecallInput, recall } from '../../node-agent/recall.ts';
import type { KnownSpec } from '../../reconcilers/copy/known-spec.ts';
import type { CopyState } from '../../reconcilers/copy/spec-copies.ts';
import type { ObservedFlag } from '../../reconcilers/flags/flag-files.ts';
import {
  A_FOLDER,
  A_LINK,
  ABSENT,
  both,
  flagOf,
  HAND_MADE,
  UNKNOWN,
  UNREAD,
} from '../support/fake-flag-files.ts';
import { CORRUPT, copies, copyOf, NO_COPY, UNREADABLE } from '../support/fake-spec-copies.ts';

const unlocked = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: false, servicesEnabled: true },
});
const locked = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: true, servicesEnabled: false },
});
const twice = (copy: CopyState) => copies(copy, copy);

const nothing: RecallInput = { copies: twice(NO_COPY), flags: both(ABSENT), trace: false };

interface Row {
  readonly what: string;
  readonly change: Partial<RecallInput>;
  /** `remembered 7`, `flags 7`, `fresh-install`, `nothing`. */
  readonly basis: string;
}

const rows: readonly Row[] = [
  {
    what: 'rule 2: both copies',
    change: { copies: twice(copyOf(unlocked(7))), trace: true },
    basis: 'remembered 7',
  },
  {
    what: 'rule 2: one copy',
    change: { copies: copies(NO_COPY, copyOf(unlocked(7))) },
    basis: 'remembered 7',
  },
  {
    what: 'rule 2: one copy beside a corrupt one',
    change: { copies: copies(CORRUPT, copyOf(unlocked(7))) },
    basis: 'remembered 7',
  },
  {
    what: 'rule 2: two generations: the higher',
    change: { copies: copies(copyOf(unlocked(8)), copyOf(locked(7))) },
    basis: 'remembered 8',
  },
  {
    what: 'rule 2: two generations the other way round: the higher',
    change: { copies: copies(copyOf(locked(7)), copyOf(unlocked(8))) },
    basis: 'remembered 8',
  },
  {
    what: 'rule 2: a copy and flags of its generation',
    change: { copies: twice(copyOf(locked(7))), flags: both(flagOf(7)) },
    basis: 'remembered 7',
  },
  {
    what: 'rule 2: an unlock that was acknowledged no flag of an older lock undoes',
    change: { copies: twice(copyOf(unlocked(7))), flags: { persistent: ABSENT, volatile: flagOf(6) } },
    basis: 'remembered 7',
  },
  {
    what: 'rule 2: a copy and flags made by hand, which are removed then',
    change: { copies: twice(copyOf(unlocked(7))), flags: both(HAND_MADE) },
    basis: 'remembered 7',
  },
  {
    what: 'a persistent flag newer than the copy: only that the host is locked',
    change: { copies: twice(copyOf(unlocked(7))), flags: { persistent: flagOf(8), volatile: ABSENT } },
    basis: 'flags 8',
  },
  {
    what: 'F9, rule 3: both flags, no copy',
    change: { flags: both(flagOf(8)), trace: true },
    basis: 'flags 8',
  },
  {
    what: 'F9, rule 3: the volatile flag alone',
    change: { flags: { persistent: ABSENT, volatile: HAND_MADE } },
    basis: 'flags 0',
  },
  {
    what: 'F9, rule 3: the persistent flag alone',
    change: { flags: { persistent: HAND_MADE, volatile: ABSENT } },
    basis: 'flags 0',
  },
  {
    what: 'F9, rule 3: a flag beside two corrupt copies',
    change: { copies: twice(CORRUPT), flags: both(flagOf(8)), trace: true },
    basis: 'flags 8',
  },
  { what: 'F4, rule 4: no copy, no flag, no trace', change: {}, basis: 'fresh-install' },
  {
    what: 'rule 4: a link where a flag should be is no flag',
    change: { flags: { persistent: A_LINK, volatile: ABSENT } },
    basis: 'fresh-install',
  },
  { what: 'F9, rule 5: no copy, no flag, but a trace', change: { trace: true }, basis: 'nothing' },
  { what: 'rule 5: two corrupt copies', change: { copies: twice(CORRUPT), trace: true }, basis: 'nothing' },
  { what: 'rule 5: copies that cannot be read', change: { copies: twice(UNREADABLE) }, basis: 'nothing' },
  { what: 'rule 5: flags that cannot be looked at', change: { flags: both(A_FOLDER) }, basis: 'nothing' },
];

const describeBasis = (input: RecallInput): string => {
  const basis = recall(input);
  switch (basis.source) {
    case 'remembered':
      return `remembered ${basis.known.generation}`;
    case 'flags':
      return `flags ${basis.generation}`;
    default:
      return basis.source;
  }
};

describe('recall', () => {
  it.each(rows)('$what', ({ change, basis }) => {
    expect(describeBasis({ ...nothing, ...change })).toBe(basis);
  });

  it.each([UNKNOWN, UNREAD])('is not certain of a copy beside a flag that may say more: %o', (persistent) => {
    const input = { ...nothing, copies: twice(copyOf(unlocked(7))), flags: { persistent, volatile: ABSENT } };
    expect(recall(input)).toMatchObject({ source: 'remembered', certain: false });
  });

  it('keeps the spec of the copy that it believes', () => {
    const mixed = { ...nothing, copies: copies(copyOf(unlocked(8)), copyOf(locked(7))) };
    expect(recall(mixed)).toMatchObject({ source: 'remembered', known: unlocked(8) });
  });

  const copy = fc.oneof(
    fc.constantFrom(NO_COPY, CORRUPT, UNREADABLE),
    fc.integer({ min: 1, max: 5 }).map((generation) => copyOf(unlocked(generation))),
  );
  const flag: fc.Arbitrary<ObservedFlag> = fc.oneof(
    fc.constantFrom(ABSENT, HAND_MADE, A_LINK, A_FOLDER, UNKNOWN, UNREAD),
    fc.integer({ min: 0, max: 5 }).map(flagOf),
  );
  const anything: fc.Arbitrary<RecallInput> = fc.record({
    copies: fc.tuple(copy, copy).map(([a, b]) => copies(a, b)),
    flags: fc.record({ persistent: flag, volatile: flag }),
    trace: fc.boolean(),
  });

  it('I4: takes a host for a fresh install only where nothing at all is found, and everything could be looked at', () => {
    fc.assert(
      fc.property(anything, (input) => {
        if (recall(input).source !== 'fresh-install') return;
        expect(input.trace).toBe(false);
        for (const flag of Object.values(input.flags)) expect(['absent', 'obstructed']).toContain(flag.state);
        for (const copy of Object.values(input.copies)) expect(['absent', 'corrupt']).toContain(copy.state);
      }),
    );
  });

  it('I1: falls back on nothing older than what a copy or a flag says', () => {
    fc.assert(
      fc.property(anything, (input) => {
        const basis = recall(input);
        const generation =
          basis.source === 'remembered'
            ? basis.known.generation
            : basis.source === 'flags'
              ? basis.generation
              : 0;
        for (const copy of Object.values(input.copies)) {
          if (copy.state === 'valid') expect(generation).toBeGreaterThanOrEqual(copy.known.generation);
        }
        for (const flag of Object.values(input.flags)) {
          const said = flag.state === 'present' ? flag.generation : null;
          if (typeof said === 'number') expect(generation).toBeGreaterThanOrEqual(said);
        }
      }),
    );
  });
});

describe('isRecallUncertain', () => {
  it.each<[string, Partial<RecallInput>, boolean]>([
    ['copies that cannot be read', { copies: twice(UNREADABLE) }, true],
    ['one that cannot be read and one that is gone', { copies: copies(UNREADABLE, NO_COPY) }, true],
    ['a copy', { copies: copies(UNREADABLE, copyOf(locked(7))) }, false],
    ['corrupt copies: they stay so', { copies: twice(CORRUPT) }, false],
    ['nothing', {}, false],
    ['a flag that cannot be looked at', { flags: { persistent: UNKNOWN, volatile: ABSENT } }, true],
    ['a flag that cannot be read', { flags: { persistent: UNREAD, volatile: ABSENT } }, true],
    ['a folder where a flag should be: it stays so', { flags: both(A_FOLDER) }, false],
  ])('with %s', (_what, change, expected) => {
    expect(isRecallUncertain({ ...nothing, ...change })).toBe(expected);
  });
});
