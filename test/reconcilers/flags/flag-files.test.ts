import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_GENERATION } from '../../../desired-state/generation.ts';
import {
  FLAG_SENTENCE,
  type FlagContent,
  formatFlag,
  parseFlagGeneration,
} from '../../../reconcilers/flags/flag-files.ts';

const content: FlagContent = {
  generation: 12,
  since: '2026-01-01T00:00:00.000Z',
  reason: 'disk swap',
};

const contentArbitrary: fc.Arbitrary<FlagContent> = fc.record({
  generation: fc.nat({ max: MAX_GENERATION / 2 }),
  since: fc.option(fc.constant('2026-01-01T00:00:00.000Z'), { nil: undefined }),
  reason: fc.option(fc.string({ unit: 'binary', maxLength: 1_024 }), { nil: undefined }),
});

describe('formatFlag', () => {
  it('begins with the sentence that other software compares, then says which lock it is', () => {
    expect(formatFlag(content)).toBe(
      'This node is currently in the administratively locked state\ngeneration: 12\nsince: 2026-01-01T00:00:00.000Z\nreason: disk swap\n',
    );
  });

  it('leaves out what is not known', () => {
    expect(formatFlag({ generation: 0, since: undefined, reason: undefined })).toBe(
      `${FLAG_SENTENCE}\ngeneration: 0\n`,
    );
  });

  it.each([
    ['a newline', 'x\ngeneration: 99'],
    ['a carriage return', 'x\rgeneration: 99'],
    ['a line separator', 'x\u2028generation: 99'],
    ['a paragraph separator', 'x\u2029generation: 99'],
    ['nothing but a forged line', '\ngeneration: 99\n'],
  ])('keeps a reason with %s from forging a line', (_what, reason) => {
    const text = formatFlag({ ...content, reason });
    expect(text.split(/[\n\r\u2028\u2029]/).filter((line) => line.startsWith('generation:'))).toEqual([
      'generation: 12',
    ]);
    expect(parseFlagGeneration(text)).toBe(12);
  });
});

describe('parseFlagGeneration', () => {
  it('reads back the generation of everything that formatFlag writes', () => {
    fc.assert(
      fc.property(contentArbitrary, (flag) => {
        expect(parseFlagGeneration(formatFlag(flag))).toBe(flag.generation);
      }),
    );
  });

  it.each([
    ['empty (touch)', ''],
    ['the sentence alone, by hand', `${FLAG_SENTENCE}\n`],
    ['another text', 'locked\ngeneration: 12\n'],
    ['the sentence with something behind it', `${FLAG_SENTENCE}!\ngeneration: 12\n`],
    ['zeros, as a power cut leaves them', '\0'.repeat(80)],
    ['no number', `${FLAG_SENTENCE}\ngeneration: twelve\n`],
    ['a negative number', `${FLAG_SENTENCE}\ngeneration: -1\n`],
    ['a fraction', `${FLAG_SENTENCE}\ngeneration: 1.5\n`],
    ['a number beyond what is exact', `${FLAG_SENTENCE}\ngeneration: ${'9'.repeat(20)}\n`],
    ['the largest exact number', `${FLAG_SENTENCE}\ngeneration: ${Number.MAX_SAFE_INTEGER}\n`],
    [
      'a number above which a store had few left',
      `${FLAG_SENTENCE}\ngeneration: ${MAX_GENERATION / 2 + 1}\n`,
    ],
    ['something before the number', `${FLAG_SENTENCE}\nthe generation: 12\n`],
  ])('finds no generation in a flag that is %s', (_what, text) => {
    expect(parseFlagGeneration(text)).toBeNull();
  });

  it('finds, in a torn flag, the right generation or none', () => {
    fc.assert(
      fc.property(contentArbitrary, fc.nat(), (flag, cut) => {
        const text = formatFlag(flag);
        expect([null, flag.generation]).toContain(parseFlagGeneration(text.slice(0, cut % text.length)));
      }),
    );
  });

  it('takes any text without failing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const generation = parseFlagGeneration(`${FLAG_SENTENCE}\n${text}`);
        expect(generation === null || Number.isSafeInteger(generation)).toBe(true);
      }),
    );
  });
});
