// Hosts as rows of a table: which columns there are, and what each says of a host, as text. The API's Table and the CLI's watch are both made of them. Pure: it knows neither
// a terminal nor a clock. A column of type date holds a time, and whoever prints it says how long ago that is.
import { type ConditionType, findCondition } from '../desired-state/conditions.ts';
import { ANNOTATIONS, API_VERSION, type Host } from '../desired-state/host.ts';
import type { ColumnDefinition, Table } from './api/schemas.ts';
import { selectorOf } from './targets.ts';

/** What is not known of a host, where something else would be. */
export const UNKNOWN_CELL = '-';

interface HostColumn extends ColumnDefinition {
  readonly cell: (host: Host) => string;
}

const COLUMNS: readonly HostColumn[] = [
  column('Name', 'The name of the host.', ({ metadata }) => metadata.name),
  column('Ready', 'Is the host as its spec says?', (host) => statusOf(host, 'Ready')),
  column('Locked', 'Should it be locked?', ({ spec }) => String(spec.locked)),
  column('Services', 'Should its services run?', ({ spec }) =>
    spec.servicesEnabled ? 'enabled' : 'disabled',
  ),
  column('Online', 'Is its agent connected?', (host) => statusOf(host, 'Online')),
  column('Flags', 'Its flag files; volatile/persistent where they differ.', flagsOf),
  column('Gen', 'The generation of its spec.', ({ metadata }) => String(metadata.generation)),
  {
    ...column('Age', 'When its spec, or the reason for it, was changed last.', ({ metadata }) =>
      annotation(metadata, 'changedAt'),
    ),
    type: 'date',
  },
  column('Reason', 'Why it is not ready.', (host) => whyNotReady(host)?.reason ?? ''),
  wide('Observed', 'The newest generation that it acknowledged.', ({ status }) =>
    String(status.observedGeneration),
  ),
  wide('Running', 'How many of its services run, of how many.', runningServices),
  wide('Roles', 'Its roles.', ({ status }) => status.roles.join(',') || UNKNOWN_CELL),
  wide('Agent', 'The version of its agent.', ({ status }) => status.agentVersion || UNKNOWN_CELL),
  wide('By', 'Who changed its spec last.', ({ metadata }) => annotation(metadata, 'changedBy')),
  wide('Why', 'The reason that they gave.', ({ metadata }) => annotation(metadata, 'reason')),
  wide('Labels', 'Its labels.', ({ metadata }) => selectorOf(metadata.labels) || UNKNOWN_CELL),
  wide('Reason', 'Why it is not ready, in full.', (host) => {
    const ready = whyNotReady(host);
    return ready === undefined ? '' : `${ready.reason}: ${ready.message}`;
  }),
];

/** The columns of every table of hosts. */
export const HOST_COLUMNS: readonly ColumnDefinition[] = COLUMNS.map(
  ({ cell: _, ...definition }) => definition,
);

/** A row of a host: its text for each of {@link HOST_COLUMNS}. */
export function cellsOf(host: Host): string[] {
  return COLUMNS.map(({ cell }) => cell(host));
}

/** @param rows as {@link cellsOf} makes them. */
export function hostTable(rows: readonly string[][]): Table {
  return {
    apiVersion: API_VERSION,
    kind: 'Table',
    columnDefinitions: [...HOST_COLUMNS],
    rows: rows.map((cells) => ({ cells })),
  };
}

function column(name: string, description: string, cell: (host: Host) => string): HostColumn {
  return { name, type: 'string', description, priority: 0, cell };
}

/** One that is shown only where there is room for it. */
function wide(name: string, description: string, cell: (host: Host) => string): HostColumn {
  return { ...column(name, description, cell), priority: 1 };
}

function statusOf({ status }: Host, type: ConditionType): string {
  return findCondition(status.conditions, type)?.status ?? UNKNOWN_CELL;
}

function whyNotReady({ status }: Host) {
  const ready = findCondition(status.conditions, 'Ready');
  return ready?.status === 'True' ? undefined : ready;
}

function flagsOf({ status }: Host): string {
  const { volatile, persistent } = status.flags;
  return volatile === persistent ? volatile : `${volatile}/${persistent}`;
}

function runningServices({ status }: Host): string {
  if (status.services.length === 0) return UNKNOWN_CELL;
  const running = status.services.filter(({ state }) => state === 'running');
  return `${running.length}/${status.services.length}`;
}

function annotation({ annotations }: Host['metadata'], key: keyof typeof ANNOTATIONS): string {
  return annotations[ANNOTATIONS[key]] ?? UNKNOWN_CELL;
}
