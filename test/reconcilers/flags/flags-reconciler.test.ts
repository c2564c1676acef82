import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedFlags } from '../../../reconcilers/flags/flag-files.ts';
import { flagsAsDesired } from '../../../reconcilers/flags/flag-plan.ts';
import { type FlagsDesired, FlagsReconciler } from '../../../reconcilers/flags/flags-reconciler.ts';
import { describeStep } from '../../../reconcilers/loop/plan.ts';
import {
  A_FOLDER,
  A_LINK,
  ABSENT,
  both,
  FakeFlagFiles,
  FLAWED,
  type FlagDeed,
  flagOf,
  HAND_MADE,
} from '../../support/fake-flag-files.ts';

const wish = (locked: FlagsDesired['locked'], generation = 7): FlagsDesired => ({
  locked,
  content: { generation, since: undefined, reason: undefined },
});

function setUp(flags: ObservedFlags) {
  const files = new FakeFlagFiles(flags);
  return { files, reconciler: new FlagsReconciler(files) };
}

/** What a pass did to the files. */
async function deedsOf(files: FakeFlagFiles, pass: Promise<unknown>): Promise<readonly FlagDeed[]> {
  const before = files.deeds.length;
  await pass;
  return files.deeds.slice(before);
}

describe('FlagsReconciler', () => {
  it('I8: creates the persistent flag first', async () => {
    const { files, reconciler } = setUp(both(ABSENT));
    const result = await reconciler.reconcile(wish(true));
    expect(files.deeds).toEqual(['create persistent', 'create volatile']);
    expect(files.now).toEqual(both(flagOf(7)));
    expect(result.inSync).toBe(true);
  });

  it('I8: removes the persistent flag first', async () => {
    const { files, reconciler } = setUp(both(flagOf(6)));
    const result = await reconciler.reconcile(wish(false));
    expect(files.deeds).toEqual(['remove persistent', 'remove volatile']);
    expect(files.now).toEqual(both(ABSENT));
    expect(result.inSync).toBe(true);
  });

  it('creates the volatile flag although the persistent one fails, and is not in sync', async () => {
    const { files, reconciler } = setUp(both(ABSENT));
    files.failing.add('create persistent');
    const result = await reconciler.reconcile(wish(true));
    expect(files.now).toEqual({ persistent: ABSENT, volatile: flagOf(7) });
    expect(result.inSync).toBe(false);
    expect(result.failures.map(({ step }) => describeStep(step))).toEqual([
      'create persistent: the host is locked and the flag is missing',
    ]);
    expect(result.done.map(({ target }) => target)).toEqual(['volatile']);
  });

  it('leaves the volatile flag while the persistent one cannot be removed', async () => {
    const { files, reconciler } = setUp(both(flagOf(6)));
    files.failing.add('remove persistent');
    const result = await reconciler.reconcile(wish(false));
    expect(files.now).toEqual(both(flagOf(6)));
    expect(result.inSync).toBe(false);
    files.failing.clear();
    expect((await reconciler.reconcile(wish(false))).inSync).toBe(true);
    expect(files.now).toEqual(both(ABSENT));
  });

  it('leaves the volatile flag while the removal of the persistent one is not known to be on the disk', async () => {
    const { files, reconciler } = setUp({ persistent: ABSENT, volatile: flagOf(6) });
    files.failing.add('confirm persistent');
    const result = await reconciler.reconcile(wish(false));
    expect(files.now.volatile).toEqual(flagOf(6));
    expect(result.inSync).toBe(false);
  });

  it('is not in sync while a folder stands in the place of a flag', async () => {
    const { files, reconciler } = setUp({ persistent: A_FOLDER, volatile: ABSENT });
    const result = await reconciler.reconcile(wish(true));
    expect(result.inSync).toBe(false);
    expect(result.plan.blocked.map(({ target }) => target)).toEqual(['persistent flag']);
    expect(files.now).toEqual({ persistent: A_FOLDER, volatile: flagOf(7) });
  });

  it('confirms once for each generation, and reads the contents no more after that', async () => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual(['confirm persistent']);
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual([]);
    expect(files.contentReads).toBe(1);
    expect(await deedsOf(files, reconciler.reconcile(wish(true, 8)))).toEqual([
      'create persistent',
      'create volatile',
    ]);
    expect(await deedsOf(files, reconciler.reconcile(wish(true, 8)))).toEqual([]);
  });

  it('writes the persistent flag anew after a failure: a later sync of the same data may only seem to work', async () => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    await reconciler.reconcile(wish(true));
    files.set('persistent', ABSENT);
    files.failing.add('create persistent');
    files.failsAfterEffect = true;
    expect((await reconciler.reconcile(wish(true))).inSync).toBe(false);
    files.failing.clear();
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual(['create persistent']);
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual([]);
  });

  it('is not in sync with a flag that was blocked when it was looked at, until the next look', async () => {
    const { files, reconciler } = setUp({ persistent: A_FOLDER, volatile: ABSENT });
    const create = files.create.bind(files);
    files.create = async (flag, content) => {
      await create(flag, content);
      files.set('persistent', HAND_MADE);
    };
    expect((await reconciler.reconcile(wish(true))).inSync).toBe(false);
    files.create = create;
    expect((await reconciler.reconcile(wish(true))).inSync).toBe(true);
    expect(files.now).toEqual(both(flagOf(7)));
  });

  it('confirms anew when the same generation turns out to want the opposite', async () => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    await reconciler.reconcile(wish(true));
    expect(await deedsOf(files, reconciler.reconcile(wish(false)))).toEqual([
      'remove persistent',
      'remove volatile',
    ]);
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual([
      'create persistent',
      'create volatile',
    ]);
  });

  it('mends drift after a confirmation without confirming again', async () => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    await reconciler.reconcile(wish(true));
    files.set('volatile', ABSENT);
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual(['create volatile']);
    expect(await deedsOf(files, reconciler.reconcile(wish(true)))).toEqual([]);
  });

  it('F3: makes a flawed flag anew, and is not in sync before', async () => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    await reconciler.reconcile(wish(true));
    files.set('volatile', FLAWED);
    expect(flagsAsDesired(true, await reconciler.look())).toBe(false);
    expect((await reconciler.reconcile(wish(true))).inSync).toBe(true);
    expect(files.now).toEqual(both(flagOf(7)));
  });

  it('F3: calls it a failure when a flag that was made anew is as flawed as before', async () => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    await reconciler.reconcile(wish(true));
    files.set('persistent', FLAWED);
    const create = files.create.bind(files);
    files.create = async (flag, content) => {
      await create(flag, content);
      files.set('persistent', FLAWED);
    };
    const result = await reconciler.reconcile(wish(true));
    expect([result.inSync, result.done]).toEqual([false, []]);
    expect(result.failures).toMatchObject([
      { step: { target: 'persistent' }, error: { message: 'the flag is flawed all the same' } },
    ]);
    files.create = create;
    expect((await reconciler.reconcile(wish(true))).inSync).toBe(true);
  });

  it('reports what it sees after its steps, not what it meant to do', async () => {
    const { files, reconciler } = setUp(both(ABSENT));
    files.create = async () => {};
    const result = await reconciler.reconcile(wish(true));
    expect(result.observed).toEqual(both(ABSENT));
    expect(result.inSync).toBe(false);
  });

  it('I4: touches nothing that is to be left', async () => {
    for (const flags of [both(ABSENT), both(HAND_MADE), { persistent: A_LINK, volatile: A_FOLDER }]) {
      const { files, reconciler } = setUp(flags);
      expect((await reconciler.reconcile(wish('leave', 0))).inSync).toBe(true);
      expect(files.deeds).toEqual([]);
    }
  });

  it.each([
    { what: 'nothing is to be done', flags: both(flagOf(7)), sequence: ['looking', 'look'] },
    {
      what: 'a flag is to be made',
      flags: { persistent: flagOf(7), volatile: ABSENT },
      sequence: ['looking', 'look', 'create volatile', 'looking', 'look'],
    },
    {
      what: 'a step fails',
      flags: { persistent: flagOf(7), volatile: ABSENT },
      failing: 'create volatile',
      sequence: ['looking', 'look', 'create volatile', 'looking', 'look'],
    },
    {
      what: 'all that is there is blocked',
      flags: both(A_FOLDER),
      sequence: ['looking', 'look'],
    },
  ] as const)('says so right before each look: $what', async ({ flags, sequence, ...given }) => {
    const { files, reconciler } = setUp(both(flagOf(7)));
    await reconciler.reconcile(wish(true));
    files.set('persistent', flags.persistent);
    files.set('volatile', flags.volatile);
    if ('failing' in given) files.failing.add(given.failing);
    const order: string[] = [];
    const observe = files.observe.bind(files);
    files.observe = (how) => {
      order.push('look');
      return observe(how);
    };
    const create = files.create.bind(files);
    files.create = (flag, content) => {
      order.push(`create ${flag}`);
      return create(flag, content);
    };
    await reconciler.reconcile(wish(true), () => order.push('looking'));
    expect(order).toEqual(sequence);
  });

  it('plans in a dry run what a pass then does, and changes nothing', async () => {
    const { files, reconciler } = setUp(both(ABSENT));
    const dry = await reconciler.dryRun(wish(true));
    expect(files.deeds).toEqual([]);
    expect((await reconciler.reconcile(wish(true))).plan).toEqual(dry);
  });
});

