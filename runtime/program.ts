// What both daemons do around their work: end in order on a signal, end on a bug, and say so.
import { ERROR_CODES, errnoOf, LockstepError, messageOf } from '../desired-state/errors.ts';
import type { PinoLog } from './pino-log.ts';

/** A stop that takes longer is cut short, ms. */
const STOP_LIMIT_MS = 900;

export interface Daemon {
  /** Resolves with why it can't go on; it is then stopped, and the process ends with 1. Without it, nothing but a signal ends the daemon. */
  readonly failed?: Promise<unknown>;
  /** Ends everything that it began, in order. */
  stop(): Promise<void>;
}

/**
 * Starts a daemon and stays until a signal ends it with exit code 0; a start that fails, a daemon that can't go on, or a bug ends the process with 1.
 * @param name `controller`, `agent`: for log lines.
 */
export async function runDaemon(name: string, output: PinoLog, start: () => Promise<Daemon>): Promise<void> {
  endOnFatalErrors(name, output);
  try {
    const daemon = await start();
    endInOrder(name, output, daemon);
  } catch (error) {
    output.lastWord(fieldsOf(error), `${name} did not start`);
    exit(output, ERROR_CODES.Failed.exitCode);
  }
}

/** Once, for whatever comes first. */
function endInOrder(name: string, output: PinoLog, daemon: Daemon): void {
  let isEnding = false;
  const end = (exitCode: number, tell: () => void) => {
    if (isEnding) return;
    isEnding = true;
    tell();
    setTimeout(() => {
      output.log.warn({ afterMs: STOP_LIMIT_MS }, `${name} stop cut short`);
      exit(output, exitCode);
    }, STOP_LIMIT_MS);
    daemon.stop().then(
      () => exit(output, exitCode),
      (error: unknown) => {
        output.log.error({ error }, `${name} did not stop cleanly`);
        exit(output, ERROR_CODES.Failed.exitCode);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.on(signal, () => end(0, () => output.log.info({ signal }, `${name} stops`)));
  }
  void daemon.failed?.then((error) =>
    end(ERROR_CODES.Failed.exitCode, () => output.log.error(fieldsOf(error), `${name} can't go on`)),
  );
}

/** An error of our own, or of a system call (it names the call and the path), says all that helps; of any other its stack does. */
function fieldsOf(error: unknown): Readonly<Record<string, unknown>> {
  const saysAll = error instanceof LockstepError || (error instanceof Error && 'syscall' in error);
  return saysAll ? { detail: messageOf(error) } : { error };
}

/** What nobody caught is a bug: state in memory can't be trusted any more, and what is on the disk is safe without us. */
function endOnFatalErrors(name: string, output: PinoLog): void {
  const end = (error: unknown) => {
    // A terminal that went away is no bug.
    if (errnoOf(error) === 'EPIPE') return;
    output.log.error({ error }, `bug in the ${name}`);
    exit(output, ERROR_CODES.Failed.exitCode);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

function exit(output: PinoLog, code: number): never {
  output.flush();
  process.exit(code);
}
