import { describe, expect, it } from 'vitest';
import { cellsOf, formatNumber, isSound } from '../../bench/figures.ts';
import { type Figures, judge, type RowResult } from '../../bench/row.ts';
import { MEMORY, RESULT, ROW } from './fixtures.ts';

const missed: RowResult = {
  ...RESULT,
  lockstep: { kind: 'spread', p50: 1, p99: 1, max: 1, n: 9_998, missed: 2 },
};

describe('judge', () => {
  const spread = (p50: number, p99: number): Figures => ({
    kind: 'spread',
    p50,
    p99,
    max: 99,
    n: 5,
    missed: 0,
  });

  it('is met at the target itself, and not above it', () => {
    expect(judge(ROW, spread(2, 10))).toEqual({ kind: 'met' });
    expect(judge(ROW, spread(2, 10.1))).toEqual({
      kind: 'not met',
      failed: [{ target: ROW.targets[1], found: 10.1 }],
    });
  });

  it('names every target that was not met', () => {
    expect(judge(ROW, spread(3, 20))).toMatchObject({ failed: [{ found: 3 }, { found: 20 }] });
  });

  it('says missed before it says anything about speed', () => {
    expect(judge(ROW, missed.lockstep)).toEqual({ kind: 'missed', missed: 2 });
  });

  it('meets no target that its figures say nothing of', () => {
    expect(judge(ROW, { kind: 'value', value: 0, detail: '' }).kind).toBe('not met');
    expect(judge(MEMORY.row, spread(0, 0)).kind).toBe('not met');
  });
});

describe('cellsOf', () => {
  it('shows a row with its figures, its comparators and its verdict', () => {
    expect(cellsOf(RESULT)).toEqual({
      what: 'flag deleted -> back',
      target: 'p50 <= 2 ms, p99 <= 10 ms',
      lockstep: '1.23/9.87/123 ms (10000)',
      comparators: ['bare loop: 0.050/4.30/8.00 ms (200)', 'monit: not installed here'],
      verdict: 'met',
    });
  });

  it('shows one figure with what it was made of', () => {
    expect(cellsOf(MEMORY)).toMatchObject({
      target: '<= 2.8 x',
      lockstep: '3.50 x (150 MiB)',
      comparators: ['bare Node: 1.00 x (43 MiB)'],
      verdict: 'not met: 3.50 > 2.8',
    });
  });

  it('shows what was missed', () => {
    expect(cellsOf(missed)).toMatchObject({
      lockstep: '1.00/1.00/1.00 ms (9998, 2 MISSED)',
      verdict: 'MISSED 2',
    });
  });

  it('shows why a row broke', () => {
    expect(cellsOf({ row: ROW, broke: 'no agent' })).toMatchObject({
      lockstep: '-',
      verdict: 'BROKE: no agent',
    });
  });
});

describe('isSound', () => {
  it('does not hold slowness against a run', () => {
    expect(isSound(RESULT)).toBe(true);
    expect(isSound(MEMORY)).toBe(true);
  });

  it('holds what was missed or broke against it', () => {
    expect(isSound(missed)).toBe(false);
    expect(isSound({ row: ROW, broke: 'no agent' })).toBe(false);
  });
});

describe('formatNumber', () => {
  it.each([
    [0, '0.00'],
    [0.0123, '0.012'],
    [0.1, '0.10'],
    [9.999, '10.00'],
    [12.34, '12.3'],
    [123.4, '123'],
    [-0.5, '-0.50'],
  ])('%d is %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});
