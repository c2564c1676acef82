// The terminal over streams that keep what is written.
import { Writable } from 'node:stream';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openTerminal } from '../../../controller/cli/terminal.ts';

/** What styleText asks a terminal for. */
class Screen extends Writable {
  readonly writes: string[] = [];
  readonly isTTY: boolean;
  readonly columns = 80;

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
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
