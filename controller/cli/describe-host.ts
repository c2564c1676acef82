// All that is known of one host, laid out for people like `kubectl describe`. It prints; it asks nobody.
import { type Condition, findCondition } from '../../desired-state/conditions.ts';
import { formatDuration } from '../../desired-state/duration.ts';
import type { StoredEvent } from '../../desired-state/events.ts';
import { ANNOTATIONS, type Host, type ServiceStatus } from '../../desired-state/host.ts';
import { age, eventColumns } from './host-table.ts';
import { describePlan } from './plan-text.ts';
import { type Cell, type Column, printTable, wrap } from './table.ts';
import { type Colour, oneLine, type Terminal } from './terminal.ts';

/** Where the fields' texts begin: one space after the longest label. */
const LABEL_WIDTH = 18;
const INDENT = '  ';
/** In less room than that a text is not wrapped: the terminal breaks it as it likes. */
const MIN_ROOM = 20;

export interface DescribeHost {
  readonly terminal: Terminal;
  readonly host: Host;
  /** Of that host, in the order in which they are to be shown. */
  readonly events: readonly StoredEvent[];
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
}

/** Prints the host. All of it goes through `oneLine`: what scripts said must not drive the terminal. */
export function describeHost({ terminal, host, events, nowMs }: DescribeHost): void {
  for (const [label, texts] of fieldsOf(host, nowMs)) printField(terminal, label, texts);
  const inner = indented(terminal);
  terminal.print('Conditions:');
  printTable(inner, conditionColumns(nowMs), host.status.conditions, 'wrap');
  if (host.status.services.length === 0) {
    printField(terminal, 'Services', [seenBefore(host) ? 'none' : 'not known']);
  } else {
    terminal.print('Services:');
    printTable(inner, SERVICE_COLUMNS, host.status.services, 'wrap');
  }
  printLastPlan(terminal, host, nowMs);
  if (events.length === 0) {
    printField(terminal, 'Events', ['none']);
  } else {
    terminal.print('Events:');
    const columns = eventColumns(nowMs).filter(({ header }) => header !== 'HOST');
    printTable(inner, columns, events, 'wrap');
  }
}

type Field = readonly [label: string, texts: readonly string[]];

function fieldsOf({ metadata, spec, status }: Host, nowMs: number): readonly Field[] {
  const { annotations } = metadata;
  const file = annotations[ANNOTATIONS.manifest];
  const own: readonly string[] = Object.values(ANNOTATIONS);
  const theirs = Object.entries(annotations).filter(([key]) => !own.includes(key));
  return [
    ['Name', [metadata.name]],
    ['Labels', pairs(Object.entries(metadata.labels))],
    ['Annotations', pairs(theirs)],
    ['Locked', [String(spec.locked)]],
    ['Services enabled', [String(spec.servicesEnabled)]],
    ['Generation', [generationOf(metadata.generation, status.observedGeneration)]],
    ['Changed', [changeOf(annotations, nowMs)]],
    ...(file === undefined ? [] : [['Declared by', [`${file} in the manifests folder`]] as const]),
    ['Online', [onlineOf(status.conditions, nowMs)]],
    ['Flags', [`volatile ${status.flags.volatile}, persistent ${status.flags.persistent}`]],
    ['Roles', [status.roles.join(', ') || '-']],
    ['Agent version', [status.agentVersion || '-']],
    ['Boot ID', [status.bootId || '-']],
  ];
}

function generationOf(generation: number, observed: number): string {
  if (observed === 0) return `${generation} (its agent has reported none yet)`;
  if (observed === generation) return `${generation} (acknowledged by its agent)`;
  const news = observed > generation ? 'its agent keeps a newer one' : 'acknowledged';
  return `${generation} (${news}: ${observed})`;
}

function changeOf(annotations: Readonly<Record<string, string>>, nowMs: number): string {
  const by = annotations[ANNOTATIONS.changedBy];
  const at = annotations[ANNOTATIONS.changedAt];
  const reason = annotations[ANNOTATIONS.reason];
  if (by === undefined && at === undefined) return '-';
  const when = at === undefined ? '' : `, ${ago(at, nowMs)} (${at})`;
  return `by ${by ?? 'unknown'}${when}${reason === undefined ? '' : `: ${reason}`}`;
}

