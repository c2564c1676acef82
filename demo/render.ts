// What the demo says, as text: the live view, plain lines for what changed, measured corrections. Pure.
import type { Colour } from '../controller/cli/terminal.ts';
import { oneLine, truncate } from '../controller/cli/terminal.ts';
import type { Condition } from '../desired-state/conditions.ts';
import { formatDuration } from '../desired-state/duration.ts';
import { describeSpec, type ServiceState } from '../desired-state/host.ts';
import type { AgentStatus } from '../node-agent/status-file.ts';
import type { Snapshot } from './snapshot.ts';

/** The product's promise for flags; a service's start or stop adds its script's own time, here some 10 ms. */
export const HEAL_LIMIT_MS = 5_000;

/** One correction as it was measured; `elapsedMs` undefined: not seen within HEAL_LIMIT_MS. */
export interface Measured {
  readonly label: string;
  readonly outcome: string;
  readonly elapsedMs: number | undefined;
}

export interface ViewOptions {
  readonly title: string;
  /** What to try, and where. */
  readonly hints: readonly string[];
  readonly columns: number;
  readonly rows: number;
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
  readonly paint: (colour: Colour, text: string) => string;
}

/** Text in a colour of its own; plain text otherwise. */
type Span = string | { readonly colour: Colour; readonly text: string };
type Line = readonly Span[];
type Correction = AgentStatus['corrections'][number];

const CORRECTIONS_SHOWN = 8;

/** The live view's lines: none wider than `columns`, not more than `rows`. Of a low terminal the hints get what is left. */
export function renderView({ host, agent }: Snapshot, options: ViewOptions): readonly string[] {
  const { columns, rows, paint, nowMs } = options;
  const lines: readonly Line[] = [
    [{ colour: 'bold', text: options.title }],
    [],
    field('Desired', [host === undefined ? 'nothing yet' : describeDesired(host)]),
    field('Actual', describeFlags(agent)),
    field('Services', describeServices(agent)),
    ...describeConditions(host?.status.conditions ?? []),
    field('Connection', describeLinks(agent, nowMs)),
    [],
    [{ colour: 'bold', text: 'Corrections, newest first' }],
    ...describeCorrections(agent?.corrections ?? [], nowMs),
    [],
    ...options.hints.map((hint): Line => [{ colour: 'dim', text: hint }]),
  ];
  return lines.slice(0, rows).map((line) => printLine(line, columns, paint));
}

/** One plain line for each thing that is not as it was. */
export function describeChanges(before: Snapshot, after: Snapshot): readonly string[] {
  const facts = factsOf(before);
  return [
    ...[...factsOf(after)]
      .filter(([name, value]) => facts.get(name) !== value)
      .map(([name, value]) => `${name}: ${value}`),
    ...newCorrections(before, after).map(
      ({ message, latencyMs }) => `corrected after ${formatLatency(latencyMs)}: ${oneLine(message)}`,
    ),
  ];
}

/** `volatile flag removed    back after    1.8 ms`, in columns. */
export function describeMeasured({ label, outcome, elapsedMs }: Measured): string {
  if (elapsedMs === undefined) return `${label.padEnd(27)}${outcome}: not within ${HEAL_LIMIT_MS / 1_000} s`;
  return `${label.padEnd(27)}${`${outcome} after`.padEnd(25)}${elapsedMs.toFixed(1).padStart(8)} ms`;
}

/** The last line of a demo that made drift. */
export function summarise(measured: readonly Measured[]): string {
  const times = measured.flatMap(({ elapsedMs }) => elapsedMs ?? []);
  const missed = measured.length - times.length;
  const slowest = Math.max(0, ...times).toFixed(1);
  return `${measured.length} corrections, slowest ${slowest} ms, ${missed === 0 ? 'all' : `${missed} not`} healed`;
}

function field(name: string, value: Line): Line {
  return [{ colour: 'dim', text: name.padEnd(12) }, ...value];
}

function describeDesired({ spec, metadata }: NonNullable<Snapshot['host']>): string {
  return `${describeSpec(spec)} (generation ${metadata.generation})`;
}

function describeFlags(agent: AgentStatus | undefined): Line {
  if (agent === undefined) return ['nothing yet'];
  const { volatile, persistent } = agent.status.flags;
  return [`volatile flag ${volatile}, persistent flag ${persistent}`];
}

