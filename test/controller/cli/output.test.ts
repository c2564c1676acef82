// Tables and the terminal, without a process.
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { findController } from '../../../controller/cli/address.ts';
import { labelOption } from '../../../controller/cli/cli.ts';
import { parseConditionGoal, readyAt } from '../../../controller/cli/goal.ts';
import { printTable } from '../../../controller/cli/table.ts';
import { oneLine, type Terminal, truncate } from '../../../controller/cli/terminal.ts';
import { toHost } from '../../../controller/host-view.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import { parseLabelSelector } from '../../../controller/targets.ts';

function terminalOf(width: number | undefined) {
  const lines: string[] = [];
  const terminal: Terminal = {
    print: (line) => lines.push(line),
    note: () => {},
    redraw: () => {},
    width,
    redraws: false,
    paint: (colour, text) => `<${colour}>${text}</>`,
  };
  return { terminal, lines };
}

const COLUMNS = [
  { header: 'NAME', cell: (row: readonly [string, string]) => row[0] },
  { header: 'MESSAGE', cell: (row: readonly [string, string]) => row[1] },
];

describe('a table', () => {
  it('has columns as wide as they need', () => {
    const { terminal, lines } = terminalOf(undefined);
    printTable(
      terminal,
      COLUMNS,
      [
        ['compute-0', 'fine'],
        ['c', 'a message that is long'],
      ],
      'truncate',
    );
    expect(lines).toEqual(['NAME       MESSAGE', 'compute-0  fine', 'c          a message that is long']);
  });

  it('counts characters, not units of text, and not what paints them', () => {
    const { terminal, lines } = terminalOf(undefined);
    const name = { header: 'NAME', cell: (text: string) => ({ text, colour: 'red' as const }) };
    printTable(terminal, [name, { header: 'LAST', cell: () => 'x' }], ['🦄é', 'abcd\n', ''], 'truncate');
    expect(lines).toEqual(['NAME   LAST', '<red>🦄é</>     x', '<red>abcd </>  x', '<red></>       x']);
  });

  it('takes no second line of a terminal that has room for its last column', () => {
    const { terminal, lines } = terminalOf(31);
    printTable(terminal, COLUMNS, [['compute-0', 'a message that is long']], 'truncate');
    expect(lines).toEqual(['NAME       MESSAGE', 'compute-0  a message that is l…']);
  });

  it.each([1, 5, 16, 30])(
    'shows of its last column what can be read in a terminal of %d columns',
    (width) => {
      const { terminal, lines } = terminalOf(width);
      printTable(terminal, COLUMNS, [['compute-0', 'a message that is long']], 'truncate');
      expect(lines).toEqual(['NAME       MESSAGE', 'compute-0  a message that is l…']);
    },
  );

  it('continues its last column below where nothing may be lost', () => {
    const { terminal, lines } = terminalOf(31);
    const message = `a message that goes on and on ${'x'.repeat(25)}`;
    printTable(terminal, COLUMNS, [['compute-0', message]], 'wrap');
    expect(lines).toEqual([
      'NAME       MESSAGE',
      'compute-0  a message that goes',
      '           on and on',
      `           ${'x'.repeat(20)}`,
      `           ${'x'.repeat(5)}`,
    ]);
  });

  it('shows no control characters: a script must not drive the terminal', () => {
    const { terminal, lines } = terminalOf(undefined);
    printTable(terminal, COLUMNS, [['c', 'one\u001b[2Jtwo\nthree']], 'wrap');
    expect(lines[1]).toBe('c     one [2Jtwo three');
    expect(oneLine('a\u009bb\u0007c')).toBe('a b c');
    expect(oneLine('a\u202eb\u2066\u200fc\u2069d\u061ce')).toBe('a b c d e');
    expect(truncate('abcdef', 3)).toBe('ab…');
  });
});

