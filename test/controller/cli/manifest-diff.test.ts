// What diff shows: by table, and held against what apply does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Agents } from '../../../controller/agents.ts';
import { diffManifest } from '../../../controller/cli/manifest-diff.ts';
import { toHost } from '../../../controller/host-view.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import { LockstepError } from '../../../desired-state/errors.ts';
import { ANNOTATIONS } from '../../../desired-state/host.ts';
import type { Manifest } from '../../../desired-state/manifest.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import type { HostRecord } from '../../../desired-state/store/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { statusOf } from '../fixtures/agent-end.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';

const UNLOCKED = { locked: false, servicesEnabled: true };
const LOCKED = { locked: true, servicesEnabled: false };
const RECORD: HostRecord = {
  ...noRecord('a'),
  generation: 4,
  labels: { rack: '3', site: 'lab' },
  annotations: { [ANNOTATIONS.changedBy]: 'bob', [ANNOTATIONS.reason]: 'repaired', owner: 'team a' },
  spec: UNLOCKED,
};

function manifest(metadata: Partial<Manifest['metadata']> = {}, spec = UNLOCKED): Manifest {
  return { apiVersion: 'lockstep/v1', kind: 'Host', metadata: { name: 'a', ...metadata }, spec };
}

/** The lines of the diff, the notes after them. */
function shown(record: HostRecord | undefined, wanted: Manifest): readonly string[] {
  const { lines, notes } = diffManifest(record && toHost(record), wanted);
  return [...lines.map(({ sign, text }) => `${sign}${text}`), ...notes];
}

describe('a diff', () => {
  it('shows nothing of a host that is as its manifest says', () => {
    expect(diffManifest(toHost(RECORD), manifest({ generation: 4 }))).toEqual({
      differs: false,
      lines: [],
      notes: [],
    });
  });

  it('shows the spec, and that the reason of the change before goes', () => {
    expect(shown(RECORD, manifest({}, LOCKED))).toEqual([
      ' metadata:',
      '   labels:',
      '     rack: "3"',
      '     site: lab',
      '   annotations:',
      '-    lockstep/reason: repaired',
      '     owner: team a',
      ' spec:',
      '-  locked: false',
      '+  locked: true',
      '-  servicesEnabled: true',
      '+  servicesEnabled: false',
    ]);
  });

  it('shows labels and annotations that come, go and change, with some lines around them', () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`k${index}`, 'v']));
    const record = { ...RECORD, labels: many, annotations: {} };
    const { k4: _gone, ...labels } = many;
    expect(
      shown(record, manifest({ labels, annotations: { note: 'x: y', line: 'a\n\u001b[2J\u009b' } })),
    ).toEqual([
      ' metadata:',
      '   labels:',
      '     k1: v',
      '     k2: v',
      '     k3: v',
      '-    k4: v',
      '     k5: v',
      '     k6: v',
      '     k7: v',
      '     k8: v',
      '+  annotations:',
      '+    line: "a\\n\\u001b[2J\\u009b"',
      '+    note: "x: y"',
      ' spec:',
      '   locked: false',
      '   servicesEnabled: true',
    ]);
  });

  it('shows all of a host that is not there', () => {
    expect(shown(undefined, manifest({ labels: { site: 'lab' } }, LOCKED))).toEqual([
      '+apiVersion: lockstep/v1',
      '+kind: Host',
      '+metadata:',
      '+  name: a',
      '+  labels:',
      '+    site: lab',
      '+spec:',
      '+  locked: true',
      '+  servicesEnabled: false',
    ]);
  });

  it('shows a precondition that does not hold beside what would change without it', () => {
    const lines = shown(
      RECORD,
      manifest({ generation: 3, annotations: RECORD.annotations }, { ...UNLOCKED, locked: true }),
    );
    expect(lines).toContain('-  generation: 4');
    expect(lines).toContain('+  generation: 3');
    expect(lines).toContain('+  locked: true');
    expect(lines.at(-1)).toMatch(
      /^apply would be refused: host a: metadata.generation: expected the host at/,
    );
  });

  it('shows what a person wants of a host that a file declares, and that it would be refused', () => {
    const record = { ...RECORD, annotations: { [ANNOTATIONS.manifest]: 'lab.yaml' } };
    const lines = shown(record, manifest({}, LOCKED));
    expect(lines).toContain('+  locked: true');
    expect(lines.join('\n')).not.toContain('lockstep/manifest');
    expect(lines.at(-1)).toMatch(
      /^apply would be refused: host a: lab.yaml in the manifests folder declares it/,
    );
  });

  it('says that an agent which is ahead would be told again', () => {
    const record = { ...RECORD, annotations: {}, status: statusOf(9), reportedGeneration: 9 };
    const again = {
      differs: true,
      lines: [],
      notes: [expect.stringMatching(/its agent is ahead of the controller: apply would say it again/)],
    };
    expect(diffManifest(toHost(record), manifest())).toEqual(again);
    const { conditions } = statusOf(2);
    const [first] = conditions.map((condition) => ({
      ...condition,
      type: 'SpecFresh' as const,
      status: 'False' as const,
      reason: 'StoreBehind',
    }));
    const said = statusOf(2, { conditions: first === undefined ? [] : [...conditions, first] });
    expect(diffManifest(toHost({ ...record, status: said }), manifest())).toEqual(again);
  });
});

