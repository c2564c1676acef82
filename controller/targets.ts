// Which hosts a request speaks of: names, a label selector, or all. Pure: it reads nothing.
import { LockstepError } from '../desired-state/errors.ts';
import { type Labels, labelsSchema } from '../desired-state/host.ts';
import { parseOrThrow } from '../desired-state/parse.ts';

export type Targets =
  | { readonly names: readonly string[] }
  | { readonly labels: Labels }
  | { readonly all: true };

/**
 * The labels that `text` (`site=lab,rack=3`) asks for; all of them must match.
 * @throws LockstepError `Invalid` naming the part that is not key=value.
 */
export function parseLabelSelector(text: string): Labels {
  const pairs = text.split(',').map((part): [string, string] => {
    const at = part.indexOf('=');
    if (at < 1) {
      throw new LockstepError(
        'Invalid',
        `label selector: expected key=value[,key=value...], found ${JSON.stringify(part)}`,
      );
    }
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  });
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length) {
    throw new LockstepError('Invalid', `label selector: expected each key once, found ${text}`);
  }
  // Zod leaves it out without a word: a selector of nothing else would match every host.
  if (pairs.some(([key]) => key === '__proto__')) {
    throw new LockstepError('Invalid', 'label selector: expected a label key, found "__proto__"');
  }
  return parseOrThrow(labelsSchema, Object.fromEntries(pairs), 'label selector');
}

/** The text of a selector of `labels`, and what they look like to people: `site=lab,rack=3`. */
export function selectorOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Has `labels` everything that `selector` asks for? */
export function matchesLabels(labels: Labels, selector: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
