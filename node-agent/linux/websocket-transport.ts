// The Transport over a WebSocket to a controller's unix socket. It carries texts; what they mean is the link's.
import { connect } from 'node:net';
import type { WebSocket } from 'ws';
import { errnoOf, LockstepError, messageOf } from '../../desired-state/errors.ts';
import { MAX_SOCKET_PATH_BYTES } from '../../desired-state/socket-path.ts';
import { type Connection, MAX_MESSAGE_BYTES } from '../../desired-state/wire.ts';
import type { Transport } from '../transport.ts';

/** The host is not used: the connection is the unix socket's. */
const AGENT_URL = 'ws://localhost/v1/agent';
const HANDSHAKE_LIMIT_MS = 5_000;
/** How long the other end may take to answer a close, ms. */
const CLOSE_LIMIT_MS = 1_000;
/** A peer that leaves more than this unread is disconnected, bytes. */
const MAX_UNREAD_BYTES = 1_048_576;
/** A close frame holds at most this many bytes of reason (RFC 6455, 5.5). */
const MAX_CLOSE_REASON_BYTES = 123;

export interface WebSocketTransportOptions {
  readonly socketPath: string;
  /** The network's name; `local` for the unix socket of a controller on this host. */
  readonly network?: string;
}

export class WebSocketTransport implements Transport {
  readonly network: string;
  readonly #socketPath: string;

  /** @throws LockstepError `Invalid` when the path is longer than a unix socket's may be. */
  constructor({ socketPath, network = 'local' }: WebSocketTransportOptions) {
    const bytes = Buffer.byteLength(socketPath);
    if (bytes > MAX_SOCKET_PATH_BYTES) {
      throw new LockstepError(
        'Invalid',
        `controller: expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, found ${bytes} in ${socketPath}: use a shorter one, or a link to its folder`,
      );
    }
    this.network = network;
    this.#socketPath = socketPath;
  }

  /** @throws LockstepError `Unavailable`, saying which socket and what is wrong with it; on abort too. */
  async dial(signal: AbortSignal): Promise<Connection> {
    const path = this.#socketPath;
    // Loaded on demand: the flags are restored before the first controller is dialled, and must not wait for it.
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(AGENT_URL, {
      // Not a ws+unix: address: that can't name a path with a colon in it.
      createConnection: () => connect({ path }),
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    });
    const connection = new WebSocketConnection(socket);
    try {
      await opened(socket, signal);
      return connection;
    } catch (cause) {
      socket.terminate();
      throw new LockstepError('Unavailable', describeDialFailure(path, cause), { cause });
    }
  }
}

class WebSocketConnection implements Connection {
  readonly #socket: WebSocket;
  readonly #closed = Promise.withResolvers<string>();
  /** Why this end, or an error, ended it; what the peer said of it counts only without. */
  #reason: string | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    // What the controller says at once must wait for the listener.
    socket.once('open', () => socket.pause());
    socket.on('error', (error) => {
      this.#reason ??= messageOf(error);
    });
    socket.once('close', (code, reason) => {
      clearTimeout(this.#closeTimer);
      this.#closed.resolve(this.#reason ?? describeClose(code, reason.toString()));
    });
  }

  send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const unread = this.#socket.bufferedAmount;
    if (unread > MAX_UNREAD_BYTES) {
      this.#reason ??= `the controller does not read: ${unread} bytes wait for it`;
      this.#socket.terminate();
      return;
    }
    // An error here ends the socket too, and is told by its close.
    this.#socket.send(text, () => undefined);
  }

  close(reason: string): void {
    if (this.#closeTimer !== undefined || this.#socket.readyState === this.#socket.CLOSED) return;
    this.#reason ??= reason;
    this.#socket.close(1000, cutToBytes(reason, MAX_CLOSE_REASON_BYTES));
    this.#closeTimer = setTimeout(() => this.#socket.terminate(), CLOSE_LIMIT_MS);
    // A paused socket would not hear the answer.
    this.#socket.resume();
  }

  onMessage(listener: (text: string) => void): void {
    this.#socket.on('message', (data, isBinary) => {
      if (isBinary) this.close('expected a text message, found a binary one');
      else listener(data.toString());
    });
    this.#socket.resume();
  }

  onClose(listener: (reason: string) => void): void {
    void this.#closed.promise.then(listener);
  }
}

/** Rejects with what kept it from opening. */
async function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(new Error('the dialling was given up'));
  const timer = setTimeout(
    () => reject(new Error(`expected an answer within ${HANDSHAKE_LIMIT_MS} ms, found none`)),
    HANDSHAKE_LIMIT_MS,
  );
  socket.once('open', resolve);
  socket.once('error', reject);
  socket.once('unexpected-response', (_request, response) =>
    reject(new Error(`expected a WebSocket, found HTTP ${response.statusCode} ${response.statusMessage}`)),
  );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function describeDialFailure(path: string, error: unknown): string {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return `expected the controller's socket at ${path}, found nothing (ENOENT): is the controller running, and is this its path?`;
    case 'ECONNREFUSED':
      return `expected a controller to listen on ${path}, found none (ECONNREFUSED): it is not running`;
    case 'EACCES':
      return `expected to be let in to the controller's socket ${path}, found no permission (EACCES): run as the controller's user`;
    case 'EAGAIN':
      return `expected the controller on ${path} to take a connection, found its queue full (EAGAIN)`;
    default:
      return `controller on ${path}: ${messageOf(error)}`;
  }
}

/** RFC 6455, 7.4.1. */
const NO_CLOSE_FRAME = 1006;

function describeClose(code: number, reason: string): string {
  if (code === NO_CLOSE_FRAME) return 'the connection broke off';
  return `the controller closed the connection (${code}${reason === '' ? '' : `: ${reason}`})`;
}

function cutToBytes(text: string, maxBytes: number): string {
  let cut = text.slice(0, maxBytes);
  while (Buffer.byteLength(cut) > maxBytes) cut = cut.slice(0, -1);
  return cut;
}
