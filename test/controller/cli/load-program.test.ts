// The program made of no more than its arguments need is, for them, the whole program.
import { CommanderError } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { COMMANDS, loadProgram } from '../../../controller/cli/load-program.ts';
import { cliProgram, UNUSED_CLI } from '../../../docs/generator/programs.ts';

const whole = cliProgram();
const namesOf = ({ commands }: typeof whole) => commands.map((command) => command.name());

const openCli = async () => UNUSED_CLI;

describe('a command by its name', () => {
  it('is each but those that are about the others', () => {
    const left = namesOf(whole).filter((name) => !COMMANDS.has(name));
    expect(left).toEqual(['completion', '__complete']);
    expect([...COMMANDS.keys()].filter((name) => !namesOf(whole).includes(name))).toEqual([]);
  });

  it.each([...COMMANDS.keys()])('%s has the help that it has in the whole program', async (name) => {
    const program = await loadProgram(['--controller', 'unix:c.sock', name], openCli);
    expect(program.commands.length).toBeLessThan(whole.commands.length);
    const help = (of: typeof whole) => of.commands.find((one) => one.name() === name)?.helpInformation();
    expect(help(program)).toBeDefined();
    expect(help(program)).toBe(help(whole));
  });
});

describe('the whole program', () => {
  it.each([
    [[]],
    [['--help']],
    [['help', 'get']],
    [['gte', 'hosts']],
    [['--nonsense', 'get']],
    [['__complete', '--', 'get', '']],
  ])('is loaded for %j', async (args) => {
    expect(namesOf(await loadProgram(args, openCli))).toEqual(namesOf(whole));
  });
});

it.each([
  ['nosuch', /^lockstep: unknown command 'nosuch'\n\(add --help/],
  ['lokc', /^lockstep: unknown command 'lokc'\n\(Did you mean lock\?\)\n/],
])('help about %s says that there is no such command', async (topic, expected) => {
  let said = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const answer = await loadProgram(['help', topic], openCli).catch((error: unknown) => error);
  write.mockRestore();
  expect(answer).toMatchObject({ code: 'commander.unknownCommand', exitCode: 1 });
  expect(said).toMatch(expected);
});

it.each([[['--version']], [['get', '--version']], [['--controller']]])(
  'answers %j before anything is opened',
  async (args) => {
    const written = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, 'write').mockReturnValue(true),
    );
    const open = vi.fn(openCli);
    const answer = await loadProgram(args, open).catch((error: unknown) => error);
    for (const one of written) one.mockRestore();
    expect(answer).toBeInstanceOf(CommanderError);
    expect(open).not.toHaveBeenCalled();
  },
);
