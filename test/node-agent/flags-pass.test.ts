import { describe, expect, it } from 'vitest';
import { FlagsPass } from '../../node-agent/flags-pass.ts';
import { Knowledge } from '../../node-agent/knowledge.ts';
import { CopyReconciler } from '../../reconcilers/copy/copy-reconciler.ts';
import type { KnownSpec } from '../../reconcilers/copy/known-spec.ts';
import { FlagsReconciler } from '../../reconcilers/flags/flags-reconciler.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { A_FOLDER, ABSENT, both, FakeFlagFiles, flagOf } from '../support/fake-flag-files.ts';
import { copies, copyOf, FakeSpecCopies } from '../support/fake-spec-copies.ts';

const lock = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: true, servicesEnabled: false },
});
const unlock = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: false, servicesEnabled: true },
});

/** A host that a controller has just told the first thing it knows. */
function setUp(told: KnownSpec, flags = both(ABSENT)) {
  const clock = new FakeClock();
  const knowledge = new Knowledge({ source: 'nothing' });
  const copyFiles = new FakeSpecCopies();
  const flagFiles = new FakeFlagFiles(flags);
  /** Copies and flags, in the order in which they were changed. */
  const order: string[] = [];
  /** Generations of which drafts were begun. */
  const drafted: number[] = [];
  const remember = copyFiles.write.bind(copyFiles);
  copyFiles.write = async (copy, known) => {
    await remember(copy, known);
    order.push(`write ${copy}`);
  };
  const create = flagFiles.create.bind(flagFiles);
  flagFiles.create = async (flag, content) => {
    await create(flag, content);
    order.push(`create ${flag} of ${content.generation}`);
  };
  const pass = new FlagsPass({
    knowledge,
    copies: new CopyReconciler(copyFiles),
    flags: new FlagsReconciler(flagFiles),
    clock,
    copyCheckIntervalMs: 5_000,
    onRemembered: () => order.push('remembered'),
    onFound: () => order.push('found'),
    onCopiesLate: () => order.push('late'),
    drafts: {
      begin: ({ generation }) => drafted.push(generation),
      discard: async () => {
        order.push('discard');
      },
    },
  });
  knowledge.offer(told);
  return { clock, knowledge, copyFiles, flagFiles, order, drafted, pass };
}

/** The copies' folder is synced only once that is released. */
function holdSettle(copyFiles: FakeSpecCopies) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const settle = copyFiles.settle.bind(copyFiles);
  copyFiles.settle = async () => {
    reached.resolve();
    await released.promise;
    await settle();
  };
  return { isReached: reached.promise, release: () => released.resolve() };
}

/** Begins a pass whose copies hang, and goes on when its flags are made. */
async function runToTheFlags({
  copyFiles,
  order,
  pass,
}: Pick<ReturnType<typeof setUp>, 'copyFiles' | 'order' | 'pass'>) {
  const held = holdSettle(copyFiles);
  const running = pass.run();
  await expect.poll(() => order).toContain('create volatile of 7');
  return { held, running };
}

