import { describe, expect, it } from 'vitest';
import {
  describeSpec,
  hostNameSchema,
  labelsSchema,
  looseSpecSchema,
  sameSpec,
  specSchema,
} from '../../desired-state/host.ts';

describe('hostNameSchema', () => {
  it.each(['a', '0', 'compute-0', 'a--b', 'x'.repeat(63)])('takes %s', (name) => {
    expect(hostNameSchema.parse(name)).toBe(name);
  });

  it.each([
    '',
    'x'.repeat(64),
    '-a',
    'a-',
    '-',
    'Compute-0',
    'a.b',
    'a_b',
    'a b',
    'a/b',
    '..',
    '.',
    '/etc',
    'a\n',
    'a\0',
    'é',
    'а',
  ])('refuses %j, which is no RFC 1123 label', (name) => {
    expect(hostNameSchema.safeParse(name).success).toBe(false);
  });

  it('says what a name looks like', () => {
    expect(() => hostNameSchema.parse('Compute_0')).toThrow(/expected an RFC 1123 label/);
  });
});

describe('labelsSchema', () => {
  it('takes Kubernetes labels without prefixes, empty values too', () => {
    const labels = { site: 'lab', 'a.b_c-d': 'X.1', empty: '' };
    expect(labelsSchema.parse(labels)).toEqual(labels);
  });

  it.each([
    [{ '': 'x' }],
    [{ 'a/b': 'x' }],
    [{ a: 'x y' }],
    [{ a: '-x' }],
    [{ a: 'x'.repeat(64) }],
    [{ a: 1 }],
    [JSON.parse('{"__proto__":{"x":1}}')],
  ])('refuses %j', (labels) => {
    const result = labelsSchema.safeParse(labels);
    expect(result.success && Object.keys(result.data).length > 0).toBe(false);
  });
});

describe('a spec', () => {
  const spec = { locked: true, servicesEnabled: false };

  it('is refused with an unknown field in a manifest or body, and read without it from a newer peer', () => {
    const newer = { ...spec, drained: true };
    expect(specSchema.safeParse(newer).success).toBe(false);
    expect(looseSpecSchema.parse(newer)).toEqual(spec);
  });

  it('is the same only when both parts are', () => {
    expect(sameSpec(spec, { ...spec })).toBe(true);
    expect(sameSpec(spec, { ...spec, locked: false })).toBe(false);
    expect(sameSpec(spec, { ...spec, servicesEnabled: true })).toBe(false);
  });

  it('reads as a person would say it', () => {
    expect(describeSpec(spec)).toBe('locked, services disabled');
    expect(describeSpec({ locked: false, servicesEnabled: true })).toBe('unlocked, services enabled');
  });
});
