// What a manifest changes of a host: planApply and planRelease, by table.
import { describe, expect, it } from 'vitest';
import { type Application, planApply, planRelease } from '../../controller/manifest-change.ts';
import { noRecord, type Origin } from '../../controller/spec-change.ts';
import { LockstepError } from '../../desired-state/errors.ts';
import { ANNOTATIONS, type Spec } from '../../desired-state/host.ts';
import type { Manifest } from '../../desired-state/manifest.ts';
import type { HostRecord } from '../../desired-state/store/store.ts';

const LOCKED: Spec = { locked: true, servicesEnabled: false };
const UNLOCKED: Spec = { locked: false, servicesEnabled: true };
const NOW = '2026-01-02T00:00:00.000Z';
const BEFORE = { [ANNOTATIONS.changedBy]: 'bob', [ANNOTATIONS.changedAt]: '2026-01-01T00:00:00.000Z' };
const ALICE: Origin = { actor: 'alice', network: 'local' };

/** Unlocked at generation 4 by bob, who said why; labelled, and owned by somebody. */
const RECORD: HostRecord = {
  ...noRecord('compute-0'),
  generation: 4,
  reportedGeneration: 4,
  labels: { site: 'lab' },
  annotations: { ...BEFORE, [ANNOTATIONS.reason]: 'repaired', owner: 'team-a' },
  spec: UNLOCKED,
  specRevision: 9,
  revision: 12,
};
const FILE = 'site/lab.yaml';
const OF_FILE = { ...RECORD, annotations: { ...RECORD.annotations, [ANNOTATIONS.manifest]: FILE } };
const TOMBSTONE = { ...OF_FILE, deleted: true };

function manifest(metadata: Partial<Manifest['metadata']> = {}, spec: Spec = UNLOCKED): Manifest {
  return { apiVersion: 'lockstep/v1', kind: 'Host', metadata: { name: 'compute-0', ...metadata }, spec };
}

function plan(
  record: HostRecord | undefined,
  wanted: Manifest,
  options: Partial<Application> & { readonly reason?: string } = {},
) {
  const { reason, ...application } = options;
  return planApply(record, { manifest: wanted, isExplicit: true, ...application }, { ...ALICE, reason }, NOW);
}

function refusalOf(run: () => unknown): { readonly code: string; readonly message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  throw new Error('expected it to be refused');
}

describe('a host that is as its manifest says', () => {
  it.each<[string, HostRecord, Manifest, Partial<Application> & { reason?: string }]>([
    ['nothing but the spec said', RECORD, manifest(), {}],
    ['all of it said', RECORD, manifest({ labels: { site: 'lab' }, annotations: { owner: 'team-a' } }), {}],
    [
      'what get prints',
      RECORD,
      manifest({ labels: RECORD.labels, annotations: RECORD.annotations, generation: 4 }),
      {},
    ],
    ['a reason beside it', RECORD, manifest(), { reason: 'just so' }],
    ['the file that declares it read again', OF_FILE, manifest(), { file: FILE, isExplicit: false }],
    ['by hand too, though a file declares it', OF_FILE, manifest({ annotations: OF_FILE.annotations }), {}],
    ['a generation that a file keeps', OF_FILE, manifest({ generation: 1 }), { file: FILE }],
    [
      'an agent ahead of the store, a file read again',
      { ...OF_FILE, reportedGeneration: 7 },
      manifest(),
      { file: FILE, isExplicit: false },
    ],
    [
      'lockstep/ annotations of somebody else',
      RECORD,
      manifest({
        annotations: {
          owner: 'team-a',
          [ANNOTATIONS.changedBy]: 'eve',
          [ANNOTATIONS.manifest]: 'x',
          'lockstep/new': 'y',
        },
      }),
      {},
    ],
  ])('is left alone: %s', (_name, record, wanted, options) => {
    expect(plan(record, wanted, options)).toBeUndefined();
  });
});