/** What an agent that is not connected reported may be so no more. */
function onlineOf(conditions: readonly Condition[], nowMs: number): string {
  const online = findCondition(conditions, 'Online');
  if (online === undefined) return 'not known';
  const since = age(online.lastTransitionTime, nowMs);
  if (online.status === 'True') return `yes, for ${since}`;
  if (online.reason === 'NeverConnected') return 'never: no agent of this host has connected yet';
  const known = online.status === 'False' ? 'no' : 'not known';
  return `${known}, for ${since}: ${online.message}; all else is as it was last reported`;
}

function printLastPlan(terminal: Terminal, { metadata, status }: Host, nowMs: number): void {
  const { lastPlan } = status;
  if (lastPlan === undefined) {
    printField(terminal, 'Last plan', ['none reported']);
    return;
  }
  const isDone = findCondition(status.conditions, 'Ready')?.status === 'True';
  const now = isDone
    ? 'nothing is to be done now'
    : `\`lockstep plan ${metadata.name}\` asks for the one of now`;
  printField(terminal, 'Last plan', [
    `generation ${lastPlan.generation}, ${ago(lastPlan.at, nowMs)}; ${now}`,
  ]);
  for (const line of describePlan(lastPlan)) printWrapped(indented(terminal), oneLine(line), hang(line));
}

function seenBefore({ status }: Host): boolean {
  return status.conditions.some(({ type }) => type === 'ServicesInSync');
}

const STATUS_COLOURS: Readonly<Record<Condition['status'], Colour>> = {
  True: 'green',
  False: 'red',
  Unknown: 'yellow',
};

function conditionColumns(nowMs: number): readonly Column<Condition>[] {
  return [
    { header: 'TYPE', cell: ({ type }) => type },
    { header: 'STATUS', cell: ({ status }): Cell => ({ text: status, colour: STATUS_COLOURS[status] }) },
    { header: 'REASON', cell: ({ reason }) => reason },
    { header: 'AGE', cell: ({ lastTransitionTime }) => age(lastTransitionTime, nowMs) },
    { header: 'MESSAGE', cell: ({ message }) => message },
  ];
}

const SERVICE_COLUMNS: readonly Column<ServiceStatus>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'SET', cell: ({ set }) => set },
  { header: 'STATE', cell: ({ state }) => ({ text: state, colour: state === 'failed' ? 'red' : undefined }) },
  { header: 'MESSAGE', cell: ({ message }) => message },
];

function pairs(entries: readonly (readonly [string, string])[]): readonly string[] {
  return entries.length === 0 ? ['none'] : entries.map(([key, value]) => `${key}=${value}`);
}

function ago(time: string, nowMs: number): string {
  return `${formatDuration(Math.max(nowMs - Date.parse(time), 0))} ago`;
}

function printField(terminal: Terminal, label: string, texts: readonly string[]): void {
  for (const [index, text] of texts.entries()) {
    const front = (index === 0 ? `${label}:` : '').padEnd(LABEL_WIDTH);
    printWrapped(terminal, front + oneLine(text), LABEL_WIDTH);
  }
}

/** @param offset where the lines after the first begin. */
function printWrapped(terminal: Terminal, line: string, offset: number): void {
  const room = (terminal.width ?? Number.POSITIVE_INFINITY) - offset;
  if (room < MIN_ROOM) {
    terminal.print(line.trimEnd());
    return;
  }
  const [first = '', ...more] = wrap(line.slice(offset), room);
  terminal.print((line.slice(0, offset) + first).trimEnd());
  for (const part of more) terminal.print(' '.repeat(offset) + part);
}

/** Of a step, behind its number. */
function hang(line: string): number {
  return /^(?:\d+\.|-) /.exec(line)?.[0].length ?? 0;
}

function indented(terminal: Terminal): Terminal {
  const { width } = terminal;
  return {
    print: (line) => terminal.print(INDENT + line),
    note: (line) => terminal.note(line),
    redraw: (line) => terminal.redraw(line),
    paint: (colour, text) => terminal.paint(colour, text),
    redraws: terminal.redraws,
    width: width === undefined ? undefined : Math.max(width - INDENT.length, 1),
  };
}