describe('FlagsPass', () => {
  it('makes the copies and the flags of a lock at once, and acknowledges it when both are done', async () => {
    const { copyFiles, flagFiles, order, pass } = setUp(lock(7));
    const { held, running } = await runToTheFlags({ copyFiles, order, pass });
    expect(flagFiles.now).toEqual(both(flagOf(7)));
    expect(order).not.toContain('remembered');
    expect(pass.acknowledged).toBe(0);
    held.release();
    expect((await running).kind).toBe('settled');
    expect(order.slice(-2)).toEqual(['remembered', 'discard']);
    expect(pass.acknowledged).toBe(7);
  });

  it('I2: ends in time without copies whose disk hangs, keeps the flags meanwhile, and acknowledges once they are there', async () => {
    const { clock, copyFiles, flagFiles, knowledge, order, pass } = setUp(lock(7));
    const { held, running } = await runToTheFlags({ copyFiles, order, pass });
    await clock.advance(500);
    expect(await running).toMatchObject({
      kind: 'settled',
      sentence: expect.stringMatching(/^generation 7 is not remembered yet/),
    });
    expect(pass.view).toMatchObject({ desired: { generation: 7 }, remembered: false, isDiskSilent: true });
    const written = copyFiles.deeds.length;
    flagFiles.set('volatile', ABSENT);
    // It neither waits for them nor begins them a second time.
    expect(await pass.run()).toMatchObject({ kind: 'settled' });
    expect([flagFiles.now, copyFiles.deeds.length]).toEqual([both(flagOf(7)), written]);
    expect([knowledge.isRemembered, pass.acknowledged]).toEqual([false, 0]);
    expect(order).not.toContain('discard');
    held.release();
    await expect.poll(() => order.slice(-3)).toEqual(['remembered', 'discard', 'late']);
    expect(pass.acknowledged).toBe(0);
    flagFiles.deeds.length = 0;
    await pass.run();
    // I8: what was durable a while ago may have been replaced unseen.
    expect([flagFiles.deeds, pass.acknowledged]).toEqual([['confirm persistent'], 7]);
    expect(pass.view).toMatchObject({ remembered: true, isDiskSilent: false });
  });

  it('I1: begins no unlock while the disk of its copies hangs, and keeps the flags that are there', async () => {
    const { clock, copyFiles, flagFiles, knowledge, order, pass } = setUp(lock(7));
    await pass.run();
    knowledge.offer(unlock(8));
    const held = holdSettle(copyFiles);
    const running = pass.run();
    await held.isReached;
    flagFiles.set('volatile', ABSENT);
    await clock.advance(500);
    await running;
    expect(flagFiles.now.volatile.state).toBe('present');
    expect(pass.view).toMatchObject({ desired: { generation: 8, locked: true }, remembered: false });
    held.release();
    await expect.poll(() => order.at(-1)).toBe('late');
    await pass.run();
    expect([flagFiles.now, pass.acknowledged]).toEqual([both(ABSENT), 8]);
  });

  it('I6: remembers what was told meanwhile only when the disk answers again', async () => {
    const { clock, copyFiles, flagFiles, knowledge, order, pass } = setUp(unlock(7));
    const held = holdSettle(copyFiles);
    const running = pass.run();
    await held.isReached;
    await clock.advance(500);
    await running;
    knowledge.offer(lock(8));
    const written = copyFiles.deeds.length;
    await pass.run();
    // A lock is applied all the same.
    expect([flagFiles.now, copyFiles.deeds.length]).toEqual([both(flagOf(8)), written]);
    held.release();
    await expect.poll(() => order.at(-1)).toBe('late');
    expect([knowledge.isRemembered, pass.acknowledged]).toEqual([false, 0]);
    await pass.run();
    expect(copyFiles.now).toEqual(copies(copyOf(lock(8)), copyOf(lock(8))));
    expect(pass.acknowledged).toBe(8);
  });

  it('I2: keeps flags while a disk hangs on which the copies are only looked at', async () => {
    const { clock, copyFiles, flagFiles, pass } = setUp(lock(7));
    await pass.run();
    await clock.advance(5_000);
    const observe = copyFiles.observe.bind(copyFiles);
    const released = Promise.withResolvers<void>();
    copyFiles.observe = async () => {
      await released.promise;
      return observe();
    };
    const running = pass.run();
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(500);
    expect(await running).toMatchObject({ kind: 'settled' });
    flagFiles.set('persistent', ABSENT);
    await pass.run();
    expect(flagFiles.now).toEqual(both(flagOf(7)));
    expect(pass.view?.remembered).toBe(true);
    released.resolve();
  });

  it('I1: removes no flag before the copies of an unlock are durable', async () => {
    const { copyFiles, flagFiles, knowledge, order, pass } = setUp(lock(7));
    await pass.run();
    order.length = 0;
    knowledge.offer(unlock(8));
    const held = holdSettle(copyFiles);
    const running = pass.run();
    await held.isReached;
    await new Promise((resolve) => setImmediate(resolve));
    expect(flagFiles.now).toEqual(both(flagOf(7)));
    held.release();
    await running;
    expect(order).toEqual(['write desired-a.json', 'write desired-b.json', 'remembered', 'discard']);
    expect(flagFiles.now).toEqual(both(ABSENT));
    expect(pass.acknowledged).toBe(8);
  });

  it('I8: acknowledges no flags that were looked at long before the copies were done, before it looked again', async () => {
    const { clock, copyFiles, flagFiles, order, pass } = setUp(lock(7));
    const { held, running } = await runToTheFlags({ copyFiles, order, pass });
    // The disk of the copies hangs, and somebody removes a flag meanwhile.
    await clock.advance(101);
    flagFiles.set('persistent', ABSENT);
    held.release();
    expect(await running).toMatchObject({ kind: 'look-again', afterMs: 1 });
    expect([pass.acknowledged, pass.view?.remembered]).toEqual([0, true]);
    flagFiles.deeds.length = 0;
    expect((await pass.run()).kind).toBe('settled');
    expect([pass.acknowledged, flagFiles.deeds]).toEqual([7, ['create persistent']]);
  });

  it('I8: confirms flags that were looked at long before the copies were done, though they seem untouched', async () => {
    const { clock, copyFiles, flagFiles, order, pass } = setUp(lock(7));
    const { held, running } = await runToTheFlags({ copyFiles, order, pass });
    await clock.advance(101);
    held.release();
    await running;
    flagFiles.deeds.length = 0;
    await pass.run();
    await pass.run();
    expect([pass.acknowledged, flagFiles.deeds]).toEqual([7, ['confirm persistent']]);
  });

  it('I1: acknowledges nothing that was told in the middle of a pass', async () => {
    for (const told of [lock(8), unlock(8)]) {
      const { copyFiles, knowledge, pass } = setUp(unlock(7));
      await pass.run();
      expect(pass.acknowledged).toBe(7);
      const running = pass.run();
      knowledge.offer(told);
      await running;
      expect(pass.acknowledged).toBe(7);
      expect(copyFiles.now).toEqual(copies(copyOf(unlock(7)), copyOf(unlock(7))));
    }
  });

  it('I5: takes what a copy says that could not be read before, over what a store that went back told', async () => {
    const known = lock(7);
    const { copyFiles, flagFiles, knowledge, order, pass } = setUp(unlock(3), both(flagOf(7)));
    copyFiles.set('desired-b.json', copyOf(known));
    await pass.run();
    expect([order, copyFiles.deeds]).toEqual([['found', 'discard'], []]);
    expect([knowledge.generation, pass.acknowledged]).toEqual([7, 0]);
    await pass.run();
    expect([knowledge.source, pass.acknowledged]).toEqual(['remembered', 7]);
    expect(copyFiles.now).toEqual(copies(copyOf(known), copyOf(known)));
    expect(flagFiles.now).toEqual(both(flagOf(7)));
  });

  it('ends only when both halves of a lock have ended, also when one of them throws', async () => {
    const { copyFiles, flagFiles, pass } = setUp(lock(7));
    flagFiles.observe = () => Promise.reject(new Error('a broken adapter'));
    const held = holdSettle(copyFiles);
    let isOver = false;
    const running = pass.run().finally(() => {
      isOver = true;
    });
    running.catch(() => {});
    await held.isReached;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    held.release();
    await expect(running).rejects.toThrow('a broken adapter');
  });

  it('desires the whole of a lock once it is remembered: its services may be enabled', async () => {
    const { pass } = setUp({ generation: 7, spec: { locked: true, servicesEnabled: true } });
    await pass.run();
    expect(pass.view).toMatchObject({ remembered: true, desired: { generation: 7, servicesEnabled: true } });
  });

  it('begins the drafts of what a controller told before it looks, and once, however often it is tried', async () => {
    const { copyFiles, drafted, knowledge, order, pass } = setUp(lock(7));
    const observe = copyFiles.observe.bind(copyFiles);
    copyFiles.observe = () => {
      expect(drafted).toEqual([7]);
      return observe();
    };
    copyFiles.failing.add('settle');
    await pass.run();
    await pass.run();
    copyFiles.failing.clear();
    await pass.run();
    await pass.run();
    expect(drafted).toEqual([7]);
    expect(order.filter((deed) => deed === 'discard')).toHaveLength(4);
    copyFiles.observe = observe;
    knowledge.offer(unlock(8));
    await pass.run();
    expect(drafted).toEqual([7, 8]);
  });

  it('begins no draft of what it remembers from an earlier life: it may have nothing to write', async () => {
    const drafted: number[] = [];
    const copyFiles = new FakeSpecCopies(copies(copyOf(lock(7)), copyOf(lock(7))));
    const pass = new FlagsPass({
      knowledge: new Knowledge({ source: 'remembered', known: lock(7), flagged: true, certain: true }),
      copies: new CopyReconciler(copyFiles),
      flags: new FlagsReconciler(new FakeFlagFiles(both(flagOf(7)))),
      clock: new FakeClock(),
      copyCheckIntervalMs: 5_000,
      onRemembered: () => {},
      onFound: () => expect.unreachable(),
      onCopiesLate: () => expect.unreachable(),
      drafts: { begin: ({ generation }) => drafted.push(generation), discard: async () => {} },
    });
    await pass.run();
    expect([pass.acknowledged, drafted]).toEqual([7, []]);
  });

  it('discards what nobody took also when the pass throws', async () => {
    const { copyFiles, order, pass } = setUp(lock(7));
    copyFiles.observe = () => Promise.reject(new Error('a broken adapter'));
    await expect(pass.run()).rejects.toThrow('a broken adapter');
    expect(order.at(-1)).toBe('discard');
  });

  it('I1: acknowledges nothing while a copy cannot be written, and tries again', async () => {
    const { copyFiles, flagFiles, pass } = setUp(lock(7));
    copyFiles.failing.add('write desired-b.json');
    expect(await pass.run()).toMatchObject({
      kind: 'retry',
      sentence: expect.stringContaining('generation 7 cannot be remembered: write desired-b.json'),
    });
    expect(flagFiles.now).toEqual(both(flagOf(7)));
    expect(pass.acknowledged).toBe(0);
    copyFiles.failing.clear();
    await pass.run();
    expect(pass.acknowledged).toBe(7);
  });

  it('I8: makes the flag durable once more when its generation comes to be acknowledged late', async () => {
    const { copyFiles, flagFiles, pass } = setUp(lock(7));
    copyFiles.failing.add('settle');
    await pass.run();
    // Replaced by hand since, unseen and unsynced: it looks as it did.
    flagFiles.deeds.length = 0;
    copyFiles.failing.clear();
    await pass.run();
    expect([flagFiles.deeds, pass.acknowledged]).toEqual([['confirm persistent'], 7]);
    await pass.run();
    expect(flagFiles.deeds).toEqual(['confirm persistent']);
  });

  it('syncs no flag over and over while there is nothing to remember', async () => {
    const flagFiles = new FakeFlagFiles(both(ABSENT));
    const pass = new FlagsPass({
      knowledge: new Knowledge({ source: 'fresh-install' }),
      copies: new CopyReconciler(new FakeSpecCopies()),
      flags: new FlagsReconciler(flagFiles),
      clock: new FakeClock(),
      copyCheckIntervalMs: 5_000,
      onRemembered: () => {},
      onFound: () => expect.unreachable(),
      onCopiesLate: () => expect.unreachable(),
      drafts: { begin: () => expect.unreachable(), discard: async () => {} },
    });
    for (let time = 0; time < 3; time += 1) await pass.run();
    expect(flagFiles.deeds).toEqual(['create persistent', 'create volatile']);
  });

  it('begins no unlock while a copy cannot be written', async () => {
    const { knowledge, copyFiles, flagFiles, pass } = setUp(lock(7));
    await pass.run();
    knowledge.offer(unlock(8));
    copyFiles.failing.add('write desired-a.json');
    await pass.run();
    expect(flagFiles.now).toEqual(both(flagOf(7)));
    expect(pass.acknowledged).toBe(7);
    copyFiles.failing.clear();
    await pass.run();
    expect(flagFiles.now).toEqual(both(ABSENT));
    expect(pass.acknowledged).toBe(8);
  });

  it('I1: acknowledges nothing while a flag cannot be written, and tries again', async () => {
    const { flagFiles, pass } = setUp(lock(7));
    flagFiles.failing.add('create persistent');
    expect(await pass.run()).toMatchObject({ kind: 'retry' });
    expect(pass.acknowledged).toBe(0);
    flagFiles.failing.clear();
    await pass.run();
    expect(pass.acknowledged).toBe(7);
  });

  it('leaves what is blocked to a person, without trying over and over', async () => {
    const { pass } = setUp(lock(7), { persistent: A_FOLDER, volatile: ABSENT });
    expect(await pass.run()).toEqual({
      kind: 'settled',
      sentence: 'persistent flag is held: a folder stands there',
    });
    expect(pass.acknowledged).toBe(0);
  });

  it('looks again at once, and acknowledges nothing, when a flag was changed while it was corrected', async () => {
    const { flagFiles, pass } = setUp(lock(7));
    const create = flagFiles.create;
    let isRemovedAgain = true;
    flagFiles.create = async (flag, content) => {
      await create(flag, content);
      if (isRemovedAgain) flagFiles.set(flag, ABSENT);
    };
    expect(await pass.run()).toEqual({
      kind: 'look-again',
      afterMs: 1,
      sentence: 'the flags were changed while they were corrected',
    });
    expect(pass.view?.result.failures).toEqual([]);
    expect(pass.acknowledged).toBe(0);
    isRemovedAgain = false;
    expect(await pass.run()).toMatchObject({ kind: 'settled' });
    expect(pass.acknowledged).toBe(7);
  });

  it('backs a failed step off, although the flags were not as desired either', async () => {
    const { flagFiles, pass } = setUp(lock(7));
    flagFiles.failing.add('create volatile');
    expect(await pass.run()).toMatchObject({ kind: 'retry' });
  });

  it('tells of each of its looks at the flags, and of none at the copies', async () => {
    const { flagFiles, order, pass } = setUp(lock(7));
    await pass.run({ looking: () => order.push('looking') });
    expect(order.filter((deed) => !deed.startsWith('write') && deed !== 'remembered')).toEqual([
      'looking',
      'create persistent of 7',
      'create volatile of 7',
      'looking',
      'discard',
    ]);
    order.length = 0;
    flagFiles.set('volatile', ABSENT);
    await pass.run({ looking: () => order.push('looking') });
    expect(order).toEqual(['looking', 'create volatile of 7', 'looking', 'discard']);
  });

  it('keeps what it acknowledged when a flag is changed by hand', async () => {
    const { flagFiles, pass } = setUp(lock(7));
    await pass.run();
    flagFiles.set('volatile', A_FOLDER);
    await pass.run();
    expect(pass.acknowledged).toBe(7);
    expect(pass.view?.result.inSync).toBe(false);
  });

  it('looks at the copies at each resync, not at each event, and writes them anew if they are gone', async () => {
    const { clock, copyFiles, pass } = setUp(lock(7));
    await pass.run();
    copyFiles.set('desired-a.json', { state: 'absent' });
    await clock.advance(1_000);
    await pass.run();
    expect(copyFiles.now['desired-a.json'].state).toBe('absent');
    await clock.advance(4_000);
    await pass.run();
    expect(copyFiles.now['desired-a.json'].state).toBe('valid');
  });

  it('does not count the news that came while the copies of what was before were written', async () => {
    const { knowledge, copyFiles, flagFiles, pass } = setUp(lock(7));
    const write = copyFiles.write;
    copyFiles.write = async (copy, known) => {
      await write(copy, known);
      knowledge.offer(unlock(8));
    };
    await pass.run();
    expect(knowledge.isRemembered).toBe(false);
    expect(flagFiles.now.persistent.state).toBe('present');
    expect(pass.acknowledged).toBe(0);
  });

  it('says that nothing is to be done, and does nothing, while nothing is known', async () => {
    const clock = new FakeClock();
    const flagFiles = new FakeFlagFiles(both(ABSENT));
    const copyFiles = new FakeSpecCopies();
    const pass = new FlagsPass({
      knowledge: new Knowledge({ source: 'nothing' }),
      copies: new CopyReconciler(copyFiles),
      flags: new FlagsReconciler(flagFiles),
      clock,
      copyCheckIntervalMs: 5_000,
      onRemembered: () => {},
      onFound: () => expect.unreachable(),
      onCopiesLate: () => expect.unreachable(),
      drafts: { begin: () => expect.unreachable(), discard: async () => {} },
    });
    expect(await pass.run()).toEqual({
      kind: 'settled',
      sentence: 'flags are left as they are, as desired',
    });
    expect([flagFiles.deeds, copyFiles.deeds, pass.acknowledged]).toEqual([[], [], 0]);
  });
});
