// What may stand where the cursor is, from the commander program itself: its commands, options, choices and placeholders. Pure, and total: a line
// that is wrong has no candidates.
import type { Command, Option } from 'commander';
import { HOST_PREFIX } from './cli.ts';
import { isValue, type Line, optionsOf, readLine, readOptionWord } from './completion-line.ts';
import { type Candidate, valuesOf, type Wanted } from './completion-values.ts';

export interface Completion {
  readonly wanted: Wanted;
  /** What the word begins with before what is wanted: `--output=`, else mostly empty. Candidates come without it. */
  readonly head: string;
  /** The rest of the word, up to the cursor. */
  readonly typed: string;
  /** The value of --controller on that line. */
  readonly controller: string | undefined;
}

/** @param words those after the program's name, up to the cursor; the last, which may be empty, is the one to complete. */
export function complete(program: Command, words: readonly string[]): Completion {
  const line = readLine(program, words.slice(0, -1));
  return { ...wantedAt(line, words.at(-1) ?? ''), controller: line.values.get('controller') };
}

/** The option's `<placeholder>` without its brackets and a variadic one's dots; empty for one that takes no value. */
export function placeholderOf(option: Option): string {
  return /[<[](.+?)(?:(?<!,)\.\.\.)?[>\]]$/.exec(option.flags)?.[1] ?? '';
}

type WantedAt = Omit<Completion, 'controller'>;

function wantedAt(line: Line, word: string): WantedAt {
  const { command, awaiting, optionsEnded } = line;
  if (awaiting !== undefined && isValue(line, word)) return valueFor(awaiting, '', word);
  if (optionsEnded || !word.startsWith('-')) return operandAt(line, word);
  const { options, head, value } = readOptionWord(command, word);
  const last = options.at(-1);
  if (last !== undefined && value !== undefined) return valueFor(last, head, value);
  return { wanted: { kind: 'candidates', candidates: optionsFor(line) }, head: '', typed: word };
}

const SCHEME = 'unix:';

function valueFor(option: Option, head: string, typed: string): WantedAt {
  const wanted = valuesOf(placeholderOf(option), option.argChoices);
  if (wanted.kind !== 'socket') return { wanted, head, typed };
  if (typed.startsWith(SCHEME)) {
    return { wanted: { kind: 'files' }, head: `${head}${SCHEME}`, typed: typed.slice(SCHEME.length) };
  }
  const scheme = { text: SCHEME, description: "the controller's socket" };
  return { wanted: { kind: 'candidates', candidates: [scheme] }, head, typed };
}

/** A host may be written as the CLI prints it, host/NAME, also where a kind is wanted. */
function operandAt(line: Line, word: string): WantedAt {
  const wanted = operandOf(line, word);
  if (wanted.kind !== 'hosts' || !word.startsWith(HOST_PREFIX)) return { wanted, head: '', typed: word };
  return { wanted, head: HOST_PREFIX, typed: word.slice(HOST_PREFIX.length) };
}

function operandOf({ command, operands }: Line, word: string): Wanted {
  const commands = command.createHelp().visibleCommands(command);
  const isCommand = operands.length === 0 || (operands.length === 1 && operands[0] === 'help');
  if (isCommand && commands.length > 0) return { kind: 'candidates', candidates: commands.map(asCandidate) };
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[operands.length] ?? (last?.variadic === true ? last : undefined);
  if (argument === undefined) return { kind: 'candidates', candidates: [] };
  const isNamed = argument.name() === 'kind' && word.startsWith(HOST_PREFIX);
  const wanted = valuesOf(isNamed ? 'name' : argument.name(), argument.argChoices);
  if (wanted.kind !== 'hosts') return wanted;
  return { ...wanted, except: operands.map((name) => name.replace(HOST_PREFIX, '')) };
}

/** Long names, and short ones; without those that were given, unless they add up. */
function optionsFor({ command, given }: Line): readonly Candidate[] {
  const own = command.createHelp().visibleOptions(command);
  const around = optionsOf(command).filter(
    (option) => !own.includes(option) && !option.hidden && option.long !== '--version',
  );
  return [...own, ...around]
    .filter((option) => !given.has(option) || option.variadic || placeholderOf(option).endsWith('...'))
    .flatMap(({ long, short, description }) =>
      [long, short].filter((text) => text !== undefined).map((text) => ({ text, description })),
    );
}

function asCandidate(command: Command): Candidate {
  return { text: command.name(), description: command.description() };
}
