// Reads the beginning of a file that somebody else wrote (a script, a pid file): bounded, links followed, never waiting on a fifo or device.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { LockstepError } from '../../../desired-state/errors.ts';

/**
 * The first `maxBytes` of the regular file at `path`, as UTF-8 (what is not valid becomes U+FFFD).
 * @throws a Node system error when it can't be read, LockstepError `Invalid` when it is no regular file.
 */
export async function readHead(path: string, maxBytes: number): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const stats = await file.stat();
  if (!stats.isFile()) throw new LockstepError('Invalid', `${path}: expected a regular file`);
  const buffer = Buffer.alloc(Math.min(maxBytes, stats.size));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
