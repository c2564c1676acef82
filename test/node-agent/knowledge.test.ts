import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Knowledge } from '../../node-agent/knowledge.ts';
import { type Basis, recall } from '../../node-agent/recall.ts';
import type { KnownSpec } from '../../reconcilers/copy/known-spec.ts';
import type { ObservedFlag } from '../../reconcilers/flags/flag-files.ts';
import { ABSENT, both, flagOf, UNREAD } from '../support/fake-flag-files.ts';
import { copies, copyOf, NO_COPY } from '../support/fake-spec-copies.ts';

const spec = (generation: number, locked: boolean, servicesEnabled: boolean): KnownSpec => ({
  generation,
  spec: { locked, servicesEnabled },
});
const lock = (generation: number) => spec(generation, true, false);
const unlock = (generation: number) => spec(generation, false, true);

const NOTHING: Basis = { source: 'nothing' };
const flagsOf = (generation: number): Basis => ({ source: 'flags', generation });

/** An agent that started on copies of this. */
function remembering(known: KnownSpec): Knowledge {
  const knowledge = new Knowledge(
    recall({ copies: copies(copyOf(known), copyOf(known)), flags: both(ABSENT), trace: true }),
  );
  knowledge.remembered(known.generation);
  return knowledge;
}

/** `locked true, enabled false, generation 7`. */
function wish({ desired }: Knowledge): string {
  return `locked ${desired.locked}, enabled ${desired.servicesEnabled}, generation ${desired.generation}`;
}

describe('what an agent starts from', () => {
  it.each<[string, Basis, string]>([
    [
      'flags alone: locked, services left as they are',
      flagsOf(7),
      'locked true, enabled leave, generation 7',
    ],
    [
      'a fresh install: locked, services left as they are',
      { source: 'fresh-install' },
      'locked true, enabled leave, generation 0',
    ],
    ['nothing: all left as it is', NOTHING, 'locked leave, enabled leave, generation 0'],
  ])('%s', (_what, basis, expected) => {
    expect(wish(new Knowledge(basis))).toBe(expected);
  });

  it('a copy: as it says', () => {
    expect(wish(remembering(unlock(7)))).toBe('locked false, enabled true, generation 7');
  });

  it('tells a controller what it remembers: a spec, a generation without one, or nothing at all', () => {
    expect(remembering(unlock(7)).remembers).toEqual({ generation: 7, spec: unlock(7).spec });
    expect(new Knowledge(flagsOf(7)).remembers).toEqual({ generation: 7, spec: null });
    expect(new Knowledge({ source: 'fresh-install' }).remembers).toBeNull();
    expect(new Knowledge(NOTHING).remembers).toBeNull();
  });

  it('a copy beside a flag that cannot be read: nothing of its unlock is begun until that is known', () => {
    const look = (persistent: ObservedFlag) =>
      recall({
        copies: copies(copyOf(unlock(7)), copyOf(unlock(7))),
        flags: { persistent, volatile: ABSENT },
        trace: true,
      });
    const knowledge = new Knowledge(look(UNREAD));
    knowledge.remembered(7);
    expect(knowledge.desired.locked).not.toBe(false);
    expect(knowledge.desired.servicesEnabled).toBe('leave');
    const newer = new Knowledge(look(UNREAD));
    newer.rebase(look(flagOf(8)));
    expect(wish(newer)).toBe('locked true, enabled leave, generation 8');
    knowledge.rebase(look(flagOf(6)));
    expect(wish(knowledge)).toBe('locked false, enabled true, generation 7');
  });

  it('takes a later look at the disk, but only while no controller has spoken', () => {
    const knowledge = new Knowledge(NOTHING);
    const found = recall({
      copies: copies(copyOf(unlock(7)), NO_COPY),
      flags: both(ABSENT),
      trace: true,
    });
    knowledge.rebase(found);
    expect(wish(knowledge)).toBe('locked false, enabled true, generation 7');
    knowledge.offer(lock(8));
    knowledge.rebase(found);
    expect(knowledge.generation).toBe(8);
  });
});

