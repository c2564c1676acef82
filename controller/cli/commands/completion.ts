// lockstep completion SHELL, and __complete, which the shells' scripts call: what may stand where the cursor is.
import { Argument, type Command } from 'commander';
import type { Host } from '../../../desired-state/host.ts';
import type { Cli } from '../cli.ts';
import { type Completion, complete } from '../completion.ts';
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from '../completion-scripts.ts';
import { type Candidate, hostCandidates, labelCandidates } from '../completion-values.ts';
import { oneLine } from '../terminal.ts';

/** Somebody waits at a prompt: a controller that has not answered by then is not asked further, ms. */
const HOSTS_LIMIT_MS = 1_000;

export function addCompletion(program: Command, cli: Cli): void {
  program
    .command('completion')
    .description('print the script that makes a shell complete lockstep')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText(
      'after',
      `
It completes commands, options, what they take, and the hosts and labels that the controller knows.

Now:
  bash   source <(lockstep completion bash)
  zsh    source <(lockstep completion zsh)                (in ~/.zshrc below compinit)
  fish   lockstep completion fish | source

In every new shell (make the folder if it is not there):
  bash   lockstep completion bash > ~/.local/share/bash-completion/completions/lockstep
  zsh    lockstep completion zsh > "\${fpath[1]}/_lockstep"
  fish   lockstep completion fish > ~/.config/fish/completions/lockstep.fish

Examples:
  lockstep completion bash`,
    )
    .action((shell: Shell) => cli.terminal.print(COMPLETION_SCRIPTS[shell]));

  program
    .command('__complete', { hidden: true })
    .description(
      'one candidate per line, with its description after a tab; or :files, and what the word has before the path',
    )
    .argument('[words...]', "the line's, after the program's name and up to the cursor")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      // Whatever goes wrong: nobody wants an error in the line that they are writing.
      for (const line of await answer(program, cli, words).catch(() => [])) cli.terminal.print(line);
    });
}

async function answer(program: Command, cli: Cli, words: readonly string[]): Promise<readonly string[]> {
  const completion = complete(program, words);
  if (completion.wanted.kind === 'files') return [`:files ${completion.head}`.trimEnd()];
  program.setOptionValue('controller', completion.controller);
  const { head, typed } = completion;
  return (await candidatesFor(completion, cli))
    .filter(({ text }) => text.startsWith(typed))
    .map(
      ({ text, description }) =>
        oneLine(`${head}${text}`) + (description === '' ? '' : `\t${oneLine(description)}`),
    );
}

async function candidatesFor({ wanted, typed }: Completion, cli: Cli): Promise<readonly Candidate[]> {
  switch (wanted.kind) {
    case 'candidates':
      return wanted.candidates;
    case 'hosts':
      return hostCandidates(await hosts(cli), wanted.except);
    case 'labels':
      return labelCandidates(await hosts(cli), typed);
    default:
      return [];
  }
}

async function hosts(cli: Cli): Promise<readonly Host[]> {
  return (await cli.client().listHosts({}, AbortSignal.timeout(HOSTS_LIMIT_MS))).items;
}
