import { describe, expect, it } from 'vitest';
import { CopyReconciler } from '../../../reconcilers/copy/copy-reconciler.ts';
import type { KnownSpec } from '../../../reconcilers/copy/known-spec.ts';
import { describeStep } from '../../../reconcilers/loop/plan.ts';
import { CORRUPT, copies, copyOf, FakeSpecCopies, NO_COPY } from '../../support/fake-spec-copies.ts';

const known = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: true, servicesEnabled: false },
});

describe('CopyReconciler', () => {
  it('writes one copy after the other, and remembers only when both hold it', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    const result = await new CopyReconciler(files).reconcile(known(7));
    expect(files.deeds).toEqual(['write desired-a.json', 'write desired-b.json']);
    expect(files.now).toEqual(copies(copyOf(known(7)), copyOf(known(7))));
    expect(result.remembered).toBe(true);
    expect(result.failure).toBeUndefined();
  });

  it('confirms the copies of an earlier life once, and then touches nothing', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(7)), copyOf(known(7))));
    const reconciler = new CopyReconciler(files);
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.deeds).toEqual(['confirm desired-a.json', 'confirm desired-b.json']);
    expect((await reconciler.reconcile(known(7))).remembered).toBe(true);
    expect(files.deeds).toHaveLength(2);
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
    expect(files.deeds.slice(before)).toEqual(['write desired-a.json', 'write desired-b.json']);
  });

  it('leaves the second copy when the first cannot be written: one of them is always the last good one', async () => {
    const files = new FakeSpecCopies(copies(copyOf(known(6)), copyOf(known(6))));
    files.failing.add('write desired-a.json');
    const result = await new CopyReconciler(files).reconcile(known(7));
    expect(files.deeds).toEqual(['write desired-a.json']);
    expect(result.remembered).toBe(false);
    expect(result.failure && describeStep(result.failure.step)).toBe(
      'write desired-a.json: the copy holds generation 6',
    );
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
      'confirm desired-a.json',
      'set-aside desired-b.json',
      'write desired-b.json',
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
