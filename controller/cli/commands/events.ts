// lockstep events [NAME]: who changed what, when and why, and what the agents corrected.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { NO_HOST, type StoredEvent } from '../../../desired-state/events.ts';
import { API_VERSION } from '../../../desired-state/host.ts';
import { type Cli, outputOption, parseName } from '../cli.ts';
import { followEvents } from '../follow-events.ts';
import { eventColumns } from '../host-table.ts';
import { printDocument } from '../print-document.ts';
import { eventPrinter } from '../print-updates.ts';
import { printTable } from '../table.ts';

/** The API answers with that many at most. */
const MAX_LIMIT = 10_000;

export function addEvents(program: Command, cli: Cli): void {
  program
    .command('events')
    .description('show what happened, the newest last')
    .argument(
      '[name]',
      `of one host, or ${NO_HOST} of the controller itself; of all when left out`,
      parseWhose,
    )
    .addOption(new Option('-n, --limit <count>', 'the newest that many').default(50).argParser(parseLimit))
    .addOption(outputOption('table', 'json', 'yaml'))
    .option('-w, --watch', 'then each event as it happens, until it is interrupted')
    .addHelpText(
      'after',
      `
With --watch -o json prints one event a line. It outlives a controller that restarts, and tells what happened meanwhile.

Examples:
  lockstep events
  lockstep events compute-0 -n 10
  lockstep events -
  lockstep events -w
  lockstep events compute-0 -o json`,
    )
    .action(async (name: string | undefined, { limit, output, watch }: EventsOptions) => {
      if (watch === true) {
        await watchEvents(cli, name, { limit, output }, new AbortController().signal);
        return;
      }
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
        printTable(cli.terminal, eventColumns(cli.now()), inOrder(events), 'wrap');
      }
    });
}

interface EventsOptions {
  readonly limit: number;
  readonly output: 'table' | 'json' | 'yaml';
  readonly watch?: true;
}

/** Until `signal` aborts, which on a command line is never: an interrupt ends the process. */
export async function watchEvents(
  { client, terminal, now }: Pick<Cli, 'client' | 'terminal' | 'now'>,
  host: string | undefined,
  { limit, output }: EventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const print = eventPrinter({ terminal, output, now });
  for await (const events of followEvents({ client: client(), terminal, host, limit, signal })) {
    await print(output === 'table' ? inOrder(events) : events);
  }
}

/** By their time. They are stored as they came in: an agent sends its own one a second, so they may be older than what the controller did meanwhile. */
export function inOrder(events: readonly StoredEvent[]): readonly StoredEvent[] {
  return [...events].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function parseWhose(text: string): string {
  return text === NO_HOST ? text : parseName(text);
}

function parseLimit(text: string): number {
  const limit = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_LIMIT}.`);
}
