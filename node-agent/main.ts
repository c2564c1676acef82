// lockstep-agent: the daemon's program. Nothing is awaited at the top: what is installed is bundled as CommonJS, which has no such await.
import { ERROR_CODES } from '../desired-state/errors.ts';
import { run } from './command-line.ts';

// With nothing left to wait for, and no word on how it ended, it has failed.
process.once('beforeExit', () => {
  process.exitCode ??= ERROR_CODES.Failed.exitCode;
});
void run();
