import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LockstepError } from '../../desired-state/errors.ts';
import { describeIssues, parseOrThrow } from '../../desired-state/parse.ts';

const schema = z.strictObject({
  name: z.string(),
  ports: z.array(z.object({ number: z.int().max(65_535) })).optional(),
  mode: z.enum(['fast', 'safe']).optional(),
});

/** zod's own word for the type it received may stand before what was found; it adds nothing to that. */
const withoutReceived = (message: string) => message.replaceAll(/, received \w+(?=, found)/g, '');

function refusal(input: unknown): string {
  try {
    parseOrThrow(schema, input, 'config.yaml');
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'Invalid') return withoutReceived(error.message);
    throw error;
  }
  throw new Error('it was accepted');
}

describe('parseOrThrow', () => {
  it('returns what the schema made of the input', () => {
    expect(parseOrThrow(z.string().transform(Number), '7', 'x')).toBe(7);
  });

  it.each([
    ['a wrong type', { name: 7 }, 'config.yaml: name: expected string, found 7'],
    ['a missing field', {}, 'config.yaml: name: expected string, found nothing'],
    [
      'a nested field',
      { name: 'x', ports: [{ number: 80 }, { number: 99_999 }] },
      'config.yaml: ports.1.number: Too big: expected number to be <=65535, found 99999',
    ],
    ['an unknown field', { name: 'x', nmae: 'y' }, 'config.yaml: (root): unknown field "nmae"'],
    ['several unknown fields', { name: 'x', a: 1, b: 2 }, 'config.yaml: (root): unknown fields "a", "b"'],
    ['no number', { name: Number.NaN }, 'config.yaml: name: expected string, found NaN'],
    ['no object at all', 'hello', 'config.yaml: (root): expected object, found "hello"'],
  ])('names the source, the path, what was expected and what was found: %s', (_, input, message) => {
    expect(refusal(input)).toBe(message);
  });

  it('names the words that would have been right', () => {
    expect(refusal({ name: 'x', mode: 'quick' })).toMatch(/mode: .*"fast"\|"safe", found "quick"/);
  });

  it('joins several issues', () => {
    expect(refusal({ name: 1, ports: 2 })).toMatch(/^config\.yaml: name: .*; ports: /);
  });

  it('cuts what was found to a size that a person reads', () => {
    expect(refusal({ name: ['x'.repeat(1_000)] }).length).toBeLessThan(200);
  });
});

describe('describeIssues', () => {
  it('spells out five and counts the rest', () => {
    const result = z.array(z.string()).safeParse([1, 2, 3, 4, 5, 6, 7]);
    const text = describeIssues(result.error?.issues ?? []);
    expect(text).toMatch(/^0: .*; 4: .*; and 2 more$/);
  });
});
