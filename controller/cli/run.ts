// Behind main.ts the composition root of the CLI: builds what the commands need from the process, and turns errors into exit codes.
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type Command, CommanderError } from 'commander';
import { ERROR_CODES, LockstepError, messageOf } from '../../desired-state/errors.ts';
import { findController } from './address.ts';
import type { Cli } from './cli.ts';
import { Exit } from './exit.ts';
import { loadProgram } from './load-program.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** Runs the command that the process was started with. @param whole see {@link Cli}. @returns its exit code. */
export async function run(whole: Cli['whole']): Promise<number> {
  const terminal = openTerminal(process.stdout, process.stderr, {
    term: process.env.TERM,
    onDrawn: (isDrawn) => (isDrawn ? process.once('SIGINT', interrupt) : process.off('SIGINT', interrupt)),
  });
  // Only while there is progress to be cleared: at other times an interrupt ends the program at once, whatever it is at.
  const interrupt = () => {
    terminal.redraw(undefined);
    process.kill(process.pid, 'SIGINT');
  };
  try {
    const program: Command = await loadProgram(process.argv.slice(2), () =>
      openCli(terminal, whole, () => program.opts<{ controller?: string }>().controller),
    );
    await program.parseAsync();
    return 0;
  } catch (error) {
    return report(error, terminal);
  }
}

/** @param address what --controller says, once the arguments are parsed. */
async function openCli(
  terminal: Terminal,
  whole: Cli['whole'],
  address: () => string | undefined,
): Promise<Cli> {
  // Loaded on demand: with it comes zod, which --version and wrong usage do without.
  const { ApiClient } = await import('./api-client.ts');
  const surroundings = { env: process.env, cwd: process.cwd(), exists: existsSync };
  return {
    terminal,
    client: (limit) =>
      new ApiClient({
        socketPath: findController(address(), surroundings),
        actor: userName(),
        limit,
      }),
    whole,
    stdin: () => process.stdin,
    now: () => Date.now(),
  };
}

/** Says what went wrong, once. @returns the exit code. */
export function report(error: unknown, terminal: Terminal): number {
  if (error instanceof Exit) {
    if (error.cause !== undefined) report(error.cause, terminal);
    return error.exitCode;
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_CODES.Usage.exitCode;
  terminal.note(`lockstep: ${messageOf(error)}`);
  if (error instanceof LockstepError) return ERROR_CODES[error.code].exitCode;
  // A bug: where it is helps whoever reports it.
  if (error instanceof Error && error.stack !== undefined) terminal.note(error.stack);
  return ERROR_CODES.Failed.exitCode;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have no name.
    return `uid ${process.getuid?.()}`;
  }
}
