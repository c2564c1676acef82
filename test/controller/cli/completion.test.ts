// What completes a command line, decided without a shell or a controller.
import { Command, Option } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complete, placeholderOf } from '../../../controller/cli/completion.ts';
import {
  FREE_PLACEHOLDERS,
  hostCandidates,
  isKnownPlaceholder,
  labelCandidates,
} from '../../../controller/cli/completion-values.ts';
import { toHost } from '../../../controller/host-view.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import type { Host } from '../../../desired-state/host.ts';
import { cliProgram } from '../../../docs/generator/programs.ts';

/** One of each shape that a command line may have. */
function sample(): Command {
  const program = new Command('sample').version('1').option('--controller <unix:PATH>', 'which one');
  const get = program.command('get').argument('<kind>').argument('[names...]');
  get.addOption(new Option('-o, --output <format>').choices(['table', 'json']));
  get.addOption(new Option('-l, --selector <key=value,...>'));
  get.option('-w, --watch').option('--why <text>').addOption(new Option('--secret').hideHelp());
  get.addOption(new Option('--for <condition=TYPE[=STATUS]>'));
  const services = program.command('services');
  services.command('enable').alias('on').argument('<name>');
  services.command('disable').argument('<name>');
  program.command('apply').option('-f, --filename <path...>').option('-R, --recursive');
  program.command('show').argument('[file]');
  program.command('__hidden', { hidden: true });
  return program;
}

/** `get hosts |` has its cursor at the end, after a blank. @returns what is wanted, in words. */
function wantedAt(line: string, program = sample()): string {
  const { wanted, head, typed } = complete(program, line.split(' '));
  const from = head === '' ? '' : ` after ${head}`;
  switch (wanted.kind) {
    case 'candidates':
      return `${wanted.candidates
        .map(({ text }) => text)
        .filter((text) => text.startsWith(typed))
        .join(' ')}${from}`;
    case 'hosts':
      return `hosts but ${wanted.except.join(' ')}${from}`;
    default:
      return `${wanted.kind} ${typed}${from}`;
  }
}

describe('complete', () => {
  it.each([
    ['', 'get services apply show help'],
    ['s', 'services show'],
    ['get', 'get'],
    ['services ', 'enable disable help'],
    ['services en', 'enable'],
    ['services on ', 'hosts but '],
    ['help ', 'get services apply show help'],
    ['help services ', ''],
    ['nonsense ', ''],
    ['nonsense get ', ''],
    ['get ', 'hosts host'],
    ['get hosts ', 'hosts but hosts'],
    ['get hosts a b ', 'hosts but hosts a b'],
    ['services enable a ', ''],
    ['get -- h', 'hosts host'],
    ['get -- -', ''],
    ['show ', 'files '],
    ['show ./x', 'files ./x'],
    ['get hosts a host/', 'hosts but hosts a after host/'],
    ['get host host/a host/', 'hosts but host a after host/'],
    ['get host/', 'hosts but  after host/'],
    ['get host', 'hosts host'],
    ['services enable host/', 'hosts but  after host/'],
    ['show host/', 'files host/'],
  ])('takes commands and arguments in their order: %j', (line, expected) => {
    expect(wantedAt(line)).toBe(expected);
  });

  it.each([
    ['get -', '--output -o --selector -l --watch -w --why --for --help -h --controller'],
    ['get --w', '--watch --why'],
    ['get -w --w', '--why'],
    ['get hosts --', '--output --selector --watch --why --for --help --controller'],
    ['get -l a=b --s', '--selector'],
    ['apply -f a -', '--recursive -R --filename -f --help -h --controller'],
    ['get --secret --unknown -', '--output -o --selector -l --watch -w --why --for --help -h --controller'],
    ['--', '--version --controller --help'],
  ])('offers the options that may still be given: %j', (line, expected) => {
    expect(wantedAt(line).split(' ').sort()).toEqual(expected.split(' ').sort());
  });

  it.each([
    ['get -o ', 'table json'],
    ['get -o j', 'json'],
    ['get -oj', 'json after -o'],
    ['get -woj', 'json after -wo'],
    ['get -wo ', 'table json'],
    ['get --output=', 'table json after --output='],
    ['get --output=j', 'json after --output='],
    ['get --why ', ''],
    ['get --why "disk', ''],
    ['get --why x ', 'hosts host'],
    ['get -l ', 'labels '],
    ['get --selector=a=b,c', 'labels a=b,c after --selector='],
    [
      'get --for condition=On',
      'condition=Online condition=Online=True condition=Online=False condition=Online=Unknown',
    ],
    ['apply -f ', 'files '],
    ['apply -f a b', 'files b'],
    ['apply -f a -R ', ''],
    ['apply --filename=./x', 'files ./x after --filename='],
    ['--controller ', 'unix:'],
    ['get hosts --controller unix:/r', 'files /r after unix:'],
    ['--controller=unix:/r', 'files /r after --controller=unix:'],
    ['--controller=u', 'unix: after --controller='],
  ])('knows what an option takes: %j', (line, expected) => {
    expect(wantedAt(line)).toBe(expected);
  });

  it.each([
    ['--controller unix:/a get hosts ', 'unix:/a'],
    ['get hosts --controller=unix:/b ', 'unix:/b'],
    ['get hosts -- --controller unix:/c ', undefined],
    ['get hosts ', undefined],
  ])('asks the controller that the line names: %j', (line, controller) => {
    expect(complete(sample(), line.split(' ')).controller).toBe(controller);
  });

  it('never throws, whatever the words are', () => {
    const program = cliProgram();
    const known = program.commands.flatMap((command) => [
      command.name(),
      ...command.options.flatMap(({ long, short }) => [long ?? '', short ?? '']),
    ]);
    const word = fc.oneof(fc.constantFrom(...known, '--', '-', '=', '--=', 'hosts', ''), fc.string());
    fc.assert(
      fc.property(fc.array(word), (words) => {
        complete(program, words);
      }),
    );
  });
});

