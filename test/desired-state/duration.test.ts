import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationSchema, formatDuration, parseDurationMs } from '../../desired-state/duration.ts';

describe('parseDurationMs', () => {
  it.each([
    ['250ms', 250],
    ['5s', 5_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1.5s', 1_500],
    ['0s', 0],
    ['2147483647ms', 2_147_483_647],
    // Neither is whole as a product of floating-point numbers.
    ['1.1h', 3_960_000],
    ['16.1s', 16_100],
    ['1.5ms', 2],
    ['0.0ms', 0],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    '5 s',
    ' 5s',
    '5s ',
    '-5s',
    '+5s',
    '5S',
    '5d',
    '.5s',
    '5.s',
    '1e3s',
    '1m30s',
    '5s\n',
    '٥s',
  ])('takes %j for no duration', (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });

  it('refuses what a timer can not keep, which would fire at once', () => {
    expect(parseDurationMs('2147483648ms')).toBeUndefined();
    expect(parseDurationMs('600h')).toBeUndefined();
    expect(parseDurationMs(`${'9'.repeat(400)}s`)).toBeUndefined();
  });

  it('refuses what is written as more than nothing, and would be nothing to a timer', () => {
    expect(parseDurationMs('0.0001ms')).toBeUndefined();
    expect(parseDurationMs('0.0000001h')).toBeUndefined();
  });

  it('never throws, and what it reads is a delay that a timer keeps', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,12}(\.\d{1,5})?(ms|s|m|h)$/));
    fc.assert(
      fc.property(text, (any) => {
        const ms = parseDurationMs(any);
        expect(ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= 2_147_483_647)).toBe(true);
      }),
    );
  });
});

describe('durationSchema', () => {
  it('turns the text into milliseconds', () => {
    expect(durationSchema.parse('5s')).toBe(5_000);
  });

  it.each(['5', 5, null])('refuses %j', (input) => {
    expect(durationSchema.safeParse(input).success).toBe(false);
  });

  it('says how a duration is written', () => {
    expect(() => durationSchema.parse('soon')).toThrow(/expected a duration such as 250ms, 5s or 2m/);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [739.6, '740ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [4_230, '4.2s'],
    [9_000, '9s'],
    [9_960, '10s'],
    [10_900, '10s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [192_000, '3m12s'],
    [3_600_000, '1h'],
    [18_120_000, '5h2m'],
    [86_400_000, '1d'],
    [273_600_000, '3d4h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('formatDuration at the edge of its units', () => {
  it.each([
    [999.4, '999ms'],
    [999.6, '1s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
