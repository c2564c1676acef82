// lockstep plan NAME: what the host's agent would do now, step by step, and what it holds and why.
import type { Command } from 'commander';
import { type Cli, outputOption, parseName } from '../cli.ts';
import { describeNothing, describePlan } from '../plan-text.ts';
import { printDocument } from '../print-document.ts';
import { oneLine } from '../terminal.ts';

export function addPlan(program: Command, cli: Cli): void {
  program
    .command('plan')
    .description("show what a host's agent would do now; nothing is done for it")
    .argument('<name>', 'the host', parseName)
    .addOption(outputOption('table', 'json', 'yaml'))
    .addHelpText(
      'after',
      `
The agent is asked and looks at flags, gates and services: it has to be connected (exit 1).

Examples:
  lockstep plan compute-0
  lockstep plan compute-0 -o json | jq -r '.steps[]'`,
    )
    .action(async (name: string, { output }: { readonly output: 'table' | 'json' | 'yaml' }) => {
      const client = cli.client();
      const plan = await client.planOf(name);
      if (output !== 'table') {
        await printDocument(cli.terminal, plan, output);
        return;
      }
      // An empty plan may mean that all is done, or that it is under way.
      const isEmpty = plan.steps.length === 0 && plan.blocked.length === 0;
      const lines = isEmpty ? [describeNothing(await client.getHost(name))] : describePlan(plan);
      for (const line of lines) cli.terminal.print(oneLine(line));
    });
}