const STATE_COLOURS: Readonly<Record<ServiceState, Colour>> = {
  running: 'green',
  starting: 'yellow',
  stopping: 'yellow',
  stopped: 'dim',
  failed: 'red',
  unknown: 'red',
};

function describeServices(agent: AgentStatus | undefined): Line {
  const services = agent?.status.services ?? [];
  if (services.length === 0) return ['none yet'];
  return services.flatMap(
    ({ name, state }, index): Line => [
      `${index === 0 ? '' : ', '}${name} `,
      { colour: STATE_COLOURS[state], text: state },
    ],
  );
}

/** Ready with its reason; the others in one line, and why for each that is False. */
function describeConditions(conditions: readonly Condition[]): readonly Line[] {
  const ready = conditions.find(({ type }) => type === 'Ready');
  const others = conditions.filter((condition) => condition !== ready);
  return [
    field('Ready', ready === undefined ? ['nothing yet'] : [statusOf(ready), ` ${ready.message}`]),
    field(
      'Conditions',
      others.flatMap(
        (condition, index): Line => [`${index === 0 ? '' : ', '}${condition.type} `, statusOf(condition)],
      ),
    ),
    ...others
      .filter(({ status }) => status === 'False')
      .map(({ type, message }) => field('', [`${type}: ${message}`])),
  ];
}

function statusOf({ status }: Condition): Span {
  return { colour: ({ True: 'green', False: 'red', Unknown: 'yellow' } as const)[status], text: status };
}

function describeLinks(agent: AgentStatus | undefined, nowMs: number): Line {
  const links = agent?.links ?? [];
  if (links.length === 0) return ['none'];
  return links.flatMap(
    ({ network, state, since, message }, index): Line => [
      `${index === 0 ? '' : ', '}${network} `,
      { colour: state === 'connected' ? 'green' : 'red', text: state },
      ` for ${age(since, nowMs)}${message === '' ? '' : `: ${message}`}`,
    ],
  );
}

function describeCorrections(corrections: readonly Correction[], nowMs: number): readonly Line[] {
  if (corrections.length === 0) return [['  none yet']];
  return corrections
    .slice(-CORRECTIONS_SHOWN)
    .toReversed()
    .map(({ at, message, latencyMs }) => [
      `  ${`${age(at, nowMs)} ago`.padStart(12)}  `,
      { colour: 'green', text: formatLatency(latencyMs).padStart(10) },
      `  ${message}`,
    ]);
}

/** In whole seconds. */
function age(time: string, nowMs: number): string {
  const seconds = Math.floor((nowMs - Date.parse(time)) / 1_000);
  return seconds < 1 ? 'under 1s' : formatDuration(seconds * 1_000);
}

function formatLatency(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

/** Cut to `columns`, then painted: colours take no room. */
function printLine(line: Line, columns: number, paint: ViewOptions['paint']): string {
  let left = columns;
  let printed = '';
  for (const span of line) {
    const { colour, text } = typeof span === 'string' ? { colour: undefined, text: span } : span;
    const shown = truncate(text, left);
    left -= [...shown].length;
    printed += colour === undefined || shown === '' ? shown : paint(colour, shown);
    if (left <= 0) break;
  }
  return printed;
}

/** What plain lines tell, by name. */
function factsOf({ host, agent }: Snapshot): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  if (host !== undefined) facts.set('desired', describeDesired(host));
  if (agent !== undefined) {
    facts.set('actual', printLine(describeFlags(agent), Number.POSITIVE_INFINITY, plain));
    for (const { name, state } of agent.status.services) facts.set(`service ${name}`, state);
    facts.set('connection', agent.links.map(({ network, state }) => `${network} ${state}`).join(', '));
  }
  for (const { type, status, message } of host?.status.conditions ?? []) {
    facts.set(type, `${status}, ${oneLine(message)}`);
  }
  return facts;
}

function plain(_: Colour, text: string): string {
  return text;
}

function newCorrections(before: Snapshot, after: Snapshot): readonly Correction[] {
  const known = new Set(before.agent?.corrections.map(keyOf));
  return (after.agent?.corrections ?? []).filter((correction) => !known.has(keyOf(correction)));
}

function keyOf({ at, message, latencyMs }: Correction): string {
  return `${at} ${latencyMs} ${message}`;
}