describe('a host that is not', () => {
  it.each<
    [string, Partial<HostRecord>, Manifest, Partial<Application> & { reason?: string }, object, object]
  >([
    [
      'its spec: stamped, without the reason of the change before',
      {},
      manifest({}, LOCKED),
      {},
      {
        spec: LOCKED,
        labels: { site: 'lab' },
        annotations: {
          ...BEFORE,
          owner: 'team-a',
          [ANNOTATIONS.changedBy]: 'alice',
          [ANNOTATIONS.changedAt]: NOW,
        },
      },
      {
        reason: 'Locked',
        generation: 5,
        actor: 'alice',
        message: 'locked, services disabled; by alice over local',
      },
    ],
    [
      'its spec, with the reason of the manifest',
      {},
      manifest({ annotations: { [ANNOTATIONS.reason]: 'disk swap' } }, LOCKED),
      {},
      {
        annotations: {
          [ANNOTATIONS.changedBy]: 'alice',
          [ANNOTATIONS.changedAt]: NOW,
          [ANNOTATIONS.reason]: 'disk swap',
        },
      },
      { message: 'locked, services disabled; by alice over local: disk swap' },
    ],
    [
      'its spec: what is said now as the reason counts more',
      {},
      manifest({ annotations: { [ANNOTATIONS.reason]: 'disk swap', owner: 'team-a' } }, LOCKED),
      { reason: 'fire' },
      {
        annotations: {
          owner: 'team-a',
          [ANNOTATIONS.changedBy]: 'alice',
          [ANNOTATIONS.changedAt]: NOW,
          [ANNOTATIONS.reason]: 'fire',
        },
      },
      { message: 'locked, services disabled; by alice over local: fire' },
    ],
    [
      'its services alone',
      {},
      manifest({}, { locked: false, servicesEnabled: false }),
      {},
      {},
      { reason: 'ServicesDisabled', generation: 5 },
    ],
    [
      'its lock alone',
      { spec: { locked: true, servicesEnabled: true } },
      manifest(),
      {},
      {},
      { reason: 'Unlocked', generation: 5 },
    ],
    [
      'its labels: all are replaced, nothing is stamped or numbered',
      {},
      manifest({ labels: { rack: '3' } }),
      { reason: 'moved' },
      { spec: UNLOCKED, labels: { rack: '3' }, annotations: RECORD.annotations },
      {
        reason: 'Relabelled',
        generation: 4,
        message: 'labels or annotations changed by alice over local: moved',
      },
    ],
    [
      'its labels: none is wanted',
      {},
      manifest({ labels: {} }),
      {},
      { labels: {} },
      { reason: 'Relabelled' },
    ],
    [
      "its annotations: people's own are replaced, Lockstep's stay",
      {},
      manifest({ annotations: { note: 'x', [ANNOTATIONS.changedBy]: 'eve' } }),
      {},
      { annotations: { ...BEFORE, [ANNOTATIONS.reason]: 'repaired', note: 'x' } },
      { reason: 'Relabelled' },
    ],
    [
      'the reason it gives',
      {},
      manifest({ annotations: { owner: 'team-a', [ANNOTATIONS.reason]: 'tested' } }),
      {},
      { annotations: { ...BEFORE, owner: 'team-a', [ANNOTATIONS.reason]: 'tested' } },
      { reason: 'Relabelled', generation: 4 },
    ],
    [
      'the file that declares it',
      {},
      manifest(),
      { file: FILE, isExplicit: false },
      { annotations: OF_FILE.annotations },
      { reason: 'Relabelled', actor: `manifest ${FILE}` },
    ],
    [
      'another file declares it now',
      { annotations: OF_FILE.annotations },
      manifest({}, LOCKED),
      { file: 'other.yaml', isExplicit: true },
      {
        spec: LOCKED,
        annotations: {
          owner: 'team-a',
          [ANNOTATIONS.manifest]: 'other.yaml',
          [ANNOTATIONS.changedBy]: 'manifest other.yaml',
          [ANNOTATIONS.changedAt]: NOW,
        },
      },
      { reason: 'Locked', actor: 'manifest other.yaml' },
    ],
  ])('is made so: %s', (_name, change, wanted, options, write, event) => {
    const planned = plan({ ...RECORD, ...change }, wanted, options);
    expect(planned?.write).toMatchObject({ name: 'compute-0', expectedSpecRevision: 9, deleted: false });
    expect(planned?.write).toMatchObject(write);
    expect(planned?.event).toMatchObject({ host: 'compute-0', type: 'Normal', at: NOW, ...event });
    if ('annotations' in write) expect(planned?.write.annotations).toEqual(write.annotations);
  });

  it.each([undefined, TOMBSTONE])(
    'is declared where there is none, and starts with nothing of a tombstone (%#)',
    (record) => {
      const planned = plan(record, manifest({ labels: { rack: '3' } }, LOCKED), { reason: 'new' });
      expect(planned).toMatchObject({
        write: {
          expectedSpecRevision: record?.specRevision ?? 0,
          deleted: false,
          spec: LOCKED,
          labels: { rack: '3' },
        },
        event: { reason: 'Declared', generation: (record?.generation ?? 0) + 1 },
      });
      expect(planned?.write.annotations).toEqual({
        [ANNOTATIONS.changedBy]: 'alice',
        [ANNOTATIONS.changedAt]: NOW,
        [ANNOTATIONS.reason]: 'new',
      });
    },
  );
});

