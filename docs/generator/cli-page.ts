// docs/reference/cli.md: every command of the three programs, from their command lines.
import type { Argument, Command, Option } from 'commander';
import { problem } from '../../controller/api/problem.ts';
import { problemSchema } from '../../controller/api/schemas.ts';
import { ERROR_CODES } from '../../desired-state/errors.ts';
import { anchor, code, fence, helpText, page, pageHead, prose, table } from './markdown.ts';

/** Help is wrapped at that width, whatever the terminal's: only its `after` part is shown, which nothing wraps. */
const WIDTH = 120;

export function cliPage(programs: readonly Command[]): string {
  const [cli] = programs;
  return page(
    pageHead('Command lines'),
    'Every command takes `-h, --help`; an option of a program may also stand after its commands. `lockstep completion --help` says how to make a shell complete all of this.',
    table(
      ['command', 'what it does'],
      programs
        .flatMap(leaves)
        .map((command) => [
          `[${code(nameOf(command))}](${anchor(nameOf(command))})`,
          prose(command.description()),
        ]),
    ),
    ...programs.flatMap((program) => withCommands(program).map((command) => section(command, program))),
    '## Exit codes of lockstep',
    `A problem that the controller answers with ends ${code(cli?.name() ?? '')} with the exit code of its ${code('code')}; [api.md](api.md) says which there are.`,
    table(['exit code', 'codes of problems', 'meaning'], [['0', '', 'Done'], ...exitCodes()]),
  );
}

function section(command: Command, program: Command): string {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter(({ parent }) => parent === command);
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `${command === program ? '##' : '###'} ${nameOf(command)}`,
    prose(capitalised(command.description())),
    fence(help.commandUsage(command)),
    table(
      ['argument', 'what it is', 'choices'],
      command.registeredArguments.map((argument) => [
        code(help.argumentTerm(argument)),
        prose(argument.description),
        choicesOf(argument),
      ]),
    ),
    table(
      ['option', 'what it does', 'default', 'choices'],
      options.map((option) => [
        code(option.flags),
        prose(option.description) + (option.mandatory ? ' (required)' : ''),
        defaultOf(option),
        choicesOf(option),
      ]),
    ),
    // Those of a program are the table at the top.
    table(
      ['command', 'what it does'],
      (command === program ? [] : commands).map((inner) => [
        `[${code(nameOf(inner))}](${anchor(nameOf(inner))})`,
        prose(inner.description()),
      ]),
    ),
    helpText(textAfterHelp(command)),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

/** In the order of the help: the program, then each command with those inside it. */
function withCommands(command: Command): readonly Command[] {
  const inner = command
    .createHelp()
    .visibleCommands(command)
    .filter(({ parent }) => parent === command);
  return [command, ...inner.flatMap(withCommands)];
}

/** What can be run. */
function leaves(program: Command): readonly Command[] {
  return withCommands(program).filter((command) => command === program || command.commands.length === 0);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function textAfterHelp(command: Command): string {
  let whole = '';
  command.configureOutput({
    writeOut: (text) => {
      whole += text;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  const help = command.helpInformation();
  command.outputHelp();
  return whole.slice(whole.indexOf(help) + help.length);
}

function defaultOf({ defaultValue, defaultValueDescription }: Option): string {
  const text = defaultValueDescription ?? (defaultValue === undefined ? '' : String(defaultValue));
  return code(text);
}

function choicesOf({ argChoices = [] }: Option | Argument): string {
  return argChoices.map(code).join(', ');
}

function exitCodes(): readonly (readonly string[])[] {
  const codes = problemSchema.shape.code.options;
  const numbers = [...new Set(codes.map((name) => ERROR_CODES[name].exitCode))].sort((a, b) => a - b);
  return numbers.map((exitCode) => {
    const these = codes.filter((name) => ERROR_CODES[name].exitCode === exitCode);
    const titles = these.map((name) => problem(name, ERROR_CODES[name].httpStatus, '').title);
    return [String(exitCode), these.map(code).join(', '), titles.join('; ')];
  });
}

function capitalised(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!]$/.test(sentence) ? sentence : `${sentence}.`;
}
