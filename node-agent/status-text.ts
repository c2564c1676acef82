// The agent's status as text for people. Pure.
import { formatDuration } from '../desired-state/duration.ts';
import type { AgentStatus } from './status-file.ts';

export interface StatusTextOptions {
  readonly isRunning: boolean;
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
  /** Lines are cut to this many characters; undefined, or 0 as a terminal says that was never told its size: not cut. */
  readonly columns: number | undefined;
}

/** Several lines, each ending in a newline. */
export function describeAgentStatus(status: AgentStatus, options: StatusTextOptions): string {
  const age = (time: string) => formatDuration(Math.max(0, options.nowMs - Date.parse(time)));
  const lines = [
    ...table([
      ['Host:', `${status.host} (${status.roles.join(', ')})`],
      ['Agent:', describeAgent(status, options, age)],
      ['Desired:', describeDesired(status)],
      ['Known from:', status.desired.message],
      ['Acknowledged:', describeGeneration(status.acknowledgedGeneration)],
      ...describeLinks(status, age),
      ['Flags:', `volatile ${status.status.flags.volatile}, persistent ${status.status.flags.persistent}`],
    ]),
    ...section('Conditions', [
      ['TYPE', 'STATUS', 'AGE', 'REASON', 'MESSAGE'],
      ...status.status.conditions.map(({ type, status: value, lastTransitionTime, reason, message }) => [
        type,
        value,
        age(lastTransitionTime),
        reason,
        message,
      ]),
    ]),
    ...section('Services', [
      ['NAME', 'SET', 'STATE', 'MESSAGE'],
      ...status.status.services.map(({ name, set, state, message }) => [name, set, state, message]),
    ]),
    ...section('Operations', [
      ['SERVICE', 'VERB', 'AGE'],
      ...status.operations.map(({ service, verb, since }) => [service, verb, age(since)]),
    ]),
    ...section('Blocked', [['WHY'], ...status.blocked.map((why) => [why])]),
    ...section('Corrections', [
      ['AGE', 'LATENCY', 'WHAT'],
      ...status.corrections
        .toReversed()
        .map(({ at, latencyMs, message }) => [age(at), describeLatency(latencyMs), message]),
    ]),
  ];
  return lines.map((line) => `${cut(line, options.columns)}\n`).join('');
}

type Age = (time: string) => string;

function describeAgent(status: AgentStatus, { isRunning }: StatusTextOptions, age: Age): string {
  return isRunning
    ? `running, pid ${status.pid}, up ${age(status.startedAt)}, version ${status.agentVersion}`
    : `not running; pid ${status.pid}, version ${status.agentVersion}, last changed ${age(status.updatedAt)} ago`;
}

function describeDesired({ desired: { generation, locked, servicesEnabled } }: AgentStatus): string {
  const flags = locked === null ? 'flags left as they are' : locked ? 'locked' : 'unlocked';
  const services = servicesEnabled === null ? 'left as they are' : servicesEnabled ? 'enabled' : 'disabled';
  return `${flags}, services ${services}${generation === 0 ? '' : ` (generation ${generation})`}`;
}

function describeGeneration(generation: number): string {
  return generation === 0 ? 'nothing yet' : `generation ${generation}`;
}

function describeLinks({ links }: AgentStatus, age: Age): string[][] {
  if (links.length === 0) return [['Controller:', 'none configured']];
  return links.map(({ network, state, since, message }) => [
    'Controller:',
    `${state} for ${age(since)} over network ${network}${message === '' ? '' : `: ${message}`}`,
  ]);
}

/** Corrections take milliseconds: their fractions are of interest. */
function describeLatency(latencyMs: number): string {
  return latencyMs < 100 ? `${latencyMs.toFixed(1)}ms` : formatDuration(latencyMs);
}

/** Nothing where there is only a heading. */
function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length < 2 ? [] : ['', `${title}:`, ...table(rows).map((line) => `  ${line}`)];
}

/** Columns as wide as their widest cell, two spaces apart; the last one is not padded. */
function table(rows: readonly (readonly string[])[]): string[] {
  const printable = rows.map((row) => row.map(toPrintable));
  const widths: number[] = [];
  for (const row of printable) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return printable.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** One line, without what a script's output could do to a terminal. */
function toPrintable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_C}]+/gu, ' ').trim();
}

function cut(line: string, columns: number | undefined): string {
  return columns === undefined || columns === 0 || line.length <= columns
    ? line
    : `${line.slice(0, columns - 1)}…`;
}