describe('the real command line', () => {
  it('has no placeholder that completion does not know: a new one belongs into completion-values.ts', () => {
    const unknown = tree(cliProgram())
      .flatMap((command) => [
        ...command.options
          .filter((option) => (option.required || option.optional) && option.argChoices === undefined)
          .map((option) => placeholderOf(option)),
        ...command.registeredArguments
          .filter(({ argChoices }) => argChoices === undefined)
          .map((argument) => argument.name()),
      ])
      .filter((name) => !isKnownPlaceholder(name) && !FREE_PLACEHOLDERS.includes(name));
    expect(unknown).toEqual([]);
  });

  it('offers every command, and not what scripts call', () => {
    const offered = wantedAt('', cliProgram()).split(' ');
    expect(offered).toEqual(expect.arrayContaining(['get', 'lock', 'services', 'completion']));
    expect(offered).not.toContain('__complete');
  });
});

const hosts: readonly Host[] = [
  hostWith('a', { site: 'lab', rack: '3' }),
  hostWith('b', { site: 'lab' }),
  hostWith('c', { site: 'fra' }),
];

describe('labelCandidates', () => {
  it.each([
    ['', 'site=/3 hosts rack=/1 host'],
    ['si', 'site=/3 hosts rack=/1 host'],
    ['site=', 'site=lab/2 hosts site=fra/1 host'],
    ['site=lab,', 'site=lab,rack=/1 host'],
    ['site=lab,rack=', 'site=lab,rack=3/1 host'],
    ['site=lab,site=', ''],
    ['none=', ''],
    ['=,=,', '=,=,site=/3 hosts =,=,rack=/1 host'],
  ])('after %j', (typed, expected) => {
    const found = labelCandidates(hosts, typed).map(({ text, description }) => `${text}/${description}`);
    expect(found.join(' ')).toBe(expected);
  });
});

it('hosts are offered with what they are, once each', () => {
  expect(hostCandidates(hosts, ['b', 'hosts'])).toEqual([
    { text: 'a', description: 'locked, services disabled; Ready=Unknown' },
    { text: 'c', description: 'locked, services disabled; Ready=Unknown' },
  ]);
});

function tree(command: Command): readonly Command[] {
  return [command, ...command.commands.filter((inner) => inner.name() !== '__complete').flatMap(tree)];
}

function hostWith(name: string, labels: Readonly<Record<string, string>>): Host {
  return toHost({ ...noRecord(name), labels: { ...labels } });
}