describe('labels that are given several times', () => {
  const labels = (...texts: readonly string[]) => {
    const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    command.addOption(labelOption('-l, --selector <key=value,...>', 'labels'));
    return command
      .parse(
        texts.flatMap((text) => ['-l', text]),
        { from: 'user' },
      )
      .opts().selector;
  };

  it('add up', () => {
    expect(labels('site=lab,row=7', 'rack=')).toEqual({ site: 'lab', row: '7', rack: '' });
  });

  it.each([[['rack=0,rack=2']], [['rack=0', 'rack=2']], [['rack=0', 'site=lab,rack=0']]])(
    'are refused where one key would hide another: %j',
    (texts) => {
      expect(() => labels(...texts)).toThrow(/expected each key once, found rack=0,/);
    },
  );
});

describe('the address of the controller', () => {
  const around = (env: Record<string, string>, ...there: readonly string[]) => ({
    env,
    cwd: '/site',
    exists: (path: string) => there.includes(path),
  });

  it.each([
    ['unix:/a.sock', around({ LOCKSTEP_CONTROLLER: 'unix:/b.sock' }), '/a.sock'],
    [
      undefined,
      around({ LOCKSTEP_CONTROLLER: 'unix:/b.sock' }, '/site/.lockstep/controller.sock'),
      '/b.sock',
    ],
    [undefined, around({}, '/site/.lockstep/controller.sock'), '/site/.lockstep/controller.sock'],
    [
      undefined,
      around({}, '/site/.lockstep/controller.sock', '/site/.lockstep/controller/controller.sock'),
      '/site/.lockstep/controller/controller.sock',
    ],
    [undefined, around({ LOCKSTEP_CONTROLLER: '' }), '/var/lib/lockstep-controller/controller.sock'],
  ])('%s among %j is %s', (option, surroundings, expected) => {
    expect(findController(option, surroundings)).toBe(expected);
  });

  it('of another kind is wrong usage', () => {
    expect(() => findController(undefined, around({ LOCKSTEP_CONTROLLER: '/b.sock' }))).toThrow(
      '$LOCKSTEP_CONTROLLER: expected unix:PATH, found "/b.sock"',
    );
  });

  it('of more bytes than a socket takes is wrong usage, and says so', () => {
    const longest = `/${'x'.repeat(106)}`;
    expect(findController(`unix:${longest}`, around({}))).toBe(longest);
    expect(() => findController(`unix:${longest}y`, around({}))).toThrow(
      /^--controller: expected a socket path of at most 107 bytes, found 108 in .*: use a shorter one/,
    );
    expect(() =>
      findController(undefined, around({ LOCKSTEP_CONTROLLER: `unix:/${'é'.repeat(60)}` })),
    ).toThrow(/^\$LOCKSTEP_CONTROLLER: expected a socket path of at most 107 bytes, found 121 in /);
  });
});

describe('goals', () => {
  it.each([
    ['condition=Ready', { type: 'Ready', status: 'True' }],
    ['condition=online=false', { type: 'Online', status: 'False' }],
    ['condition=GoEnabled=Unknown', { type: 'GoEnabled', status: 'Unknown' }],
  ])('%s', (text, goal) => {
    expect(parseConditionGoal(text)).toEqual(goal);
  });

  it.each(['Ready', 'condition=', 'condition=Ready=', 'condition=Ready=Maybe'])('%s is none', (text) => {
    expect(() => parseConditionGoal(text)).toThrow(/expected condition=TYPE/);
  });

  it('a generation that was replaced is never ready', () => {
    const host = toHost({ ...noRecord('a'), generation: 3 });
    expect(readyAt(4)(host)).toMatch(/not seen yet/);
    expect(readyAt(3)(host)).toMatch(/^NeverConnected: /);
    expect(() => readyAt(2)(host)).toThrow(/generation 2 was replaced by 3/);
  });
});

describe('label selectors', () => {
  it('are key=value, several of them all to match', () => {
    expect(parseLabelSelector('site=lab, rack=3,empty=')).toEqual({ site: 'lab', rack: '3', empty: '' });
  });

  it.each(['', 'site', '=lab', 'site=lab,', 'a b=c', 'a=b c', 'a=1,a=2', '__proto__=a', 'a=1,__proto__=b'])(
    '%j is none',
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow(/label selector: .*expected/);
    },
  );
});
