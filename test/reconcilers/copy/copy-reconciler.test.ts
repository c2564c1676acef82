import { describe, expect, it } from 'vitest';
import { CopyReconciler, type CopyResult } from '../../../reconcilers/copy/copy-reconciler.ts';
import type { KnownSpec } from '../../../reconcilers/copy/known-spec.ts';
import type { CopyName } from '../../../reconcilers/copy/spec-copies.ts';
import { describeStep } from '../../../reconcilers/loop/plan.ts';
import { CORRUPT, copies, copyOf, FakeSpecCopies, NO_COPY } from '../../support/fake-spec-copies.ts';

const known = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: true, servicesEnabled: false },
});

/** Copies whose writes end when the test says so. */
class SlowSpecCopies extends FakeSpecCopies {
  readonly #ends = new Map<string, (error: Error | undefined) => void>();

  get waiting(): readonly string[] {
    return [...this.#ends.keys()];
  }

  end(deed: string, error?: Error): void {
    this.#ends.get(deed)?.(error);
    this.#ends.delete(deed);
  }

  override write(copy: CopyName): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ends.set(`write ${copy}`, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  override settle(): Promise<void> {
    return new Promise((resolve) => this.#ends.set('settle', () => resolve()));
  }
}

const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve));

describe('CopyReconciler', () => {
  it('writes both copies, then settles their folder, and remembers only then', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    const result = await new CopyReconciler(files).reconcile(known(7));
    expect(files.deeds).toEqual(['write desired-a.json', 'write desired-b.json', 'settle']);
    expect(files.now).toEqual(copies(copyOf(known(7)), copyOf(known(7))));
    expect(result.remembered).toBe(true);
    expect(result.failure).toBeUndefined();
  });

  it('I5: touches nothing, and tells it, when a copy says more than what is to be remembered, until its own stood there once', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(8)), CORRUPT));
    const reconciler = new CopyReconciler(files);
    expect(await reconciler.reconcile(known(7))).toMatchObject({
      remembered: false,
      plan: { newer: known(8) },
    });
    expect(files.deeds).toEqual([]);
    expect(await reconciler.reconcile(known(8))).toMatchObject({
      remembered: true,
      plan: { newer: undefined },
    });
    files.set('desired-a.json', copyOf(known(9)));
    expect(await reconciler.reconcile(known(8))).toMatchObject({
      remembered: true,
      plan: { newer: undefined },
    });
    expect(files.now).toEqual(copies(copyOf(known(8)), copyOf(known(8))));
  });

  it('confirms the copies of an earlier life once, and then touches nothing', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(7)), copyOf(known(7))));
    const reconciler = new CopyReconciler(files);
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.deeds).toEqual(['confirm desired-a.json', 'confirm desired-b.json', 'settle']);
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.deeds).toHaveLength(3);
  });

  it('I1: remembers nothing while a copy that is there cannot be made durable', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(7)), copyOf(known(7))));
    const reconciler = new CopyReconciler(files);
    files.failing.add('confirm desired-a.json');
    expect((await reconciler.reconcile(known(7))).remembered).toBe(false);
    files.failing.clear();
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
  });

  it('writes both anew after a failed write: a later sync of the same data may only seem to work', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    const reconciler = new CopyReconciler(files);
    await reconciler.reconcile(known(6));
    files.failing.add('write desired-b.json');
    await reconciler.reconcile(known(7));
    files.set('desired-b.json', copyOf(known(7)));
    files.failing.clear();
    const before = files.deeds.length;
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.deeds.slice(before)).toEqual(['write desired-a.json', 'write desired-b.json', 'settle']);
  });

  it('has both copies under way at once, and waits for both before it settles, or tells of one that failed', async () => {
    const files = new SlowSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    const reconciler = new CopyReconciler(files);
    let result: CopyResult | undefined;
    void reconciler.reconcile(known(7)).then((ended) => {
      result = ended;
    });
    await expect.poll(() => files.waiting).toEqual(['write desired-a.json', 'write desired-b.json']);
    files.end('write desired-a.json', new Error('EIO: a'));
    await turnOfTheLoop();
    expect(result).toBeUndefined();
    files.end('write desired-b.json');
    await expect.poll(() => result?.remembered).toBe(false);
    expect(files.waiting).toEqual([]);
  });

  it.each([
    { failing: ['write desired-a.json'] as const, told: 'write desired-a.json: the copy holds generation 6' },
    { failing: ['write desired-b.json'] as const, told: 'write desired-b.json: the copy holds generation 6' },
    {
      failing: ['write desired-b.json', 'write desired-a.json'] as const,
      told: 'write desired-a.json: the copy holds generation 6',
    },
    {
      failing: ['settle'] as const,
      told: 'settle folder: a copy counts only once its place in the folder is on the disk',
    },
  ])('I1: remembers nothing, and tells the first failure, when these fail: $failing', async (row) => {
    const files = new FakeSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    for (const deed of row.failing) files.failing.add(deed);
    const reconciler = new CopyReconciler(files);
    const { remembered, failure } = await reconciler.reconcile(known(7));
    expect(remembered).toBe(false);
    expect(failure && describeStep(failure.step)).toBe(row.told);
    // Neither is settled when one was not written, and both are written anew.
    expect(files.deeds.includes('settle')).toBe(row.failing[0] === 'settle');
    files.failing.clear();
    const before = files.deeds.length;
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.deeds.slice(before)).toEqual(['write desired-a.json', 'write desired-b.json', 'settle']);
  });

  it('does not remember what is in one copy only, and tries the other again', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    files.failing.add('write desired-b.json');
    const reconciler = new CopyReconciler(files);
    expect((await reconciler.reconcile(known(7))).remembered).toBe(false);
    files.failing.clear();
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.now).toEqual(copies(copyOf(known(7)), copyOf(known(7))));
  });

  it('writes no copy where no trace can be left: it would pass for a fresh install once they are lost', async () => {
    const files = new FakeSpecCopies();
    files.trace = false;
    files.failing.add('leave-trace');
    expect((await new CopyReconciler(files).reconcile(known(7))).remembered).toBe(false);
    expect(files.deeds).toEqual(['leave-trace']);
  });

  it('keeps a corrupt copy aside before it writes it anew', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(7)), CORRUPT));
    await new CopyReconciler(files).reconcile(known(7));
    expect(files.deeds).toEqual([
      'set-aside desired-b.json',
      'confirm desired-a.json',
      'write desired-b.json',
      'settle',
    ]);
  });

  it('has nothing to do when nothing is known', async () => {
    const files = new FakeSpecCopies(copies(CORRUPT, NO_COPY));
    files.trace = false;
    expect((await new CopyReconciler(files).reconcile(undefined)).remembered).toBe(true);
    expect(files.deeds).toEqual([]);
  });

  it('plans in a dry run what a pass then does, and changes nothing', async () => {
    const files = new FakeSpecCopies();
    const reconciler = new CopyReconciler(files);
    const dry = await reconciler.dryRun(known(7));
    expect(files.deeds).toEqual([]);
    expect((await reconciler.reconcile(known(7))).plan).toEqual(dry);
  });
});