describe('an agent that is ahead of the store', () => {
  const ahead = { ...OF_FILE, reportedGeneration: 7 };

  it.each<[string, Partial<Application>]>([
    ['by hand, though a file declares the host: it contradicts nobody', {}],
    ['by an edit of its file', { file: FILE }],
  ])('gets the same wish under a number above its own when somebody says it again %s', (_name, options) => {
    expect(plan(ahead, manifest(), options)).toMatchObject({
      write: { spec: UNLOCKED, renumber: true },
      event: { reason: 'Unlocked', generation: 8 },
    });
  });

  it('gets another wish above its own number even from a file that is read again', () => {
    const planned = plan(ahead, manifest({}, LOCKED), { file: FILE, isExplicit: false });
    expect(planned).toMatchObject({ write: { spec: LOCKED, renumber: false }, event: { generation: 8 } });
  });

  it('is not spoken to anew for a label', () => {
    const planned = plan(ahead, manifest({ labels: { rack: '3' } }), { file: FILE, isExplicit: false });
    expect(planned?.event).toMatchObject({ reason: 'Relabelled', generation: 4 });
    expect(planned?.write.renumber).toBeUndefined();
  });
});

describe('the precondition', () => {
  it.each<[string, HostRecord | undefined, number, string]>([
    ['an older generation', RECORD, 3, 'expected the host at generation 3, found generation 4'],
    ['a newer one', RECORD, 5, 'expected the host at generation 5, found generation 4'],
    [
      'any, of a host that is not there',
      undefined,
      1,
      'found no such host: leave it out to declare one, or correct metadata.name',
    ],
    [
      'any, of one that was deleted',
      TOMBSTONE,
      4,
      'found no such host, for it was deleted: `lockstep events compute-0` says by whom; leave it out',
    ],
  ])('holds back %s, even where nothing would change', (_name, record, generation, expected) => {
    for (const spec of [UNLOCKED, LOCKED]) {
      const { code, message } = refusalOf(() => plan(record, manifest({ generation }, spec)));
      expect(code).toBe('Conflict');
      expect(message).toContain(`host compute-0: metadata.generation: `);
      expect(message).toContain(expected);
    }
  });

  it('lets the generation that the host is at through', () => {
    expect(plan(RECORD, manifest({ generation: 4 }, LOCKED))?.event.generation).toBe(5);
  });
});

describe('a host that a file declares', () => {
  it.each([
    ['its spec', manifest({}, LOCKED)],
    ['its labels', manifest({ labels: {} })],
    ['its annotations', manifest({ annotations: {} })],
    ['the reason', manifest({ annotations: { ...RECORD.annotations, [ANNOTATIONS.reason]: 'other' } })],
  ])('is not changed by hand: %s', (_name, wanted) => {
    const { code, message } = refusalOf(() => plan(OF_FILE, wanted));
    expect(code).toBe('Refused');
    expect(message).toContain(`host compute-0: ${FILE} in the manifests folder declares it`);
  });

  it('comes back by hand after it was deleted, and is free', () => {
    expect(plan(TOMBSTONE, manifest())?.write.annotations).not.toHaveProperty([ANNOTATIONS.manifest]);
  });
});

describe('release', () => {
  it('takes the file away and leaves the rest as it is', () => {
    const planned = planRelease(OF_FILE, ALICE, NOW);
    expect(planned?.write).toEqual({
      name: 'compute-0',
      expectedSpecRevision: 9,
      deleted: false,
      spec: UNLOCKED,
      labels: RECORD.labels,
      annotations: RECORD.annotations,
    });
    expect(planned?.event).toMatchObject({
      reason: 'Released',
      generation: 4,
      message: `no longer held by ${FILE}: left as it is, and changed by hand again`,
    });
  });

  it.each([
    ['no host', undefined],
    ['a host that no file declares', RECORD],
    ['a tombstone', TOMBSTONE],
  ])('lets %s be', (_name, record) => {
    expect(planRelease(record, ALICE, NOW)).toBeUndefined();
  });
});