describe('what a controller says', () => {
  it.each<[string, Knowledge, KnownSpec, string]>([
    ['newer', remembering(lock(7)), unlock(8), 'accepted'],
    ['much newer', remembering(lock(7)), unlock(80), 'accepted'],
    ['known already', remembering(lock(7)), lock(7), 'confirmed'],
    ['I5: older', remembering(lock(7)), unlock(6), 'behind'],
    ['of the same generation with another spec', remembering(lock(7)), unlock(7), 'contradicts'],
    ['anything, to one who knows nothing', new Knowledge(NOTHING), unlock(1), 'accepted'],
    ['I5: older than the flags', new Knowledge(flagsOf(7)), unlock(6), 'behind'],
    ['the lock that the flags are of', new Knowledge(flagsOf(7)), lock(7), 'accepted'],
    [
      'an unlock of the generation that the flags are of',
      new Knowledge(flagsOf(7)),
      unlock(7),
      'contradicts',
    ],
    ['newer than the flags', new Knowledge(flagsOf(7)), unlock(8), 'accepted'],
  ])('%s', (_what, knowledge, offered, verdict) => {
    expect(knowledge.offer(offered)).toBe(verdict);
  });

  it('of generation 0 is not taken: that number means that no spec is known', () => {
    const knowledge = new Knowledge(NOTHING);
    expect(knowledge.offer(spec(0, true, true))).not.toBe('accepted');
    expect(wish(knowledge)).toBe('locked leave, enabled leave, generation 0');
  });

  it('is told back to a controller, remembered or not: it is the highest that is known', () => {
    const knowledge = remembering(lock(7));
    knowledge.offer(unlock(8));
    expect(knowledge.remembers).toEqual({ generation: 8, spec: unlock(8).spec });
  });
});

describe('what is to be so while the newest spec is not remembered', () => {
  it.each<[string, Knowledge, KnownSpec, string]>([
    [
      'a lock is applied, services are stopped',
      remembering(unlock(7)),
      lock(8),
      'locked true, enabled false, generation 8',
    ],
    [
      'an unlock is not begun, nor is a start',
      remembering(lock(7)),
      unlock(8),
      'locked true, enabled false, generation 8',
    ],
    [
      'a lock is applied, and services that it enables stay as they were',
      remembering(spec(7, false, false)),
      spec(8, true, true),
      'locked true, enabled false, generation 8',
    ],
    [
      'services are stopped, and the unlock that comes with it is not begun',
      remembering(spec(7, true, true)),
      spec(8, false, false),
      'locked true, enabled false, generation 8',
    ],
    [
      'what was left as it is stays so',
      new Knowledge(NOTHING),
      unlock(1),
      'locked leave, enabled leave, generation 1',
    ],
    ['a flag is left', new Knowledge(flagsOf(7)), unlock(8), 'locked true, enabled leave, generation 8'],
  ])('%s', (_what, knowledge, offered, expected) => {
    knowledge.offer(offered);
    expect(knowledge.isRemembered).toBe(false);
    expect(wish(knowledge)).toBe(expected);
    knowledge.remembered(offered.generation);
    const { locked, servicesEnabled } = offered.spec;
    expect(wish(knowledge)).toBe(
      `locked ${locked}, enabled ${servicesEnabled}, generation ${offered.generation}`,
    );
  });

  it('a chain of lock, unlock and lock is locked throughout', () => {
    const knowledge = remembering(unlock(7));
    for (const offered of [lock(8), unlock(9), lock(10), unlock(11)]) {
      knowledge.offer(offered);
      expect(wish(knowledge)).toBe(`locked true, enabled false, generation ${offered.generation}`);
    }
    knowledge.remembered(11);
    expect(wish(knowledge)).toBe('locked false, enabled true, generation 11');
  });

  it('a copy of an older generation that is on the disk at last changes nothing', () => {
    const knowledge = remembering(lock(7));
    knowledge.offer(unlock(8));
    knowledge.offer(unlock(9));
    knowledge.remembered(8);
    expect(knowledge.isRemembered).toBe(false);
    expect(wish(knowledge)).toBe('locked true, enabled false, generation 9');
  });

  it('I1: flags say which lock they are of, and never the generation of an unlock that is not begun', () => {
    const knowledge = remembering(lock(7));
    knowledge.offer(unlock(8));
    expect(knowledge.desired.lock.generation).toBe(7);
    const restarted = new Knowledge(
      recall({
        copies: copies(copyOf(lock(7)), copyOf(lock(7))),
        flags: both(flagOf(knowledge.desired.lock.generation)),
        trace: true,
      }),
    );
    expect(restarted.offer(unlock(8))).toBe('accepted');
  });
});

