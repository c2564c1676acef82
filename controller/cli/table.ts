// Rows under headers, in columns as wide as they need. On a terminal a row never takes a second line.
import { type Colour, oneLine, type Terminal, truncate } from './terminal.ts';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export interface Column<T> {
  readonly header: string;
  readonly cell: (row: T) => Cell | string;
}

/** Between two columns. */
const GAP = '  ';

/** Prints `rows`; the last column is what gives way where the terminal is too narrow. */
export function printTable<T>(terminal: Terminal, columns: readonly Column<T>[], rows: readonly T[]): void {
  const lines: readonly (readonly Cell[])[] = [
    columns.map(({ header }) => ({ text: header })),
    ...rows.map((row) => columns.map(({ cell }) => cleaned(cell(row)))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((line) => lengthOf(line[index]?.text ?? ''))),
  );
  for (const line of lines) terminal.print(renderLine(line, widths, terminal));
}

function renderLine(line: readonly Cell[], widths: readonly number[], terminal: Terminal): string {
  let room = terminal.width ?? Number.POSITIVE_INFINITY;
  const parts: string[] = [];
  for (const [index, { text, colour }] of line.entries()) {
    const isLast = index === line.length - 1;
    const padded = isLast ? text : text + ' '.repeat((widths[index] ?? 0) - lengthOf(text)) + GAP;
    const shown = room === Number.POSITIVE_INFINITY ? padded : truncate(padded, room);
    room -= lengthOf(shown);
    parts.push(colour === undefined ? shown : terminal.paint(colour, shown));
    if (room <= 0) break;
  }
  return parts.join('').trimEnd();
}

function cleaned(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: oneLine(cell) } : { ...cell, text: oneLine(cell.text) };
}

function lengthOf(text: string): number {
  return [...text].length;
}
