import { describe, expect, it } from 'vitest';
import type { FileReading } from '../../../controller/manifests/file-reading.ts';
import { planManifests } from '../../../controller/manifests/manifest-plan.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import { ANNOTATIONS } from '../../../desired-state/host.ts';
import type { Manifest } from '../../../desired-state/manifest.ts';
import type { HostRecord } from '../../../desired-state/store/store.ts';

const ORIGIN = { actor: 'controller', network: 'manifests' };
const NOW = '2026-01-01T00:00:00.000Z';

function manifestOf(name: string, locked = true): Manifest {
  return {
    apiVersion: 'lockstep/v1',
    kind: 'Host',
    metadata: { name },
    spec: { locked, servicesEnabled: !locked },
  };
}

/** `!h1` unlocked. */
function read(file: string, ...hosts: readonly string[]): FileReading {
  const manifests = hosts.map((host) => manifestOf(host.replace('!', ''), !host.startsWith('!')));
  return { kind: 'read', file, manifests, isExplicit: false };
}

const refused = (file: string): FileReading => ({ kind: 'refused', file, why: `${file}: no YAML` });
const pending = (file: string): FileReading => ({ kind: 'pending', file, why: `${file}: not read yet` });
const gone = (file: string): FileReading => ({ kind: 'gone', file, why: `${file}: gone` });

/** Locked hosts, each with the file that the store says declares it; '' for none. */
function stored(hosts: Readonly<Record<string, string>>): ReadonlyMap<string, HostRecord> {
  const records = Object.entries(hosts).map(([name, file]): [string, HostRecord] => {
    const annotations: Record<string, string> = file === '' ? {} : { [ANNOTATIONS.manifest]: file };
    return [name, { ...noRecord(name), generation: 1, annotations }];
  });
  return new Map(records);
}

/** Verdicts, what is applied and what is released, as words. */
function summary(readings: readonly FileReading[], records: ReadonlyMap<string, HostRecord>) {
  const plan = planManifests(readings, records, ORIGIN, NOW);
  return {
    files: plan.files.map(({ file, verdict }) => `${file} ${verdict}`),
    applied: plan.applications.map(({ manifest, file }) => `${manifest.metadata.name} by ${file}`),
    released: plan.releases.map(({ host, reason }) => `${host}: ${reason}`),
  };
}

