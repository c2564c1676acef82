// What a command does once what it says can't be written: it ends, with success where nobody reads on and with an error on a full disk.
import { ERROR_CODES, errnoOf } from '../desired-state/errors.ts';

/** Does `work` to its end though nobody reads on meanwhile. */
type Whole = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Ends the program once nobody reads on, as after `lockstep get hosts | head -1`, which is no error: with the exit code that is set by then. A full disk is one.
 * @param program its name, for what is said of it.
 * @returns what does work to its end all the same.
 */
export function endWhenNothingCanBeWritten(program: string): Whole {
  let working = 0;
  process.stdout.on('error', (error) => {
    if (errnoOf(error) === 'EPIPE') {
      if (working === 0) process.exit();
      return;
    }
    process.stderr.write(`${program}: standard output can't be written: ${error.message}\n`);
    process.exit(ERROR_CODES.Failed.exitCode);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => {});
  return async (work) => {
    working += 1;
    try {
      return await work();
    } finally {
      working -= 1;
    }
  };
}
