// Reads a command line that is still being written, as commander would take its words. Pure, and total: what it does not know it passes over.
import type { Command, Option } from 'commander';

/** The words before the one to complete. */
export interface Line {
  /** The innermost command that was named. */
  readonly command: Command;
  readonly operands: readonly string[];
  readonly given: ReadonlySet<Option>;
  /** Of the options that take one, by the option's name. */
  readonly values: ReadonlyMap<string, string>;
  /** The option whose value comes next, or may: a variadic one takes as many as there are. */
  readonly awaiting: Option | undefined;
  /** After `--` every word is an operand. */
  readonly optionsEnded: boolean;
}

export function readLine(program: Command, words: readonly string[]): Line {
  let line: Line = {
    command: program,
    operands: [],
    given: new Set(),
    values: new Map(),
    awaiting: undefined,
    optionsEnded: false,
  };
  for (const word of words) line = readWord(line, word);
  return line;
}

/** Is `word` a value of the option that awaits one? */
export function isValue({ awaiting, values }: Line, word: string): boolean {
  if (awaiting === undefined) return false;
  return (awaiting.required && !values.has(awaiting.name())) || !word.startsWith('-');
}

export interface OptionWord {
  readonly options: readonly Option[];
  /** The value in the same word, and what stands before it; undefined where there is none. */
  readonly value: string | undefined;
  readonly head: string;
}

/** The options that `word` names: one for `--output=json`, `--wait` and `-ojson`, several for `-wo`; none when it names none that is known. */
export function readOptionWord(command: Command, word: string): OptionWord {
  return word.startsWith('--') ? readLongOption(command, word) : readShortOptions(command, word);
}

/** The command's own, then those of the commands around it, which may be given here too. */
export function optionsOf(command: Command): readonly Option[] {
  return command.parent === null ? command.options : [...command.options, ...optionsOf(command.parent)];
}

function readWord(line: Line, word: string): Line {
  const { command, operands, awaiting, optionsEnded } = line;
  if (awaiting !== undefined && isValue(line, word)) {
    const values = new Map(line.values).set(awaiting.name(), word);
    return { ...line, values, awaiting: awaiting.variadic ? awaiting : undefined };
  }
  if (optionsEnded || !isOptionWord(word)) {
    const inner = operands.length === 0 ? innerCommand(command, word) : undefined;
    const read = inner === undefined ? { operands: [...operands, word] } : { command: inner };
    return { ...line, ...read, awaiting: undefined };
  }
  if (word === '--') return { ...line, awaiting: undefined, optionsEnded: true };
  const { options, value } = readOptionWord(command, word);
  const last = options.at(-1);
  const given = new Set([...line.given, ...options]);
  if (last === undefined || !takesValue(last)) return { ...line, given, awaiting: undefined };
  if (value === undefined) return { ...line, given, awaiting: last };
  return { ...line, given, values: new Map(line.values).set(last.name(), value), awaiting: undefined };
}

/** A lone `-` is a value: standard input. */
function isOptionWord(word: string): boolean {
  return word.length > 1 && word.startsWith('-');
}

function innerCommand(command: Command, word: string): Command | undefined {
  return command.commands.find((inner) => inner.name() === word || inner.aliases().includes(word));
}

function readLongOption(command: Command, word: string): OptionWord {
  const at = word.indexOf('=');
  const long = at < 0 ? word : word.slice(0, at);
  const option = optionsOf(command).find((known) => known.long === long);
  if (option === undefined) return { options: [], value: undefined, head: '' };
  if (at < 0) return { options: [option], value: undefined, head: '' };
  return { options: [option], value: word.slice(at + 1), head: word.slice(0, at + 1) };
}

function readShortOptions(command: Command, word: string): OptionWord {
  const known = optionsOf(command);
  const options: Option[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const option = known.find(({ short }) => short === `-${word[at]}`);
    if (option === undefined) break;
    options.push(option);
    if (!takesValue(option)) continue;
    const value = word.slice(at + 1);
    return { options, value: value === '' ? undefined : value, head: word.slice(0, at + 1) };
  }
  return { options, value: undefined, head: '' };
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}
