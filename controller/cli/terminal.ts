// What the CLI writes to: standard output for results, standard error for progress and errors, each a terminal or not.
import { styleText } from 'node:util';

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

export interface Terminal {
  /** One line of result. */
  print(line: string): void;
  /** One line beside the result, or several with a newline between them: progress, warnings, errors. What would drive the terminal is taken out. */
  note(line: string): void;
  /** Shows `line` in the place of the last one shown, where standard error is a terminal; undefined clears it. */
  redraw(line: string | undefined): void;
  /** Columns of standard output; undefined when it is no terminal. */
  readonly width: number | undefined;
  /** Is progress shown by `redraw`, rather than by lines? */
  readonly redraws: boolean;
  /** `text` in colour, where standard output takes it: a terminal, and no NO_COLOR. */
  paint(colour: Colour, text: string): string;
}

/** Stands for a text: no escape sequence has it. */
const MARK = '|';

/** More than that is written at once, in characters. */
const BATCH_CHARACTERS = 65_536;

/** What openTerminal must know of standard output and standard error. */
type TerminalStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns: number;
};

interface TerminalOptions {
  /** $TERM. */
  readonly term?: string | undefined;
  /** Told when a line of progress is shown, and when it is cleared. */
  readonly onDrawn?: (isDrawn: boolean) => void;
}

/** Progress is shown by `redraw` where that can be done: on a terminal whose size is known and that is not dumb. */
export function openTerminal(
  out: TerminalStream,
  err: TerminalStream,
  { term, onDrawn = () => {} }: TerminalOptions = {},
): Terminal {
  const redraws = widthOf(err) !== undefined && term !== 'dumb';
  let isDrawn = false;
  // The lines of one turn are one write, rather than 1,000 for 1,000 hosts.
  let waiting = '';
  const flush = () => {
    const text = waiting;
    waiting = '';
    if (text !== '') out.write(text);
  };
  const redraw = (line: string | undefined) => {
    if (!redraws || (line === undefined && !isDrawn)) return;
    flush();
    err.write(`\r\u001b[K${line === undefined ? '' : truncate(line, err.columns - 1)}`);
    if (isDrawn !== (line !== undefined)) onDrawn(!isDrawn);
    isDrawn = line !== undefined;
  };
  return {
    print(line) {
      redraw(undefined);
      if (waiting === '') queueMicrotask(flush);
      waiting += `${line}\n`;
      if (waiting.length >= BATCH_CHARACTERS) flush();
    },
    note(line) {
      flush();
      redraw(undefined);
      err.write(`${line.split('\n').map(oneLine).join('\n')}\n`);
    },
    redraw,
    width: widthOf(out),
    redraws,
    paint: painterOf(out),
  };
}

/** A terminal that was never told its size says 0. */
function widthOf({ isTTY, columns }: TerminalStream): number | undefined {
  return isTTY === true && columns > 0 ? columns : undefined;
}

/** Asks styleText once for each colour: it looks at the stream and the environment each time, which is half of what a table of 1,000 rows costs. */
function painterOf(stream: TerminalStream): Terminal['paint'] {
  const codes = new Map<Colour, readonly [before: string, after: string]>();
  return (colour, text) => {
    const known = codes.get(colour);
    if (known !== undefined) return known[0] + text + known[1];
    const [before = '', after = ''] = styleText(colour, MARK, { stream }).split(MARK);
    codes.set(colour, [before, after]);
    return before + text + after;
  };
}

/** `text` in one line of at most `width` characters, without what would move the cursor. */
export function truncate(text: string, width: number): string {
  const characters = [...oneLine(text)];
  if (characters.length <= width) return characters.join('');
  return `${characters.slice(0, Math.max(width - 1, 0)).join('')}…`;
}

/** `text` without control characters and those that turn the direction of a line: a script's output must not drive the reader's terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_C}]+/gu, ' ');
}
