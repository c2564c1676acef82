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

export interface TableOptions {
  /** Left out: yes. */
  readonly hasHeaders?: boolean;
}

const GAP = '  ';
/** In less room than that, text is worth neither wrapping nor cutting: the terminal then breaks the line as it likes. */
const MIN_LAST_WIDTH = 20;

export function printTable<T>(
  terminal: Terminal,
  columns: readonly Column<T>[],
  rows: readonly T[],
  overflow: Overflow,
  options: TableOptions = {},
): void {
  new GrowingTable(terminal, columns, overflow, options).print(rows);
}

/** A table that gets more rows while it is looked at: its columns are as wide as the first rows need, and grow with those that need more. */
export class GrowingTable<T> {
  readonly #terminal: Terminal;
  readonly #columns: readonly Column<T>[];
  readonly #overflow: Overflow;
  #widths: readonly number[];
  /** Those that are still to be printed. */
  #headers: readonly string[];

  constructor(
    terminal: Terminal,
    columns: readonly Column<T>[],
    overflow: Overflow,
    { hasHeaders = true }: TableOptions = {},
  ) {
    this.#terminal = terminal;
    this.#columns = columns;
    this.#overflow = overflow;
    this.#headers = hasHeaders ? columns.map(({ header }) => header) : [];
    this.#widths = columns.map((_, index) => lengthOf(this.#headers[index] ?? ''));
  }

  /** Prints the rows, before the first of all the headers. */
  print(rows: readonly T[]): void {
    const lines = rows.map((row) => this.#columns.map(({ cell }) => measured(cell(row))));
    this.#widths = this.#widths.map((width, index) =>
      // Not one argument for each row: there may be more rows than a call takes.
      lines.reduce((widest, line) => Math.max(widest, line[index]?.length ?? 0), width),
    );
    const offset = this.#widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
    if (this.#headers.length > 0) this.#printLine(this.#headers.map(measured), offset);
    this.#headers = [];
    for (const line of lines) this.#printLine(line, offset);
  }

  /** @param offset of the last column, in characters. */
  #printLine(line: readonly MeasuredCell[], offset: number): void {
    const terminal = this.#terminal;
    const last = line.length - 1;
    let front = '';
    for (let index = 0; index < last; index += 1) {
      const { text, length, colour } = line[index] ?? EMPTY;
      const padding = ' '.repeat((this.#widths[index] ?? 0) - length);
      front += (colour === undefined ? text : terminal.paint(colour, text)) + padding + GAP;
    }
    const room = (terminal.width ?? Number.POSITIVE_INFINITY) - offset;
    const [first = '', ...more] = lastColumn(line[last] ?? EMPTY, room, this.#overflow);
    terminal.print((front + first).trimEnd());
    for (const part of more) terminal.print(' '.repeat(offset) + part);
  }
}

/** A cell without control characters. `length` in characters. */
interface MeasuredCell extends Cell {
  readonly length: number;
}

const EMPTY: MeasuredCell = { text: '', length: 0 };

/** Most text is of these alone, and needs no look at each of its characters: nothing to take out, and each is one unit long. */
const PRINTABLE_ASCII = /^[ -~]*$/;

function measured(cell: Cell | string): MeasuredCell {
  const { text, colour } = typeof cell === 'string' ? { text: cell } : cell;
  if (PRINTABLE_ASCII.test(text)) return { text, colour, length: text.length };
  const clean = oneLine(text);
  return { text: clean, colour, length: lengthOf(clean) };
}

function lastColumn({ text, length }: MeasuredCell, room: number, overflow: Overflow): readonly string[] {
  if (length <= room) return [text];
  if (overflow === 'truncate') return [truncate(text, Math.max(room, MIN_LAST_WIDTH))];
  return room < MIN_LAST_WIDTH ? [text] : wrap(text, room);
}

/** `text` in lines of at most `width` characters: cut at spaces where there are some; a word that is longer than a line is cut. */
export function wrap(text: string, width: number): readonly string[] {
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

function lengthOf(text: string): number {
  return [...text].length;
}