describe('a diff and apply agree', () => {
  const spec = fc.record({ locked: fc.boolean(), servicesEnabled: fc.boolean() });
  const value = fc.constantFrom('', '1', 'x');
  const labels = fc.dictionary(fc.constantFrom('site', 'rack', 'row'), value);
  const keys = fc.constantFrom('owner', 'note', ...Object.values(ANNOTATIONS));
  const annotations = fc.dictionary(keys, value);
  const wanted = fc
    .record({ labels, annotations, generation: fc.nat(3) }, { requiredKeys: [] })
    .chain((metadata) => spec.map((wish) => manifest(metadata, wish)));
  const before = fc.option(
    fc.record({
      wish: wanted,
      isDeclaredByFile: fc.boolean(),
      reportedGeneration: fc.nat(4),
      isDeleted: fc.boolean(),
    }),
    { nil: undefined },
  );
  const by = (actor: string) => ({ actor, network: 'local' });

  it('on whether there is anything to do, and after it there is nothing', async () => {
    await fc.assert(
      fc.asyncProperty(before, wanted, async (past, wish) => {
        const deps = { store: new MemoryStore(), clock: new FakeClock(), log: new RecordingLog() };
        const hosts = new Hosts(deps);
        if (past !== undefined) {
          const { generation: _none, ...metadata } = past.wish.metadata;
          const file = past.isDeclaredByFile ? 'lab.yaml' : undefined;
          await hosts.apply([{ manifest: { ...past.wish, metadata }, file, isExplicit: true }], by('bob'));
          await new Agents(deps).report('a', statusOf(past.reportedGeneration));
          if (past.isDeleted && file === undefined) await hosts.remove('a', { force: true }, by('bob'));
        }
        const live = () => hosts.get('a').catch(() => undefined);
        const { differs, lines } = diffManifest(await live(), wish);
        const outcome = await hosts
          .apply([{ manifest: wish, isExplicit: true }], by('alice'))
          .then(([change]) => change?.outcome, refusal);
        expect(differs).toBe(outcome !== 'unchanged');
        if (outcome === 'refused') return;
        if (outcome === 'relabelled') expect(changesSpec(lines)).toBe(false);
        if (changesSpec(lines)) expect(['declared', 'changed']).toContain(outcome);
        const { generation: _old, ...metadata } = wish.metadata;
        expect(diffManifest(await live(), { ...wish, metadata })).toEqual({
          differs: false,
          lines: [],
          notes: [],
        });
      }),
      { numRuns: 500 },
    );
  });
});

function changesSpec(lines: readonly { readonly sign: string; readonly text: string }[]): boolean {
  return lines.some(({ sign, text }) => sign !== ' ' && /^ {2}(locked|servicesEnabled):/.test(text));
}

function refusal(error: unknown): 'refused' {
  if (error instanceof LockstepError) return 'refused';
  throw error;
}
