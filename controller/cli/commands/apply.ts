// lockstep apply -f FILE|DIR|-: hosts made as manifests say.
import type { Command } from 'commander';
import { ERROR_CODES, LockstepError } from '../../../desired-state/errors.ts';
import { describeSpec } from '../../../desired-state/host.ts';
import type { Change } from '../../api/schemas.ts';
import type { PlacedManifest } from '../../manifests/parse-manifests.ts';
import type { ApiClient } from '../api-client.ts';
import { awaitReady } from '../await-ready.ts';
import { type Cli, reasonOption, timeoutOption } from '../cli.ts';
import { deadlineIn } from '../deadline.ts';
import { Exit } from '../exit.ts';
import { addManifestInputs, INPUT_HELP, type ManifestOptions, readManifests } from '../read-manifests.ts';
import type { Terminal } from '../terminal.ts';

export function addApply(program: Command, cli: Cli): void {
  const command = program.command('apply').description('make hosts as manifests say');
  addManifestInputs(command)
    .addOption(reasonOption())
    .option('--wait', 'until every host is as it then should be')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `${INPUT_HELP}

spec.locked and spec.servicesEnabled are both required. Labels and annotations that a manifest leaves out stay; those
that it gives are all that the host then has. metadata.generation is a precondition: a host that is at another one is
left as it is (exit 6). status is ignored, and so are annotations that begin with lockstep/, but for lockstep/reason:
what \`get -o yaml\` prints can be edited and applied.

A host that can't be changed holds back no other; the exit code is that of the first. A host that a file of the
controller's manifests folder declares is changed there (exit 4).

Examples:
  lockstep apply -f compute-0.yaml --wait
  lockstep apply -R -f hosts/ --reason "new rack"
  lockstep get host compute-0 -o yaml | sed 's/locked: false/locked: true/' | lockstep apply -f -`,
    )
    .action(async (options: ApplyOptions) => {
      const manifests = await readManifests(options, cli.stdin);
      if (manifests.length === 0) cli.terminal.note('no hosts, nothing done');
      const deadline = options.wait === true ? deadlineIn(options.timeout) : undefined;
      const client = cli.client(deadline?.answers);
      const { terminal } = cli;
      const { changes, failure } = await cli.whole(() =>
        applyAll(client, terminal, manifests, options.reason),
      );
      const waiting =
        deadline === undefined ? Promise.resolve() : awaitReady(changes, { client, terminal, deadline });
      if (failure === undefined) return waiting;
      const { exitCode } = ERROR_CODES[failure.code];
      const cause: unknown = await waiting.then(
        () => undefined,
        (error: unknown) => error,
      );
      throw new Exit(exitCode, { cause });
    });
}

interface ApplyOptions extends ManifestOptions {
  readonly reason?: string;
  readonly wait?: true;
  readonly timeout: number;
}

interface Applied {
  readonly changes: readonly Change[];
  /** The first; all of them have been told. */
  readonly failure: LockstepError | undefined;
}

/** One host after the other, each told as it is done. Without an answer of the controller the rest is not tried. */
async function applyAll(
  client: ApiClient,
  terminal: Terminal,
  manifests: readonly PlacedManifest[],
  reason: string | undefined,
): Promise<Applied> {
  const changes: Change[] = [];
  const failed: LockstepError[] = [];
  for (const { manifest, place } of manifests) {
    const lastCode = failed.at(-1)?.code;
    if (lastCode === 'Unavailable' || lastCode === 'TimedOut') break;
    try {
      const change = await client.apply({ manifest, ...(reason === undefined ? {} : { reason }) });
      changes.push(change);
      terminal.print(describe(change));
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      failed.push(error);
      terminal.note(`lockstep: ${place}: ${withHost(manifest.metadata.name, error.message)}`);
    }
  }
  const missing = manifests.length - changes.length;
  if (missing > 0 && manifests.length > 1) {
    const untried = missing - failed.length;
    const rest = untried > 0 ? `, ${untried} of them not tried` : '';
    terminal.note(`lockstep: ${missing} of ${manifests.length} hosts could not be applied${rest}`);
  }
  return { changes, failure: failed[0] };
}

function withHost(name: string, message: string): string {
  return message.startsWith(`host ${name}:`) ? message : `host ${name}: ${message}`;
}

function describe({ name, outcome, generation, spec }: Change): string {
  const state = `${describeSpec(spec)}, generation ${generation}`;
  return `host/${name} ${OUTCOMES[outcome]} (${state})`;
}

const OUTCOMES: Readonly<Record<Change['outcome'], string>> = {
  declared: 'declared',
  changed: 'configured',
  relabelled: 'labels or annotations changed',
  unchanged: 'unchanged',
};
