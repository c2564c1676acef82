import { describe, expect, it } from 'vitest';
import { parseCommandLine, usage } from '../../bench/command-line.ts';

const NAMES = ['volatile-flag', 'idle'];

describe('parseCommandLine', () => {
  it('measures all and writes the page when nothing is said', () => {
    expect(parseCommandLine([], NAMES)).toEqual({
      only: [],
      isQuick: false,
      out: 'docs/performance.md',
      isHelp: false,
    });
  });

  it.each([[['--quick']], [['--only', 'idle']], [['--only', 'idle', '--quick']]])(
    '%j is not a whole page, so none is written',
    (args) => {
      expect(parseCommandLine(args, NAMES).out).toBeUndefined();
    },
  );

  it('writes where it is told, whatever is measured', () => {
    expect(parseCommandLine(['--quick', '--out', 'x.md'], NAMES)).toMatchObject({
      isQuick: true,
      out: 'x.md',
    });
  });

  it('takes several names', () => {
    expect(parseCommandLine(['--only', 'idle', '--only', 'volatile-flag'], NAMES).only).toEqual([
      'idle',
      'volatile-flag',
    ]);
  });

  it.each([
    [['--only', 'flags'], /expected one of volatile-flag, idle, found "flags"/],
    [['--out', ''], /--out: expected a file/],
    [['--fast'], /--fast/],
    [['idle'], /idle/],
  ])('refuses %j as wrong usage', (args, message) => {
    expect(() => parseCommandLine(args, NAMES)).toThrow(
      expect.objectContaining({ code: 'Usage', message: expect.stringMatching(message) }),
    );
  });

  it('names what can be measured in its help', () => {
    expect(parseCommandLine(['--help'], NAMES).isHelp).toBe(true);
    expect(usage(NAMES)).toContain('volatile-flag, idle');
  });
});
