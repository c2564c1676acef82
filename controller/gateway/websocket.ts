// The agents' WebSockets on an HTTP server's /v1/agent, each as a Connection. It carries texts and bounds what a peer can cost; what they mean is the gateway's.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type Connection, MAX_MESSAGE_BYTES } from '../../desired-state/wire.ts';
import { refuseOnSocket } from '../api/connection-errors.ts';

const AGENT_PATH = '/v1/agent';
/** A peer that has not read that many bytes does not read, or not fast enough: it is dropped, not waited for. */
const MAX_UNREAD_BYTES = 1_048_576;
/** How long a peer may take to answer a close before its socket is cut, ms: within the time that a stop has. */
const CLOSE_LIMIT_MS = 500;
/** WebSocket close codes (RFC 6455, 7.4.1) and the longest reason, in bytes. */
const NORMAL_CLOSURE = 1_000;
const UNSUPPORTED_DATA = 1_003;
const MAX_CLOSE_REASON = 123;

/** Gives every WebSocket on `server`'s /v1/agent to `accept`; an upgrade to anything else is answered with 404. */
export function serveAgents(server: Server, accept: (connection: Connection) => void): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  // Without a listener ws answers in words of its own.
  sockets.on('wsClientError', (error, socket) => {
    refuseOnSocket(socket, 400, `expected a WebSocket handshake: ${error.message}`);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // An upgraded socket is nobody's but ours: an error without a listener would end the program.
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?')[0] !== AGENT_PATH) {
      refuseOnSocket(socket, 404, `expected a WebSocket on ${AGENT_PATH}, found one on ${request.url}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => accept(asConnection(webSocket)));
  });
}

/** Adapts an open WebSocket; only text messages are taken. */
function asConnection(socket: WebSocket): Connection {
  let failure: string | undefined;
  socket.on('error', (error) => {
    failure = error.message;
  });
  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.bufferedAmount > MAX_UNREAD_BYTES) {
        failure = `it left more than ${MAX_UNREAD_BYTES} bytes unread`;
        socket.terminate();
        return;
      }
      socket.send(text);
    },
    close(reason) {
      failure ??= reason;
      socket.close(NORMAL_CLOSURE, reason.replace(/[^ -~]/g, '?').slice(0, MAX_CLOSE_REASON));
      // ws itself would wait 30 s for a peer that does not answer.
      const cut = setTimeout(() => socket.terminate(), CLOSE_LIMIT_MS);
      socket.once('close', () => clearTimeout(cut));
    },
    onMessage(listener) {
      socket.on('message', (data, isBinary) => {
        if (isBinary) socket.close(UNSUPPORTED_DATA, 'expected text messages');
        else listener(textOf(data));
      });
    },
    onClose(listener) {
      socket.once('close', (code, reason) => {
        listener(failure ?? (reason.length > 0 ? reason.toString() : `closed with code ${code}`));
      });
    },
  };
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}
