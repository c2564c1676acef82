// Which columns of a Table are printed, and how; what a host's cells say is tested in test/controller/host-columns.test.ts.
import { describe, expect, it } from 'vitest';
import type { ColumnDefinition } from '../../../controller/api/schemas.ts';
import { tableColumns } from '../../../controller/cli/host-table.ts';
import { HOST_COLUMNS } from '../../../controller/host-columns.ts';

const NOW = Date.UTC(2026, 0, 1);

function columnOf(name: string, part: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return { name, type: 'string', description: '', priority: 0, ...part };
}

function shown(definitions: readonly ColumnDefinition[], isWide: boolean) {
  return tableColumns(definitions, { isWide, nowMs: NOW });
}

/** The only column of a table, for a cell of `text`. */
function cellOf(definition: ColumnDefinition, text: string) {
  return shown([definition], false)[0]?.cell([text]);
}

describe('columns', () => {
  it('of hosts are these', () => {
    expect(shown(HOST_COLUMNS, false).map(({ header }) => header)).toEqual(
      'NAME READY LOCKED SERVICES ONLINE FLAGS GEN AGE REASON'.split(' '),
    );
    expect(shown(HOST_COLUMNS, true).map(({ header }) => header)).toEqual(
      'NAME READY LOCKED SERVICES ONLINE FLAGS GEN AGE OBSERVED RUNNING ROLES AGENT BY WHY LABELS REASON'.split(
        ' ',
      ),
    );
  });

  it('of a newer controller are shown as they come, without what would drive the terminal', () => {
    const definitions = [columnOf('Rack\u001b[2J', { type: 'colour' }), columnOf('Name')];
    expect(shown(definitions, false).map(({ header, cell }) => [header, cell(['r1', 'a'])])).toEqual([
      ['RACK [2J', { text: 'r1' }],
      ['NAME', { text: 'a' }],
    ]);
  });

  it('above 0 are shown only in a wide table, in the place of those of their name', () => {
    const definitions = [columnOf('Why'), columnOf('Name'), columnOf('Why', { priority: 1 })];
    const texts = (isWide: boolean) => shown(definitions, isWide).map(({ cell }) => cell(['s', 'a', 'long']));
    expect(texts(false)).toEqual([{ text: 's' }, { text: 'a' }]);
    expect(texts(true)).toEqual([{ text: 'a' }, { text: 'long' }]);
  });

  it('that a row has no cell for are empty', () => {
    expect(shown([columnOf('Name')], false)[0]?.cell([])).toEqual({ text: '' });
  });
});

describe('a date', () => {
  it.each([
    ['2025-12-31T23:59:18.000Z', '42s'],
    ['2026-01-01T00:00:07.000Z', '0ms'],
    ['-', '-'],
    ['', ''],
    ['yesterday?', 'yesterday?'],
  ])('%j is %j', (text, age) => {
    expect(cellOf(columnOf('Age', { type: 'date' }), text)).toEqual({ text: age });
  });

  it('in a column of text stays as it is', () => {
    expect(cellOf(columnOf('Why'), '2025-12-31T23:59:18.000Z')).toEqual({ text: '2025-12-31T23:59:18.000Z' });
  });
});

it.each([
  ['Ready', 'True', 'green'],
  ['Ready', 'False', 'red'],
  ['Online', 'Unknown', 'yellow'],
  ['Ready', '-', undefined],
  ['Ready', 'deleted', undefined],
  ['Ready', 'constructor', undefined],
  ['Flags', 'present', undefined],
  ['Flags', 'blocked', 'red'],
  ['Flags', 'absent/present', 'red'],
  ['Locked', 'True', undefined],
])('%s %s is %s', (name, text, colour) => {
  expect(cellOf(columnOf(name), text)).toEqual({ text, colour });
});
