// How watches are printed: a row, a JSON line or a YAML document for each change.
import type { StoredEvent } from '../../desired-state/events.ts';
import { cellsOf, HOST_COLUMNS, UNKNOWN_CELL } from '../host-columns.ts';
import { HOST_PREFIX } from './cli.ts';
import type { HostUpdate } from './follow-hosts.ts';
import { type Cells, eventColumns, tableColumns } from './host-table.ts';
import { printDocument, toJson } from './print-document.ts';
import { type Cell, type Column, GrowingTable, type Overflow, type TableOptions } from './table.ts';
import type { Terminal } from './terminal.ts';

export type Output = 'table' | 'wide' | 'json' | 'yaml' | 'name';

interface Printing {
  readonly terminal: Terminal;
  readonly output: Output;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
  /** Of a table; left out: yes. */
  readonly hasHeaders?: boolean;
}

/** @returns prints updates of hosts. In a table a change that no column but AGE shows gets no row. */
export function hostUpdatePrinter({ terminal, output, now, hasHeaders = true }: Printing) {
  if (output === 'json' || output === 'yaml') {
    return (updates: readonly HostUpdate[]) => printEach(terminal, updates, output);
  }
  if (output === 'name') {
    return async (updates: readonly HostUpdate[]): Promise<void> => {
      for (const { object } of updates) terminal.print(HOST_PREFIX + object.metadata.name);
    };
  }
  const isWide = output === 'wide';
  const columns = () => tableColumns(HOST_COLUMNS, { isWide, nowMs: now() });
  const headers = columns().map(({ header }) => header);
  const table = tableOf(terminal, headers, isWide ? 'wrap' : 'truncate', { hasHeaders });
  const shown = new Map<string, string>();
  return async (updates: readonly HostUpdate[]): Promise<void> => {
    const rows: Row[] = [];
    const present = columns();
    for (const { type, object } of updates) {
      const { name } = object.metadata;
      const row = rowOf(present, type === 'DELETED' ? deletedCells(name) : cellsOf(object));
      const looks = JSON.stringify(row.filter((_, index) => headers[index] !== 'AGE'));
      if (shown.get(name) === looks) continue;
      rows.push(row);
      if (type === 'DELETED') shown.delete(name);
      else shown.set(name, looks);
    }
    if (rows.length > 0) table.print(rows);
  };
}

/** @returns prints events. */
export function eventPrinter({ terminal, output, now }: Printing) {
  if (output === 'json' || output === 'yaml') {
    return (events: readonly StoredEvent[]) => printEach(terminal, events, output);
  }
  const headers = eventColumns(now()).map(({ header }) => header);
  const table = tableOf(terminal, headers, 'wrap');
  return async (events: readonly StoredEvent[]): Promise<void> => {
    if (events.length > 0) table.print(events.map((event) => rowOf(eventColumns(now()), event)));
  };
}

/** Ages count from when a row is printed: it comes to the table as its cells. */
type Row = readonly (Cell | string)[];

function tableOf(
  terminal: Terminal,
  headers: readonly string[],
  overflow: Overflow,
  options?: TableOptions,
): GrowingTable<Row> {
  const columns = headers.map((header, index) => ({ header, cell: (row: Row) => row[index] ?? '' }));
  return new GrowingTable(terminal, columns, overflow, options);
}

function rowOf<T>(columns: readonly Column<T>[], of: T): Row {
  return columns.map(({ cell }) => cell(of));
}

function deletedCells(host: string): Cells {
  return HOST_COLUMNS.map(({ name }) => {
    if (name === 'Name') return host;
    return name === 'Ready' ? 'deleted' : UNKNOWN_CELL;
  });
}

/** For programs: one JSON document a line; YAML documents each begin with ---. */
async function printEach(
  terminal: Terminal,
  documents: readonly unknown[],
  output: 'json' | 'yaml',
): Promise<void> {
  for (const document of documents) {
    if (output === 'json') {
      terminal.print(toJson(document));
    } else {
      terminal.print('---');
      await printDocument(terminal, document, 'yaml');
    }
  }
}
