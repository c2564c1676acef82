// lockstep diff -f FILE|DIR|-: what apply would change. It changes nothing.
import { type Command, CommanderError } from 'commander';
import { ERROR_CODES, LockstepError } from '../../../desired-state/errors.ts';
import type { Host } from '../../../desired-state/host.ts';
import type { PlacedManifest } from '../../manifests/parse-manifests.ts';
import type { ApiClient } from '../api-client.ts';
import type { Cli } from '../cli.ts';
import { Exit } from '../exit.ts';
import type { DiffLine, ManifestDiff } from '../manifest-diff.ts';
import { addManifestInputs, INPUT_HELP, type ManifestOptions, readManifests } from '../read-manifests.ts';
import { type Colour, oneLine, type Terminal } from '../terminal.ts';

/** As diff has them. */
const DIFFERENT = 1;
const TROUBLE = 2;
/** More hosts than that are asked for all at once. */
const MAX_ASKED_ONE_BY_ONE = 16;

export function addDiff(program: Command, cli: Cli): void {
  const command = program.command('diff').description('show what apply would change');
  addManifestInputs(command)
    .addHelpText(
      'after',
      `${INPUT_HELP}

Lines that begin with - are of the host as it is, those with + are what apply would make of it. Nothing is changed.

Exit codes, as diff and kubectl diff have them: 0 no difference; 1 differences, or apply would be refused; 2 or more,
something went wrong: 2 where other commands have 1 (no controller answers), else as they have it (4 for wrong input).

Examples:
  lockstep diff -f compute-0.yaml
  lockstep diff -R -f hosts/ && echo nothing to do
  lockstep get hosts -o yaml | lockstep diff -f -`,
    )
    .action((options: ManifestOptions) => withTrouble(() => showAll(cli, options)));
}

async function showAll(
  { client: openClient, stdin, terminal }: Cli,
  options: ManifestOptions,
): Promise<void> {
  const manifests = await readManifests(options, stdin);
  if (manifests.length === 0) terminal.note('no hosts, nothing done');
  // Loaded on demand, with YAML.
  const { diffManifest } = await import('../manifest-diff.ts');
  const liveOf = await lookUp(openClient(), manifests);
  let differs = false;
  for (const placed of manifests) {
    const live = await liveOf(placed.manifest.metadata.name);
    const diff = diffManifest(live, placed.manifest);
    differs ||= diff.differs;
    show(terminal, live, placed, diff);
  }
  if (differs) throw new Exit(DIFFERENT);
}

/** How to get a host as it is: a few are asked for one by one, many come from one list. */
async function lookUp(
  client: ApiClient,
  manifests: readonly PlacedManifest[],
): Promise<(name: string) => Promise<Host | undefined>> {
  if (manifests.length <= MAX_ASKED_ONE_BY_ONE) return (name) => hostOrNothing(client, name);
  const { items } = await client.listHosts();
  const hosts = new Map(items.map((host) => [host.metadata.name, host]));
  return async (name) => hosts.get(name);
}

async function hostOrNothing(client: ApiClient, name: string): Promise<Host | undefined> {
  try {
    return await client.getHost(name);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'NotFound') return undefined;
    throw error;
  }
}

const COLOURS: Readonly<Record<DiffLine['sign'], Colour | undefined>> = {
  '-': 'red',
  '+': 'green',
  ' ': undefined,
};

function show(
  terminal: Terminal,
  live: Host | undefined,
  { manifest, place }: PlacedManifest,
  { lines, notes }: ManifestDiff,
): void {
  if (lines.length > 0) {
    const now = live === undefined ? 'not there yet' : `as it is, generation ${live.metadata.generation}`;
    terminal.print(terminal.paint('bold', `--- host/${manifest.metadata.name} (${now})`));
    terminal.print(terminal.paint('bold', `+++ ${oneLine(place)}`));
  }
  for (const { sign, text } of lines) {
    const colour = COLOURS[sign];
    terminal.print(colour === undefined ? `${sign}${text}` : terminal.paint(colour, `${sign}${text}`));
  }
  for (const note of notes) terminal.note(`lockstep: ${oneLine(place)}: ${note}`);
}

/** 1 says that there are differences: what went wrong must not. */
async function withTrouble(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (cause) {
    if (cause instanceof Exit || cause instanceof CommanderError) throw cause;
    const code = cause instanceof LockstepError ? ERROR_CODES[cause.code].exitCode : TROUBLE;
    throw new Exit(Math.max(code, TROUBLE), { cause });
  }
}
