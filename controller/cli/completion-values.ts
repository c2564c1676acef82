// What may be written for an argument or an option: its choices, or what its placeholder stands for, <name> a host, <file> a file. Pure.
import { CONDITION_TYPES, conditionStatusSchema, findCondition } from '../../desired-state/conditions.ts';
import { describeSpec, type Host } from '../../desired-state/host.ts';

export interface Candidate {
  readonly text: string;
  /** For people; may be empty. */
  readonly description: string;
}

/** What is wanted at the cursor. The shell knows files, the controller hosts and their labels. */
export type Wanted =
  | { readonly kind: 'candidates'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'hosts'; readonly except: readonly string[] }
  | { readonly kind: 'labels' }
  | { readonly kind: 'files' }
  /** `unix:PATH`. */
  | { readonly kind: 'socket' };

/** Placeholders for what nobody can guess: a person writes it. */
export const FREE_PLACEHOLDERS: readonly string[] = ['text', 'duration', 'count'];

/**
 * @param placeholder as the help shows it, without its brackets and dots: `name`, `key=value,...`.
 * @returns no candidates for one that is free or not known.
 */
export function valuesOf(placeholder: string, choices: readonly string[] | undefined): Wanted {
  if (choices !== undefined) return candidates(choices);
  return BY_PLACEHOLDER.get(placeholder) ?? candidates([]);
}

/** Is there anything that {@link valuesOf} knows of it? */
export function isKnownPlaceholder(placeholder: string): boolean {
  return BY_PLACEHOLDER.has(placeholder);
}

/** The hosts, each with what it is; without those that are named already. */
export function hostCandidates(hosts: readonly Host[], except: readonly string[]): readonly Candidate[] {
  return hosts
    .filter(({ metadata }) => !except.includes(metadata.name))
    .map(({ metadata, spec, status }) => {
      const ready = findCondition(status.conditions, 'Ready')?.status ?? 'Unknown';
      return { text: metadata.name, description: `${describeSpec(spec)}; Ready=${ready}` };
    });
}

/**
 * The next part of `key=value,key=value`, each candidate with the parts before it: keys (with `=`) until one is there, then its values.
 * A key that is there already is not offered again.
 */
export function labelCandidates(hosts: readonly Host[], typed: string): readonly Candidate[] {
  const before = typed.slice(0, typed.lastIndexOf(',') + 1);
  const [, key] = /^([^=]*)=/.exec(typed.slice(before.length)) ?? [];
  const used = before.split(',').map((part) => part.split('=')[0]);
  const counts = new Map<string, number>();
  for (const [name, value] of hosts.flatMap(({ metadata }) => Object.entries(metadata.labels))) {
    if (used.includes(name) || (key !== undefined && key !== name)) continue;
    const text = `${before}${name}=${key === undefined ? '' : value}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => ({
    text,
    description: count === 1 ? '1 host' : `${count} hosts`,
  }));
}

const CONDITIONS = CONDITION_TYPES.flatMap((type) => [
  `condition=${type}`,
  ...conditionStatusSchema.options.map((status) => `condition=${type}=${status}`),
]);

const BY_PLACEHOLDER: ReadonlyMap<string, Wanted> = new Map<string, Wanted>([
  ['kind', candidates(['hosts', 'host'])],
  ['name', { kind: 'hosts', except: [] }],
  ['names', { kind: 'hosts', except: [] }],
  ['key=value,...', { kind: 'labels' }],
  ['condition=TYPE[=STATUS]', candidates(CONDITIONS)],
  ['path', { kind: 'files' }],
  ['file', { kind: 'files' }],
  ['dir', { kind: 'files' }],
  ['unix:PATH', { kind: 'socket' }],
]);

function candidates(texts: readonly string[]): Wanted {
  return { kind: 'candidates', candidates: texts.map((text) => ({ text, description: '' })) };
}
