// A log that keeps its lines for tests to look at.
import type { Log } from '../../reconcilers/loop/log.ts';

export type LogLevel = keyof Log;

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class FakeLog implements Log {
  readonly lines: LogLine[] = [];
  readonly debug = this.#recorder('debug');
  readonly info = this.#recorder('info');
  readonly warn = this.#recorder('warn');
  readonly error = this.#recorder('error');

  /** The messages of one level, in order. */
  at(level: LogLevel): readonly string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  /** The lines with that message. */
  of(message: string): readonly LogLine[] {
    return this.lines.filter((line) => line.message === message);
  }

  #recorder(level: LogLevel) {
    return (fields: Readonly<Record<string, unknown>>, message: string): void => {
      this.lines.push({ level, message, fields });
    };
  }
}
