// The terminal over streams that keep what is written.
import { Writable } from 'node:stream';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openTerminal } from '../../../controller/cli/terminal.ts';

/** What styleText asks a terminal for. */
class Screen extends Writable {
  readonly writes: string[] = [];
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(isTTY: boolean, columns = 80) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
  }

  getColorDepth(): number {
    return 8;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    this.writes.push(text);
    done();
  }
}

beforeEach(() => {
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS']) vi.stubEnv(name, undefined);
  return () => vi.unstubAllEnvs();
});

describe('what is printed', () => {
  it('leaves in few writes, in order', async () => {
    const out = new Screen(false);
    const terminal = openTerminal(out, new Screen(false));
    const lines = Array.from({ length: 1_000 }, (_, index) => `host ${index} ${'x'.repeat(80)}`);
    for (const line of lines) terminal.print(line);
    await Promise.resolve();
    expect(out.writes.join('')).toBe(`${lines.join('\n')}\n`);
    expect(out.writes.length).toBeLessThan(4);
  });

  it('comes before what is noted after it', () => {
    const both = new Screen(false);
    const terminal = openTerminal(both, both);
    terminal.print('a');
    terminal.note('b');
    expect(both.writes).toEqual(['a\n', 'b\n']);
  });
});

it('what is noted drives no terminal, and may have several lines', () => {
  const err = new Screen(true);
  openTerminal(new Screen(true), err).note('a \u001b[2Jb\u202e:\n  c\u009b');
  expect(err.writes).toEqual(['a  [2Jb :\n  c \n']);
});

describe('progress', () => {
  it('is drawn in one line of a terminal, and cleared before what comes next', () => {
    const err = new Screen(true, 10);
    const drawn: boolean[] = [];
    const terminal = openTerminal(new Screen(false), err, { onDrawn: (isDrawn) => drawn.push(isDrawn) });
    terminal.redraw('a line that is long');
    terminal.redraw('another');
    terminal.note('b');
    expect(err.writes).toEqual(['\r\u001b[Ka line t…', '\r\u001b[Kanother', '\r\u001b[K', 'b\n']);
    expect(drawn).toEqual([true, false]);
  });

  it.each([
    ['its size was never set', new Screen(true, 0), 'xterm'],
    ['it is dumb', new Screen(true), 'dumb'],
    ['it is none', new Screen(false), 'xterm'],
  ])('is not drawn on a terminal where %s', (_why, err, term) => {
    const terminal = openTerminal(new Screen(false), err, { term });
    terminal.redraw('a line');
    terminal.redraw(undefined);
    expect(terminal.redraws).toBe(false);
    expect(err.writes).toEqual([]);
  });
});

it.each([
  ['a terminal', new Screen(true, 40), 40],
  ['a terminal that was never told it', new Screen(true, 0), undefined],
  ['no terminal', new Screen(false), undefined],
])('the width of %s is what is known of it', (_what, out, width) => {
  expect(openTerminal(out, out).width).toBe(width);
});

describe('colours', () => {
  it('are those of a terminal', () => {
    const { paint } = openTerminal(new Screen(true), new Screen(true));
    expect([paint('red', 'a|b'), paint('red', 'c'), paint('green', 'd')]).toEqual([
      '\u001b[31ma|b\u001b[39m',
      '\u001b[31mc\u001b[39m',
      '\u001b[32md\u001b[39m',
    ]);
  });

  it('are none elsewhere', () => {
    const { paint } = openTerminal(new Screen(false), new Screen(true));
    expect([paint('red', 'a'), paint('red', 'b')]).toEqual(['a', 'b']);
  });
});
