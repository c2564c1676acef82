import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../demo/command-line.ts';

describe('the command line of the demo', () => {
  it.each([
    [[], { dir: undefined, driftMs: undefined, isHelp: false }],
    [['--for', '1.5s'], { dir: undefined, driftMs: 1_500, isHelp: false }],
    [['--for=2m', '--dir', '/tmp/x'], { dir: '/tmp/x', driftMs: 120_000, isHelp: false }],
    [['--help'], { dir: undefined, driftMs: undefined, isHelp: true }],
  ])('%j is understood', (args, expected) => {
    expect(parseCommandLine(args)).toEqual(expected);
  });

  it.each([
    [['--for', '20'], /--for: expected a duration such as 20s, .* found "20"/],
    [['--for', '0s'], /--for: expected a duration/],
    [['--for'], /--for/],
    [['--dir', ''], /--dir: expected a folder/],
    [['20s'], /20s/],
    [['--fro', '20s'], /--fro/],
  ])('%j is wrong usage', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(expect.objectContaining({ code: 'Usage' }));
    expect(() => parseCommandLine(args)).toThrow(message);
  });
});
