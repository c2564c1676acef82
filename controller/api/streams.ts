// The streams of server-sent events that are open: bounded in number, ended when the API stops. What they tell is their route's.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import { EventStream } from './event-stream.ts';
import type { Stream } from './route.ts';

/** Streams at a time; those beyond are refused. */
const MAX_STREAMS = 64;

export interface StreamsDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends all of them. */
  readonly stopping: AbortSignal;
  /** A stream is answered when it begins: its length says nothing about how fast the API is. */
  readonly onBegin: (request: FastifyRequest, status: number) => void;
}

export class Streams {
  readonly #deps: StreamsDeps;
  #open = 0;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
  }

  /** Runs `stream` until its client is gone or the API stops. @throws LockstepError `Unavailable` when there are too many, or the API stops. */
  async run(request: FastifyRequest, reply: FastifyReply, stream: Stream): Promise<void> {
    if (this.#open >= MAX_STREAMS) {
      throw new LockstepError(
        'Unavailable',
        `expected at most ${MAX_STREAMS} watches, found one more: try again later`,
      );
    }
    const { clock, log, stopping, onBegin } = this.#deps;
    // Nobody would end it any more.
    if (stopping.aborted) throw new LockstepError('Unavailable', 'the controller stops: try again later');
    reply.hijack();
    this.#open += 1;
    const to = new EventStream(reply.raw, clock, stopping);
    onBegin(request, 200);
    try {
      await stream(to);
    } catch (error) {
      log.warn({ error }, 'watch ended');
      await to.send('error', { detail: messageOf(error) });
    } finally {
      this.#open -= 1;
      to.end();
    }
  }
}
