// Hosts and their events as columns.
import { type ConditionStatus, type ConditionType, findCondition } from '../../desired-state/conditions.ts';
import { formatDuration } from '../../desired-state/duration.ts';
import type { StoredEvent } from '../../desired-state/events.ts';
import { ANNOTATIONS, type Host } from '../../desired-state/host.ts';
import { selectorOf } from './api-client.ts';
import type { Cell, Column } from './table.ts';
import type { Colour } from './terminal.ts';

/** @param nowMs wall clock, ms since the epoch. */
export function hostColumns(nowMs: number): readonly Column<Host>[] {
  return [...commonColumns(nowMs), { header: 'REASON', cell: (host) => whyNotReady(host)?.reason ?? '' }];
}

/** All of hostColumns, and what else is known of a host. */
export function wideHostColumns(nowMs: number): readonly Column<Host>[] {
  return [
    ...commonColumns(nowMs),
    { header: 'OBSERVED', cell: ({ status }) => String(status.observedGeneration) },
    { header: 'RUNNING', cell: runningServices },
    { header: 'ROLES', cell: ({ status }) => status.roles.join(',') || '-' },
    { header: 'AGENT', cell: ({ status }) => status.agentVersion || '-' },
    { header: 'BY', cell: ({ metadata }) => metadata.annotations[ANNOTATIONS.changedBy] ?? '-' },
    { header: 'WHY', cell: ({ metadata }) => metadata.annotations[ANNOTATIONS.reason] ?? '-' },
    { header: 'LABELS', cell: ({ metadata }) => selectorOf(metadata.labels) || '-' },
    {
      header: 'REASON',
      cell: (host) => {
        const ready = whyNotReady(host);
        return ready === undefined ? '' : `${ready.reason}: ${ready.message}`;
      },
    },
  ];
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

function commonColumns(nowMs: number): readonly Column<Host>[] {
  return [
    { header: 'NAME', cell: ({ metadata }) => metadata.name },
    { header: 'READY', cell: (host) => condition(host, 'Ready') },
    { header: 'LOCKED', cell: ({ spec }) => String(spec.locked) },
    { header: 'SERVICES', cell: ({ spec }) => (spec.servicesEnabled ? 'enabled' : 'disabled') },
    { header: 'ONLINE', cell: (host) => condition(host, 'Online') },
    { header: 'FLAGS', cell: flags },
    { header: 'GEN', cell: ({ metadata }) => String(metadata.generation) },
    { header: 'AGE', cell: ({ metadata }) => age(metadata.annotations[ANNOTATIONS.changedAt], nowMs) },
  ];
}

const STATUS_COLOURS: Readonly<Record<ConditionStatus, Colour>> = {
  True: 'green',
  False: 'red',
  Unknown: 'yellow',
};

function condition({ status }: Host, type: ConditionType): Cell {
  const found = findCondition(status.conditions, type);
  return { text: found?.status ?? '-', colour: found && STATUS_COLOURS[found.status] };
}

function whyNotReady({ status }: Host) {
  const ready = findCondition(status.conditions, 'Ready');
  return ready?.status === 'True' ? undefined : ready;
}

function flags({ status }: Host): Cell {
  const { volatile, persistent } = status.flags;
  if (volatile === persistent) return { text: volatile, colour: volatile === 'blocked' ? 'red' : undefined };
  return { text: `${volatile}/${persistent}`, colour: 'red' };
}

function runningServices({ status }: Host): string {
  if (status.services.length === 0) return '-';
  const running = status.services.filter(({ state }) => state === 'running');
  return `${running.length}/${status.services.length}`;
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
