import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_GENERATION } from '../../../desired-state/generation.ts';
import { MAX_REASON } from '../../../desired-state/host.ts';
import { formatCopy, type KnownSpec, parseCopy } from '../../../reconcilers/copy/known-spec.ts';

const known: KnownSpec = {
  generation: 7,
  spec: { locked: true, servicesEnabled: false },
  reason: 'disk swap',
  since: '2026-01-01T00:00:00.000Z',
};

const knownArbitrary: fc.Arbitrary<KnownSpec> = fc
  .record({
    generation: fc.integer({ min: 1, max: MAX_GENERATION }),
    spec: fc.record({ locked: fc.boolean(), servicesEnabled: fc.boolean() }),
    reason: fc.option(fc.string({ unit: 'grapheme', maxLength: MAX_REASON / 8 }), { nil: undefined }),
    since: fc.option(fc.constant('2026-01-01T00:00:00.000Z'), { nil: undefined }),
  })
  .map(({ generation, spec, reason, since }) => ({
    generation,
    spec,
    ...(reason === undefined ? {} : { reason }),
    ...(since === undefined ? {} : { since }),
  }));

describe('a copy', () => {
  it('is not believed when its generation is above all that a store comes to', () => {
    expect(parseCopy(formatCopy({ ...known, generation: MAX_GENERATION }))).toBeDefined();
    expect(parseCopy(formatCopy({ ...known, generation: MAX_GENERATION + 1 }))).toBeUndefined();
  });

  it('says again what was written', () => {
    fc.assert(
      fc.property(knownArbitrary, (spec) => {
        expect(parseCopy(formatCopy(spec))).toEqual(spec);
      }),
    );
  });

  it('with any single bit flipped is not believed', () => {
    fc.assert(
      fc.property(knownArbitrary, fc.nat(), fc.integer({ min: 0, max: 7 }), (spec, at, bit) => {
        const bytes = Buffer.from(formatCopy(spec));
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        expect(parseCopy(bytes.toString())).toBeUndefined();
      }),
    );
  });

  it('cut off anywhere is not believed', () => {
    const bytes = Buffer.from(formatCopy(known));
    const believed = [...bytes.keys()].filter(
      (length) => parseCopy(bytes.subarray(0, length).toString()) !== undefined,
    );
    expect(believed).toEqual([]);
  });

  it('whose tail a power cut left as zeros is not believed', () => {
    const bytes = Buffer.from(formatCopy(known));
    for (const length of bytes.keys()) {
      expect(parseCopy(Buffer.from(bytes).fill(0, length).toString())).toBeUndefined();
    }
  });

  it.each([
    ['empty', ''],
    ['no JSON', 'locked: true'],
    ['JSON of another kind', '[1, 2]'],
    ['the spec without a checksum', JSON.stringify(known)],
    ['a checksum of something else', JSON.stringify({ sha256: 'ab', known: JSON.stringify(known) })],
    ['two copies in one', formatCopy(known).repeat(2)],
  ])('that is %s is not believed', (_what, text) => {
    expect(parseCopy(text)).toBeUndefined();
  });

  it.each([
    ['no generation', { ...known, generation: 0 }],
    ['a broken generation', { ...known, generation: 1.5 }],
    ['a reason beyond all bounds', { ...known, reason: 'x'.repeat(MAX_REASON + 1) }],
    ['a time that is none', { ...known, since: 'yesterday' }],
  ])('with a right checksum and %s is not believed', (_what, broken) => {
    expect(parseCopy(formatCopy(broken))).toBeUndefined();
  });

  it('of a newer agent, with a field more, is believed', () => {
    const newer = { ...known, spec: { ...known.spec, powered: true } };
    expect(parseCopy(formatCopy(newer))).toEqual(known);
  });
});
