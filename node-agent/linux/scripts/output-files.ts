// What scripts print, a file for each of them: a file and no pipe, because a daemon that a script leaves behind keeps the descriptor, and writing to a
// pipe that nobody reads any more would kill it. Bounded: cut to nothing when over the limit at a look (O_APPEND: its writers go on at the new end).
import { constants } from 'node:fs';
import { type FileHandle, open, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../../desired-state/errors.ts';
import type { Disk } from '../../disk.ts';

/** A script's output is cut when it is longer than this at a look, bytes. */
export const MAX_OUTPUT_BYTES = 1_048_576;
/** As much of a run's output as is shown, characters. */
export const TAIL_CHARACTERS = 1_024;
/** UTF-8 takes at most 4 bytes for each. */
const TAIL_BYTES = 4 * TAIL_CHARACTERS;

export interface Output {
  readonly file: FileHandle;
  /** Where this run's part begins. */
  readonly fromByte: number;
}

/** Opens a script's output for appending, making its folder; /dev/null where that fails: a full disk must hold back no stop. */
export async function openOutput(disk: Disk, path: string): Promise<Output> {
  try {
    const file = await openForAppending(disk, path);
    const { size } = await file.stat();
    if (size <= MAX_OUTPUT_BYTES) return { file, fromByte: size };
    await file.truncate(0);
    return { file, fromByte: 0 };
  } catch {
    return { file: await openNull(), fromByte: 0 };
  }
}

function openNull(): Promise<FileHandle> {
  return open('/dev/null', constants.O_WRONLY);
}

/** The end of what stands in an output file after `fromByte`, at most {@link TAIL_CHARACTERS}; '' when it can't be read. */
export async function readTail(path: string, fromByte: number): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat();
    // It was cut meanwhile: what is left is what there is.
    const begin = fromByte > size ? 0 : fromByte;
    const length = Math.min(size - begin, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return lastCharacters(buffer.toString('utf8', 0, bytesRead));
  } catch {
    return '';
  }
}

/** Cuts an output file that grew over the limit. Absent is fine. @throws the system error of any other failure. */
export async function trimOutput(path: string): Promise<void> {
  try {
    const { size } = await stat(path);
    if (size > MAX_OUTPUT_BYTES) await truncate(path, 0);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Absent is fine. @throws the system error of any other failure. */
export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Whole characters: neither the rest of one that was cut at the front, nor half of a surrogate pair. */
function lastCharacters(text: string): string {
  const tail = text.replace(/^\uFFFD+/, '').slice(-TAIL_CHARACTERS);
  return /^[\uDC00-\uDFFF]/.test(tail) ? tail.slice(1) : tail;
}

async function openForAppending(disk: Disk, path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  try {
    // For its owner alone: nobody knows what a script prints.
    return await open(path, flags, 0o600);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await disk.makeFolder(dirname(path));
    return open(path, flags, 0o600);
  }
}