describe('a plan of the manifests folder', () => {
  it.each<
    [
      string,
      readonly FileReading[],
      Readonly<Record<string, string>>,
      { files?: readonly string[]; applied?: readonly string[]; released?: readonly string[] },
    ]
  >([
    ['declares a new host', [read('a', 'h1')], {}, { files: ['a accepted'], applied: ['h1 by a'] }],
    ['leaves alone what is as the file says', [read('a', 'h1')], { h1: 'a' }, { files: ['a accepted'] }],
    [
      'changes a host that is another one',
      [read('a', '!h1')],
      { h1: 'a' },
      { files: ['a accepted'], applied: ['h1 by a'] },
    ],
    [
      'takes over a host of nobody',
      [read('a', 'h1')],
      { h1: '' },
      { files: ['a accepted'], applied: ['h1 by a'] },
    ],
    ['leaves hosts of nobody alone', [], { h1: '' }, {}],
    ['releases the host of a file that is gone', [], { h1: 'a' }, { released: ['h1: a is gone'] }],
    ['waits for a file that may come back', [gone('a')], { h1: 'a' }, {}],
    [
      'releases a host that its file does not declare any more',
      [read('a', 'h1')],
      { h1: 'a', h2: 'a' },
      { files: ['a accepted'], released: ['h2: a does not declare it any more'] },
    ],
    [
      'hands a host over from one file to the other',
      [read('a'), read('b', 'h1')],
      { h1: 'a' },
      { files: ['a accepted', 'b accepted'], applied: ['h1 by b'] },
    ],
    [
      'lets a renamed file keep its hosts, also while the old one may come back',
      [gone('a'), read('b', 'h1')],
      { h1: 'a' },
      { files: ['b accepted'], applied: ['h1 by b'] },
    ],
    ['I10 keeps the hosts of a refused file', [refused('a')], { h1: 'a' }, { files: ['a refused'] }],
    [
      'keeps the hosts of a file that is being written',
      [pending('a')],
      { h1: 'a' },
      { files: ['a pending'] },
    ],
    [
      'I4 keeps the hosts of files in a folder that can not be read',
      [refused('x/')],
      { h1: 'x/a', h2: 'x/y/b', h3: 'xa' },
      { files: ['x/ refused'], released: ['h3: xa is gone'] },
    ],
    [
      'refuses both of two files with one host, whole',
      [read('a', 'h1', '!h2'), read('b', 'h1', '!h3'), read('c', '!h4')],
      { h1: 'a', h2: 'a' },
      { files: ['a refused', 'b refused', 'c accepted'], applied: ['h4 by c'] },
    ],
    [
      'refuses a file that declares a host of a refused one',
      [refused('a'), read('b', '!h1', '!h2')],
      { h1: 'a' },
      { files: ['a refused', 'b refused'] },
    ],
    [
      'refuses a file that declares a host of a folder that can not be read',
      [refused('x/'), read('b', '!h1')],
      { h1: 'x/a' },
      { files: ['x/ refused', 'b refused'] },
    ],
    [
      'refuses along a chain of files that wait for each other',
      [refused('a'), read('b', 'h1'), read('c', 'h2'), read('d', 'h3')],
      { h1: 'a', h2: 'b', h3: 'd' },
      { files: ['a refused', 'b refused', 'c refused', 'd accepted'] },
    ],
    [
      'lets a file wait for one that is being written',
      [pending('a'), read('b', '!h1')],
      { h1: 'a' },
      { files: ['a pending', 'b pending'] },
    ],
    [
      'lets two good files swap hosts',
      [read('a', 'h2'), read('b', 'h1')],
      { h1: 'a', h2: 'b' },
      { files: ['a accepted', 'b accepted'], applied: ['h2 by a', 'h1 by b'] },
    ],
  ])('%s', (_name, readings, hosts, expected) => {
    expect(summary(readings, stored(hosts))).toEqual({ files: [], applied: [], released: [], ...expected });
  });

  it('names the other file and the host in both messages', () => {
    const { files } = planManifests([read('a', 'h1'), read('b', 'h1')], new Map(), ORIGIN, NOW);
    expect(files.map(({ reason }) => reason)).toEqual([
      'a: expected hosts that no other file declares, found h1 in b too',
      'b: expected hosts that no other file declares, found h1 in a too',
    ]);
  });

  it('names the refused file that holds a host', () => {
    const { files } = planManifests([refused('a'), read('b', 'h1')], stored({ h1: 'a' }), ORIGIN, NOW);
    expect(files[1]?.reason).toBe(
      'b: expected hosts that no other file declares, found h1, which a holds until that is good again or deleted',
    );
  });

  it('bounds its messages, whatever the number of hosts', () => {
    const hosts = Array.from({ length: 2_000 }, (_, index) => `h${index}`);
    const { files } = planManifests([read('a', ...hosts), read('b', ...hosts)], new Map(), ORIGIN, NOW);
    expect(files[0]?.reason.length).toBeLessThan(300);
    expect(files[0]?.reason).toMatch(/; and 1995 more$/);
  });

  it('passes over tombstones', () => {
    const records = new Map(
      [...stored({ h1: 'a' })].map(([name, record]) => [name, { ...record, deleted: true }]),
    );
    expect(summary([], records).released).toEqual([]);
  });

  it('I1 numbers a host anew only for a change that somebody made', () => {
    const ahead = new Map(
      [...stored({ h1: 'a' })].map(([name, record]) => [name, { ...record, reportedGeneration: 9 }]),
    );
    expect(summary([read('a', 'h1')], ahead).applied).toEqual([]);
    const edited: FileReading = { kind: 'read', file: 'a', manifests: [manifestOf('h1')], isExplicit: true };
    expect(summary([edited], ahead).applied).toEqual(['h1 by a']);
  });

  it('ignores the generation that a file names', () => {
    const manifest: Manifest = { ...manifestOf('h1', false), metadata: { name: 'h1', generation: 99 } };
    const reading: FileReading = { kind: 'read', file: 'a', manifests: [manifest], isExplicit: true };
    expect(summary([reading], stored({ h1: 'a' })).applied).toEqual(['h1 by a']);
  });
});
