// Rows under headers, in columns as wide as they need, made to fit the terminal by its last column.
import { type Colour, oneLine, type Terminal, truncate } from './terminal.ts';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export interface Column<T> {
  readonly header: string;
  readonly cell: (row: T) => Cell | string;
}

/** What becomes of a last column that is too long for the terminal: cut off, or continued below. */
export type Overflow = 'truncate' | 'wrap';

const GAP = '  ';
/** In less room than that, text is not worth wrapping: the terminal then breaks the line as it likes. */
const MIN_WRAP_WIDTH = 20;

export function printTable<T>(
  terminal: Terminal,
  columns: readonly Column<T>[],
  rows: readonly T[],
  overflow: Overflow,
): void {
  const lines: readonly (readonly Cell[])[] = [
    columns.map(({ header }) => ({ text: header })),
    ...rows.map((row) => columns.map(({ cell }) => cleaned(cell(row)))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((line) => lengthOf(line[index]?.text ?? ''))),
  );
  const offset = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = (terminal.width ?? Number.POSITIVE_INFINITY) - offset;
  for (const line of lines) {
    const front = line.slice(0, -1).map((cell, index) => paddedCell(terminal, cell, widths[index] ?? 0));
    const [first = '', ...more] = lastColumn(line.at(-1)?.text ?? '', room, overflow);
    terminal.print((front.join('') + first).trimEnd());
    for (const part of more) terminal.print(' '.repeat(offset) + part);
  }
}

function paddedCell(terminal: Terminal, { text, colour }: Cell, width: number): string {
  const padding = ' '.repeat(width - lengthOf(text)) + GAP;
  return (colour === undefined ? text : terminal.paint(colour, text)) + padding;
}

function lastColumn(text: string, room: number, overflow: Overflow): readonly string[] {
  if (lengthOf(text) <= room) return [text];
  if (overflow === 'truncate') return [truncate(text, room)];
  return room < MIN_WRAP_WIDTH ? [text] : wrap(text, room);
}

/** At spaces where there are some; a word that is longer than a line is cut. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end).join(''));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...lines, rest.join('')];
}

function cleaned(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: oneLine(cell) } : { ...cell, text: oneLine(cell.text) };
}

function lengthOf(text: string): number {
  return [...text].length;
}
