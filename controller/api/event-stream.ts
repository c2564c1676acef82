// One client of server-sent events: what it is sent, and how little it may cost. A client that does not read is dropped, never buffered for.
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../reconcilers/loop/clock.ts';

/** A client that takes none of what waits for it for that long is dropped, ms. */
const READ_LIMIT_MS = 10_000;
/** How often an idle stream shows that it lives, ms: below the server's idle timeout. */
const KEEP_ALIVE_MS = 10_000;

export class EventStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  #cancelKeepAlive = () => {};

  /** @param stopping ends the stream: the server goes down. */
  constructor(response: ServerResponse, clock: Clock, stopping: AbortSignal) {
    this.#response = response;
    this.#clock = clock;
    const end = () => this.end();
    stopping.addEventListener('abort', end, { once: true });
    response.on('error', () => {});
    response.once('close', () => {
      stopping.removeEventListener('abort', end);
      this.#cancelKeepAlive();
      this.#gone.abort();
    });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    this.#keepAlive();
  }

  /** Aborts when the client is gone, or the stream ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Sends one event. Resolves when the client can take the next one, or is gone. */
  async send(event: string, data: unknown): Promise<void> {
    if (this.gone.aborted) return;
    if (this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) return;
    await this.#drained();
  }

  end(): void {
    this.#gone.abort();
    this.#response.end();
  }

  #drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(READ_LIMIT_MS, () => response.destroy());
      const done = () => {
        cancel();
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.once('drain', done);
      response.once('close', done);
    });
  }

  #keepAlive(): void {
    this.#cancelKeepAlive = this.#clock.setTimer(KEEP_ALIVE_MS, () => {
      if (this.gone.aborted) return;
      if (!this.#response.writableNeedDrain) this.#response.write(': still here\n\n');
      this.#keepAlive();
    });
  }
}
