// What apply would change of a host, as lines to show: planned by the very function that plans apply. Pure.
import { stringify } from 'yaml';
import { LockstepError } from '../../desired-state/errors.ts';
import { ANNOTATIONS, API_VERSION, type Host, type Labels, type Spec } from '../../desired-state/host.ts';
import type { Manifest } from '../../desired-state/manifest.ts';
import type { HostRecord } from '../../desired-state/store/store.ts';
import { OWN_PREFIX, planApply } from '../manifest-change.ts';
import { noRecord, type PlannedWrite } from '../spec-change.ts';

/** `-`: only the host as it is has that line; `+`: only what apply would make of it; a space: both. */
export interface DiffLine {
  readonly sign: '-' | '+' | ' ';
  readonly text: string;
}

export interface ManifestDiff {
  /** Would apply change anything, or be refused? */
  readonly differs: boolean;
  /** What differs, with some lines around it; empty when nothing does. */
  readonly lines: readonly DiffLine[];
  /** What lines can't say, as sentences. */
  readonly notes: readonly string[];
}

/** @param live the host as the API shows it; undefined when it is not there. */
export function diffManifest(live: Host | undefined, manifest: Manifest): ManifestDiff {
  const record = live && recordOf(live);
  const refusal = refusalOf(record, manifest);
  // As if nothing stood in the way: whoever is refused sees what it is about.
  const planned = plan(record && withoutFile(record), withoutGeneration(manifest));
  const lines = merged(live && treeOfLive(live, manifest), treeAfter(live, manifest, planned));
  const isSame = lines.every(({ sign }) => sign === ' ');
  return {
    differs: refusal !== undefined || planned !== undefined,
    lines: isSame ? [] : withContext(lines),
    notes: [
      ...(refusal === undefined ? [] : [`apply would be refused: ${refusal}`]),
      ...(planned?.write.renumber === true ? [saidAgain(manifest.metadata.name)] : []),
    ],
  };
}

/** Unchanged lines that are shown on each side of a change, as diff -u does. */
const CONTEXT = 3;

/** What is planned is compared, never written: who and when do not matter. */
function plan(record: HostRecord | undefined, manifest: Manifest): PlannedWrite | undefined {
  const nobody = { actor: 'diff', network: 'local' };
  return planApply(record, { manifest, isExplicit: true }, nobody, '1970-01-01T00:00:00.000Z');
}

function refusalOf(record: HostRecord | undefined, manifest: Manifest): string | undefined {
  try {
    plan(record, manifest);
    return undefined;
  } catch (error) {
    if (error instanceof LockstepError) return error.message;
    throw error;
  }
}

/**
 * As the store has it, as far as the API tells. The highest generation that the agent ever reported is not told; an agent that is ahead of the store
 * says so once it has reported.
 */
function recordOf({ metadata, spec, status }: Host): HostRecord {
  const isBehind = status.conditions.some(({ reason }) => reason === 'StoreBehind');
  const reportedGeneration = Math.max(status.observedGeneration, isBehind ? metadata.generation + 1 : 0);
  return { ...noRecord(metadata.name), ...metadata, spec, reportedGeneration };
}

function withoutFile(record: HostRecord): HostRecord {
  const { [ANNOTATIONS.manifest]: _file, ...annotations } = record.annotations;
  return { ...record, annotations };
}

function withoutGeneration(manifest: Manifest): Manifest {
  const { generation: _precondition, ...metadata } = manifest.metadata;
  return { ...manifest, metadata };
}

function saidAgain(name: string): string {
  return `host ${name}: its spec is as the manifest says, but its agent is ahead of the controller: apply would say it again under a higher generation`;
}

/** A document; a value is as it is printed, undefined where there is none: its place in the order stays. */
type Tree = ReadonlyMap<string, string | Tree | undefined>;

function treeOfLive({ metadata, spec }: Host, manifest: Manifest): Tree {
  const isPrecondition = manifest.metadata.generation !== undefined;
  return treeOf({ ...metadata, generation: isPrecondition ? metadata.generation : undefined }, spec);
}

function treeAfter(
  live: Host | undefined,
  { metadata, spec }: Manifest,
  planned: PlannedWrite | undefined,
): Tree {
  const { name, generation } = metadata;
  const { labels, annotations } = planned?.write ?? live?.metadata ?? { labels: {}, annotations: {} };
  return treeOf({ name, generation, labels, annotations }, spec);
}

interface Metadata {
  readonly name: string;
  readonly generation: number | undefined;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
}

function treeOf({ name, generation, labels, annotations }: Metadata, spec: Spec): Tree {
  const shown = Object.entries(annotations).filter(
    ([key]) => key === ANNOTATIONS.reason || !key.startsWith(OWN_PREFIX),
  );
  return new Map<string, string | Tree>([
    ['apiVersion', API_VERSION],
    ['kind', 'Host'],
    [
      'metadata',
      new Map<string, string | Tree | undefined>([
        ['name', scalar(name)],
        ['generation', generation === undefined ? undefined : String(generation)],
        ['labels', entriesTree(Object.entries(labels))],
        ['annotations', entriesTree(shown)],
      ]),
    ],
    [
      'spec',
      new Map([
        ['locked', String(spec.locked)],
        ['servicesEnabled', String(spec.servicesEnabled)],
      ]),
    ],
  ]);
}

function entriesTree(entries: readonly [string, string][]): Tree | undefined {
  if (entries.length === 0) return undefined;
  return new Map(entries.map(([key, value]) => [scalar(key), scalar(value)]));
}

/** In one line of YAML, and without what would move the reader's cursor. */
function scalar(text: string): string {
  if (!/[\p{Cc}\p{Bidi_C}]/u.test(text)) return stringify(text, { lineWidth: 0 }).trimEnd();
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Bidi_C}]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

interface TreeLine extends DiffLine {
  readonly depth: number;
}

function merged(before: Tree | undefined, after: Tree | undefined, depth = 0): readonly TreeLine[] {
  const indent = '  '.repeat(depth);
  const keys = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  const ordered = depth < 2 ? [...keys] : [...keys].sort();
  return ordered.flatMap((key): readonly TreeLine[] => {
    const was = before?.get(key);
    const is = after?.get(key);
    const line = (sign: DiffLine['sign'], value: string) => ({
      sign,
      text: `${indent}${key}:${value}`,
      depth,
    });
    if (typeof was === 'string' || typeof is === 'string') {
      if (was === is) return [line(' ', ` ${was}`)];
      return [
        ...(typeof was === 'string' ? [line('-', ` ${was}`)] : []),
        ...(typeof is === 'string' ? [line('+', ` ${is}`)] : []),
      ];
    }
    if (was === undefined && is === undefined) return [];
    const sign = was === undefined ? '+' : is === undefined ? '-' : ' ';
    return [line(sign, ''), ...merged(was, is, depth + 1)];
  });
}

/** The lines near a change, and what they stand in. */
function withContext(lines: readonly TreeLine[]): readonly DiffLine[] {
  const isNear = lines.map((_, index) =>
    lines.slice(Math.max(index - CONTEXT, 0), index + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  return lines.filter(({ depth }, index) => {
    if (isNear[index] === true) return true;
    for (let below = index + 1; (lines[below]?.depth ?? 0) > depth; below += 1) {
      if (isNear[below] === true) return true;
    }
    return false;
  });
}
