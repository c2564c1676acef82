// Collects what the programs log: the newest lines for failure reports, and every line for whoever listens.
import type { Log } from '../../../reconcilers/loop/log.ts';
import { Ring } from './ring.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimProcess } from './sim-process.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  readonly atMs: number;
  readonly process: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Lines kept: a few minutes of one busy host. */
const DEFAULT_CAPACITY = 2_000;

export class SimLog {
  readonly #clock: SimClock;
  readonly #lines: Ring<LogLine>;
  readonly #listeners: ((line: LogLine) => void)[] = [];
  readonly #counts = new Map<string, number>();

  constructor(clock: SimClock, capacity = DEFAULT_CAPACITY) {
    this.#clock = clock;
    this.#lines = new Ring(capacity);
  }

  /** The Log that `process` is given; it falls silent with it. Debug lines are dropped unless `withDebug`: they are each pass. */
  for(process: SimProcess, { withDebug = false }: { readonly withDebug?: boolean } = {}): Log {
    const write = (level: LogLevel) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      if (process.alive)
        this.#add({ atMs: this.#clock.monotonicMs(), process: process.name, level, message, fields });
    };
    return {
      debug: withDebug ? write('debug') : () => {},
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  }

  /** Calls `listener` with every line as it is logged. */
  onLine(listener: (line: LogLine) => void): void {
    this.#listeners.push(listener);
  }

  /** How often `message` was logged at `level`, by all processes, since the start: lines that are no longer kept count too. */
  count(level: LogLevel, message: string): number {
    return this.#counts.get(`${level} ${message}`) ?? 0;
  }

  /** The newest lines, oldest first. */
  lines(): readonly LogLine[] {
    return this.#lines.items();
  }

  /** The newest `limit` lines as text, for a failure report. */
  report(limit: number): string {
    return this.lines().slice(-limit).map(formatLine).join('\n');
  }

  #add(line: LogLine): void {
    this.#lines.push(line);
    const key = `${line.level} ${line.message}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    for (const listener of this.#listeners) listener(line);
  }
}

function formatLine({ atMs, process, level, message, fields }: LogLine): string {
  return `${atMs.toFixed(3).padStart(12)} ${process} ${level}: ${message} ${JSON.stringify(fields, withErrors)}`;
}

function withErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
