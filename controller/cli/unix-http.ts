// HTTP over a controller's unix socket: one request, or one stream of server-sent events, per connection. Errors say which socket was tried.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { errnoOf, LockstepError, messageOf } from '../../desired-state/errors.ts';
import { problemSchema } from '../api/schemas.ts';

// An import of node:http reads each of its exports, the lazy ones too: that loads fetch, WebSocket and HTTP/2, 35 ms of every command.
const { request } = process.getBuiltinModule('node:http');
const { connect } = process.getBuiltinModule('node:net');

/** A controller that says nothing for that long does not answer, ms. */
const SILENCE_LIMIT_MS = 30_000;
/** The largest answer that is taken, in bytes: some 100,000 hosts. */
const MAX_ANSWER_BYTES = 268_435_456;
/** The largest event of a stream, in characters: a host with all the services its status may name. */
const MAX_EVENT_CHARACTERS = 33_554_432;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Which request an error is about. */
interface Exchange extends Pick<HttpRequest, 'method'> {
  readonly socketPath: string;
}

export interface ServerSentEvent {
  readonly event: string;
  readonly data: unknown;
}

/**
 * The JSON of the answer, undefined for an empty one.
 * @throws LockstepError with the code of the controller's problem, or `Unavailable` when it can't be reached or stops in between.
 */
export async function askOnce(socketPath: string, asked: HttpRequest): Promise<unknown> {
  const exchange = { socketPath, method: asked.method };
  const text = await readAll(await open(socketPath, asked), exchange);
  return text === '' ? undefined : parseJson(text, exchange);
}

/** The text of the answer, whatever its media type. @throws LockstepError as {@link askOnce}. */
export async function askText(socketPath: string, asked: HttpRequest): Promise<string> {
  return readAll(await open(socketPath, asked), { socketPath, method: asked.method });
}

/** What is to be said behind an error that leaves open what became of a request. */
export function doubtAfter(method: HttpRequest['method']): string {
  return method === 'GET' ? '' : '; whether it has done what it was asked is not known';
}

/** The events of a stream, until it or `signal` ends it. @throws LockstepError as askOnce; not when `signal` aborts. */
export async function* streamEvents(
  socketPath: string,
  asked: HttpRequest,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const exchange = { socketPath, method: asked.method };
  try {
    const answer = await open(socketPath, asked);
    let rest = '';
    for await (const chunk of answer.setEncoding('utf8')) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      if (rest.length > MAX_EVENT_CHARACTERS) throw broken(exchange, 'an event that is too large');
      for (const block of blocks) {
        const event = parseEvent(block, exchange);
        if (event !== undefined) yield event;
      }
    }
  } catch (error) {
    if (asked.signal?.aborted === true) return;
    throw error instanceof LockstepError ? error : broken(exchange, messageOf(error), error);
  }
}

async function open(socketPath: string, asked: HttpRequest): Promise<IncomingMessage> {
  const exchange = { socketPath, method: asked.method };
  const answer = await send(socketPath, asked);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  const text = await readAll(answer, exchange);
  const problem = problemSchema.safeParse(parseJson(text, exchange));
  if (problem.success) throw new LockstepError(problem.data.code, problem.data.detail);
  throw new LockstepError('Failed', `unix:${socketPath}: expected an answer, found HTTP status ${status}`);
}

function send(socketPath: string, asked: HttpRequest): Promise<IncomingMessage> {
  const { method, path, headers = {}, body, signal } = asked;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const content = text === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = request(
      // Without an agent: one would first find out whether the host's name, which there is none of, is an IPv6 address; 5 ms of every command.
      {
        createConnection: () => connect({ path: socketPath }),
        method,
        path,
        headers: { host: 'localhost', ...headers, ...content },
        signal,
      },
      resolve,
    );
    outgoing.setTimeout(SILENCE_LIMIT_MS, () => {
      outgoing.destroy(new Error(`nothing heard for ${SILENCE_LIMIT_MS / 1_000} s`));
    });
    outgoing.on('error', (error) => reject(unreachable({ socketPath, method }, error)));
    outgoing.end(text);
  });
}

async function readAll(answer: IncomingMessage, exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      const part = Buffer.from(chunk);
      bytes += part.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(part);
    }
  } catch (error) {
    throw broken(exchange, messageOf(error), error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseEvent(block: string, exchange: Exchange): ServerSentEvent | undefined {
  const lines = block.split('\n');
  const data = lines.find((line) => line.startsWith('data: '));
  if (data === undefined) return undefined;
  const event = lines.find((line) => line.startsWith('event: '))?.slice('event: '.length) ?? 'message';
  return { event, data: parseJson(data.slice('data: '.length), exchange) };
}

function parseJson(text: string, exchange: Exchange): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw broken(exchange, messageOf(error), error);
  }
}

/** What the errno of a connection says to a person. */
const CONNECT_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'permission denied: the socket is for the user that runs the controller',
  EAGAIN: 'too many are waiting to connect',
  ENOTSOCK: 'no socket',
};

function unreachable(exchange: Exchange, error: Error): LockstepError {
  const errno = errnoOf(error) ?? '';
  const why = CONNECT_ERRORS[errno];
  if (why === undefined) return broken(exchange, error.message, error);
  return new LockstepError(
    'Unavailable',
    `no controller at unix:${exchange.socketPath} (${why}): start one with \`lockstep-controller --data DIR\`, or say where it is with --controller unix:PATH or $LOCKSTEP_CONTROLLER`,
    { cause: error },
  );
}

/** The connection was there: the request may have been taken. */
function broken({ socketPath, method }: Exchange, why: string, cause?: unknown): LockstepError {
  return new LockstepError(
    'Unavailable',
    `connection to the controller at unix:${socketPath} broke: ${why}${doubtAfter(method)}`,
    {
      cause,
    },
  );
}
