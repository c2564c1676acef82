// The unix socket that the API is served on, kept though somebody deletes it: nobody could reach the controller any more. It binds and looks; who may connect is
// said by the folder, what is answered by the API.
import { lstatSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { LockstepError, messageOf } from '../desired-state/errors.ts';
import { removeStaleSocket } from './data-folder.ts';

export class ApiSocket {
  readonly #path: string;
  readonly #api: Pick<FastifyInstance, 'listen' | 'server'>;
  /** Undefined before the first bind. */
  #identity: string | undefined;
  /** Takes connections for the API's server, which listens once only, where the socket was made again. */
  #door: Server | undefined;

  constructor(path: string, api: Pick<FastifyInstance, 'listen' | 'server'>) {
    this.#path = path;
    this.#api = api;
  }

  /**
   * Makes the socket where there is none, or another one than ours. Connections that there are stay.
   * @returns mended: it was made.
   * @throws LockstepError `Failed` when something else than a socket stands there, `Unavailable` when it can't be made.
   */
  async keep(): Promise<'kept' | 'mended'> {
    const found = identityOf(this.#path);
    if (found !== undefined && found === this.#identity) return 'kept';
    // Only whoever holds the store gets here: a socket that lies there is nobody's.
    removeStaleSocket(this.#path);
    try {
      await privately(() => (this.#identity === undefined ? this.#listen() : this.#openDoor()));
    } catch (cause) {
      throw new LockstepError('Unavailable', `${this.#path}: expected to listen, found ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#identity = identityOf(this.#path);
    return 'mended';
  }

  /** Takes no new connection any more, and resolves when those of the newest door have ended. The API's own are its own to end. */
  async close(): Promise<void> {
    const door = this.#door;
    if (door === undefined) return;
    await new Promise<void>((resolve) => door.close(() => resolve()));
  }

  async #listen(): Promise<void> {
    await this.#api.listen({ path: this.#path });
  }

  async #openDoor(): Promise<void> {
    // Before the next one is there: with it goes whatever socket has its path.
    this.#door?.close();
    const { server } = this.#api;
    // Half open, as connections of an HTTP server are: who has sent all that it will send is answered all the same.
    const door = createServer({ allowHalfOpen: true }, (socket: Socket) => server.emit('connection', socket));
    door.maxConnections = server.maxConnections;
    this.#door = door;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    door.once('error', reject);
    door.listen(this.#path, resolve);
    await promise;
  }
}

/** The same for as long as the same socket stands there; undefined when there is nothing. */
function identityOf(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

/** The socket is 0600 from the moment it exists. */
async function privately(listen: () => Promise<void>): Promise<void> {
  const umask = process.umask(0o177);
  try {
    await listen();
  } finally {
    process.umask(umask);
  }
}