describe('whatever is said, in whatever order', () => {
  const offer = fc.record({
    generation: fc.integer({ min: 1, max: 6 }),
    locked: fc.boolean(),
    servicesEnabled: fc.boolean(),
    isRemembered: fc.boolean(),
  });
  const basis = fc.constantFrom<Basis[]>(NOTHING, { source: 'fresh-install' }, flagsOf(0), flagsOf(3));

  it('I5: generations never go backwards, and the same one never turns into another spec', () => {
    fc.assert(
      fc.property(basis, fc.array(offer, { maxLength: 20 }), (start, offers) => {
        const knowledge = new Knowledge(start);
        for (const { generation, locked, servicesEnabled, isRemembered } of offers) {
          const before = { generation: knowledge.generation, newest: knowledge.newest };
          const verdict = knowledge.offer(spec(generation, locked, servicesEnabled));
          expect(knowledge.generation).toBe(Math.max(before.generation, generation));
          if (verdict !== 'accepted') expect(knowledge.newest).toEqual(before.newest);
          if (knowledge.generation === before.generation && before.newest !== undefined) {
            expect(knowledge.newest).toEqual(before.newest);
          }
          if (isRemembered) knowledge.remembered(knowledge.generation);
        }
      }),
    );
  });

  it('a lock that was ever in hand holds until a newer unlock is remembered', () => {
    fc.assert(
      fc.property(fc.array(offer, { maxLength: 20 }), (offers) => {
        const knowledge = remembering(unlock(1));
        let holds = false;
        for (const { generation, locked, servicesEnabled, isRemembered } of offers) {
          const verdict = knowledge.offer(spec(generation + 1, locked, servicesEnabled));
          if (verdict === 'accepted' && locked) holds = true;
          if (isRemembered) knowledge.remembered(knowledge.generation);
          if (isRemembered && knowledge.newest?.spec.locked === false) holds = false;
          if (holds) expect(knowledge.desired.locked).toBe(true);
        }
      }),
    );
  });
});

describe('a copy that could not be read before', () => {
  it('I5: counts when it says more than what was told, and then what was told is behind', () => {
    const knowledge = new Knowledge(NOTHING);
    knowledge.offer(unlock(3));
    expect(knowledge.found(lock(7))).toBe(true);
    expect([knowledge.source, knowledge.generation, knowledge.isRemembered]).toEqual([
      'remembered',
      7,
      false,
    ]);
    expect(knowledge.desired.locked).toBe(true);
    expect(knowledge.offer(unlock(3))).toBe('behind');
    expect(knowledge.offer(unlock(8))).toBe('accepted');
  });

  it('I1: counts when it says the contrary at the same generation, also if that was remembered', () => {
    const knowledge = new Knowledge(NOTHING);
    knowledge.offer(unlock(7));
    knowledge.remembered(7);
    expect(knowledge.found(lock(7))).toBe(true);
    expect([knowledge.isRemembered, knowledge.desired.locked]).toEqual([false, true]);
    expect(knowledge.offer(unlock(7))).toBe('contradicts');
  });

  it('does not count when more is known by now', () => {
    const knowledge = new Knowledge(NOTHING);
    knowledge.offer(lock(9));
    expect(knowledge.found(unlock(8))).toBe(false);
    expect([knowledge.source, knowledge.generation]).toEqual(['controller', 9]);
  });
});