const deeds: readonly FlagDeed[] = [
  'create persistent',
  'create volatile',
  'remove persistent',
  'remove volatile',
  'confirm persistent',
];

describe('FlagsReconciler, whatever fails', () => {
  it('is in sync only when it is, and converges in two passes once nothing fails', async () => {
    const flag = fc.constantFrom(ABSENT, HAND_MADE, FLAWED, A_LINK, flagOf(3), flagOf(7));
    const world = fc.record({
      flags: fc.record({ persistent: flag, volatile: flag }),
      locked: fc.boolean(),
      failures: fc.array(fc.subarray([...deeds]), { maxLength: 5 }),
      failsAfterEffect: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ flags, locked, failures, failsAfterEffect }) => {
        const { files, reconciler } = setUp(flags);
        files.failsAfterEffect = failsAfterEffect;
        for (const failing of failures) {
          files.failing.clear();
          for (const deed of failing) files.failing.add(deed);
          const result = await reconciler.reconcile(wish(locked));
          if (result.inSync) expect(flagsAsDesired(locked, files.now)).toBe(true);
          if (!locked && files.now.volatile.state === 'absent' && flags.volatile.state !== 'absent') {
            expect(files.now.persistent.state).toBe('absent');
          }
        }
        files.failing.clear();
        await reconciler.reconcile(wish(locked));
        const last = await reconciler.reconcile(wish(locked));
        expect(last.inSync).toBe(true);
        expect(last.plan.steps).toEqual([]);
      }),
    );
  });
});
