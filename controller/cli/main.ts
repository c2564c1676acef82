// lockstep: the CLI. Nothing is awaited at the top: what is installed is bundled as CommonJS, which has no such await.
import { ERROR_CODES } from '../../desired-state/errors.ts';
import { endWhenNothingCanBeWritten } from '../../runtime/standard-output.ts';
import { run } from './run.ts';

// With nothing left to wait for, and no word on how it ended, it has failed.
process.once('beforeExit', () => {
  process.exitCode ??= ERROR_CODES.Failed.exitCode;
});
void run(endWhenNothingCanBeWritten('lockstep')).then((code) => {
  process.exitCode = code;
});
