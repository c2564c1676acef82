// Hosts and their events as columns. What a host's columns say is decided in host-columns.ts, mostly by the controller; here, how they are printed: which, and in which colours.
import { formatDuration } from '../../desired-state/duration.ts';
import type { StoredEvent } from '../../desired-state/events.ts';
import type { ColumnDefinition } from '../api/schemas.ts';
import type { Column } from './table.ts';
import { type Colour, oneLine } from './terminal.ts';

/** Its text for each column definition. */
export type Cells = readonly string[];

interface Showing {
  /** Also the columns that there is not always room for? */
  readonly isWide: boolean;
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
}

/** Those of `definitions` that are shown, also ones that only a newer controller knows. */
export function tableColumns(
  definitions: readonly ColumnDefinition[],
  { isWide, nowMs }: Showing,
): readonly Column<Cells>[] {
  const shown = definitions
    .map((definition, index) => ({ ...definition, index }))
    .filter(({ priority }) => isWide || priority === 0);
  const isReplaced = (one: ColumnDefinition) =>
    shown.some(({ name, priority }) => name === one.name && priority > one.priority);
  return shown
    .filter((one) => !isReplaced(one))
    .map(({ name, type, index }) => ({
      header: oneLine(name).toUpperCase(),
      cell: (cells) => {
        const text = cells[index] ?? '';
        return { text: type === 'date' ? ageOrText(text, nowMs) : text, colour: colourOf(name, text) };
      },
    }));
}

export function eventColumns(nowMs: number): readonly Column<StoredEvent>[] {
  return [
    { header: 'AGE', cell: ({ at }) => age(at, nowMs) },
    {
      header: 'TYPE',
      cell: ({ type }) => ({ text: type, colour: type === 'Warning' ? 'yellow' : undefined }),
    },
    { header: 'HOST', cell: ({ host }) => host },
    { header: 'REASON', cell: ({ reason }) => reason },
    { header: 'GEN', cell: ({ generation }) => String(generation) },
    { header: 'BY', cell: ({ actor }) => actor },
    { header: 'MESSAGE', cell: eventMessage },
  ];
}

function colourOf(column: string, text: string): Colour | undefined {
  switch (column) {
    case 'Ready':
    case 'Online':
      return STATUS_COLOURS.get(text);
    case 'Flags':
      return text === 'blocked' || text.includes('/') ? 'red' : undefined;
    default:
      return undefined;
  }
}

const STATUS_COLOURS: ReadonlyMap<string, Colour> = new Map([
  ['True', 'green'],
  ['False', 'red'],
  ['Unknown', 'yellow'],
]);

function ageOrText(text: string, nowMs: number): string {
  const ms = nowMs - Date.parse(text);
  return Number.isNaN(ms) ? text : formatDuration(Math.max(ms, 0));
}

function eventMessage({ message, count, latencyMs }: StoredEvent): string {
  const often = count > 1 ? ` (${count} times)` : '';
  const latency = latencyMs === undefined ? '' : ` (${latencyMs.toFixed(1)} ms)`;
  return `${message}${latency}${often}`;
}

/** For people: how long ago `time` was, `3m12s`; `-` when it is not known. */
export function age(time: string | undefined, nowMs: number): string {
  return time === undefined ? '-' : formatDuration(Math.max(nowMs - Date.parse(time), 0));
}
