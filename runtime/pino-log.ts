// The program's log: pino, one JSON line an entry, to stderr; pretty where stderr is a terminal. It never blocks the program and never ends it.
import { isatty } from 'node:tty';
import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { Log } from '../reconcilers/loop/log.ts';
import { LineSink } from './line-sink.ts';

const STDERR = 2;

export interface PinoLogOptions {
  /** `lockstep-agent`: in each line as `name`. */
  readonly program: string;
  /** debug, info, warn, error or silent. */
  readonly level: string;
  /** In each line: the host's name, say. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface PinoLog {
  readonly log: Log;
  /** Logs an error at any level, silent too: that a program did not come up is always said. */
  lastWord(fields: Readonly<Record<string, unknown>>, message: string): void;
  /** To be called last, before process.exit: writes what is queued, for 200 ms at most. */
  flush(): void;
}

export async function openPinoLog({ program, level, fields = {} }: PinoLogOptions): Promise<PinoLog> {
  const format = isatty(STDERR) ? await loadPretty() : undefined;
  const sink = new LineSink(STDERR, (count) => logger.warn({ count }, 'log lines were dropped'));
  const logger = pino(
    {
      name: program,
      level,
      base: { pid: process.pid, ...fields },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
    },
    { write: (line) => sink.write(format === undefined ? line : format(line)) },
  );
  const log: Log = {
    debug: (entry, message) => logger.debug(entry, message),
    info: (entry, message) => logger.info(entry, message),
    warn: (entry, message) => logger.warn(entry, message),
    error: (entry, message) => logger.error(entry, message),
  };
  return {
    log,
    lastWord: (entry, message) => logger.child({}, { level: 'error' }).error(entry, message),
    flush: () => sink.flushSync(),
  };
}

/** Lazily: a daemon under systemd never needs it. */
async function loadPretty(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({
    colorize: true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,name,hostname',
  });
}
