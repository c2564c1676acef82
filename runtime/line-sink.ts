// Lines to a descriptor (stderr) that must never hold the daemon up: written in the background, queued up to a bound, dropped and counted beyond it.
// Not sonic-boom, pino's own: its flushSync loops for ever on a full disk (ENOSPC) and its writes to a pipe that nobody reads block a thread, so that
// the process can't even exit (both measured, sonic-boom 4.2.1 on Node 24).
import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoOf } from '../desired-state/errors.ts';

/** Lines waiting beyond this many bytes are dropped. */
const MAX_QUEUED_BYTES = 1_048_576;
/** One write takes whole lines up to about this many bytes. */
const BATCH_BYTES = 65_536;
/** How long a reader that is full is left alone, ms. */
const RETRY_MS = 50;
/** flushSync gives up after this long, ms: an exit must not hang on a log. */
const FLUSH_LIMIT_MS = 200;
const FLUSH_PAUSE_MS = 5;

export class LineSink {
  readonly #fd: number;
  readonly #onDropped: (count: number) => void;
  #queue: string[] = [];
  #queuedBytes = 0;
  /** What is being written, and how many lines that is. */
  #batch: { rest: Buffer; lines: number } | undefined;
  #retry: NodeJS.Timeout | undefined;
  #dropped = 0;

  /** @param onDropped is told once lines get through again: how many did not. */
  constructor(fd: number, onDropped: (count: number) => void) {
    this.#fd = openNonBlocking(fd);
    this.#onDropped = onDropped;
  }

  /** Never throws, never waits. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(line);
    this.#queuedBytes += bytes;
    if (this.#batch === undefined) this.#writeNext();
  }

  /** Writes what is queued, as far as that goes within {@link FLUSH_LIMIT_MS}. For the end of a process: lines after it wait for another flushSync. */
  flushSync(): void {
    const isWaiting = this.#retry !== undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    // A batch that is not waiting is in the hands of a thread, which process.exit waits for.
    const started = isWaiting ? this.#batch?.rest : undefined;
    this.#batch = { rest: Buffer.alloc(0), lines: 0 };
    const lines = this.#takeAll();
    this.#reportDropped();
    const rest = Buffer.concat([started ?? Buffer.alloc(0), Buffer.from(lines + this.#takeAll())]);
    writeWithin(this.#fd, rest, FLUSH_LIMIT_MS);
  }

  #writeNext(): void {
    if (this.#queue.length === 0) {
      this.#reportDropped();
      return;
    }
    const lines = this.#takeBatch();
    this.#batch = { rest: Buffer.from(lines.join('')), lines: lines.length };
    this.#writeBatch(this.#batch);
  }

  #takeBatch(): string[] {
    let end = 0;
    let bytes = 0;
    for (; end < this.#queue.length && bytes < BATCH_BYTES; end++) {
      bytes += Buffer.byteLength(this.#queue[end] ?? '');
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, end);
  }

  #writeBatch(batch: { rest: Buffer; lines: number }): void {
    this.#retry = undefined;
    write(this.#fd, batch.rest, 0, batch.rest.length, null, (error, written) => {
      // flushSync came in between.
      if (this.#batch !== batch) return;
      if (error === null) this.#wrote(batch, written);
      else if (error.code === 'EAGAIN') this.#retryLater(batch);
      else this.#fail(batch);
    });
  }

  #wrote(batch: { rest: Buffer; lines: number }, written: number): void {
    batch.rest = batch.rest.subarray(written);
    if (batch.rest.length > 0) {
      this.#writeBatch(batch);
      return;
    }
    this.#batch = undefined;
    this.#writeNext();
  }

  #retryLater(batch: { rest: Buffer; lines: number }): void {
    this.#retry = setTimeout(() => this.#writeBatch(batch), RETRY_MS);
    // A log that nobody reads is no reason to live on.
    this.#retry.unref();
  }

  /** Nobody reads any more (EPIPE), or the disk is full: a later line tries again. */
  #fail(batch: { lines: number }): void {
    this.#dropped += batch.lines + this.#queue.length;
    this.#batch = undefined;
    this.#takeAll();
  }

  #takeAll(): string {
    const text = this.#queue.join('');
    this.#queue = [];
    this.#queuedBytes = 0;
    return text;
  }

  #reportDropped(): void {
    const count = this.#dropped;
    if (count === 0) return;
    this.#dropped = 0;
    this.#onDropped(count);
  }
}

/** `fd`, or another descriptor of the same file, whose writes fail with EAGAIN where they would block. A regular file never blocks for long. */
function openNonBlocking(fd: number): number {
  if (fstatSync(fd).isFile()) return fd;
  try {
    // An open of its own: the flag would otherwise be set for every process that shares this one, and outlive us.
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // A socket can't be opened anew (ENXIO).
    wrapSocket(fd);
    return fd;
  }
}

/** Kept: collected, a wrap would close its descriptor. */
const wraps: Socket[] = [];

/** To wrap it is Node's only way to make a descriptor non-blocking; nothing is read or written through the wrap. */
function wrapSocket(fd: number): void {
  try {
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on('error', () => undefined);
    wraps.push(socket.unref());
  } catch {
    // No socket or pipe: its writes may block a thread, never the loop.
  }
}

function writeWithin(fd: number, data: Buffer, limitMs: number): void {
  const deadlineMs = performance.now() + limitMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let rest = data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN' || performance.now() >= deadlineMs) return;
      Atomics.wait(pause, 0, 0, FLUSH_PAUSE_MS);
    }
  }
}
