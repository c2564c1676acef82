// lockstep events [NAME]: who changed what, when and why, and what the agents corrected.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { API_VERSION } from '../../../desired-state/host.ts';
import { type Cli, outputOption, parseName } from '../cli.ts';
import { eventColumns } from '../host-table.ts';
import { printDocument } from '../print-document.ts';
import { printTable } from '../table.ts';

/** The API answers with that many at most. */
const MAX_LIMIT = 10_000;

export function addEvents(program: Command, cli: Cli): void {
  program
    .command('events')
    .description('show what happened, the newest last')
    .argument('[name]', 'of one host; of all when left out', parseName)
    .addOption(new Option('-n, --limit <count>', 'the newest that many').default(50).argParser(parseLimit))
    .addOption(outputOption('table', 'json', 'yaml'))
    .addHelpText(
      'after',
      '\nExamples:\n  lockstep events\n  lockstep events compute-0 -n 10\n  lockstep events compute-0 -o json',
    )
    .action(async (name: string | undefined, { limit, output }: EventsOptions) => {
      const events = await cli.client().events({ host: name, limit });
      if (output !== 'table') {
        await printDocument(
          cli.terminal,
          { apiVersion: API_VERSION, kind: 'EventList', items: events },
          output,
        );
      } else if (events.length === 0) {
        cli.terminal.note('no events');
      } else {
        // Stored as they came in: an agent sends its own one a second, so they may be older than what the controller did meanwhile.
        const inOrder = [...events].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
        printTable(cli.terminal, eventColumns(cli.now()), inOrder, 'wrap');
      }
    });
}

interface EventsOptions {
  readonly limit: number;
  readonly output: 'table' | 'json' | 'yaml';
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_LIMIT}.`);
}
