// The Transport port: how the agent reaches a controller on one network. Adapter: linux/websocket-transport.ts.
import type { Connection } from '../desired-state/wire.ts';

export interface Transport {
  /** The network's name, for logs and hello: `local` on a unix socket. */
  readonly network: string;
  /** Opens a connection. @throws (any error) when it can't be opened; on abort too. */
  dial(signal: AbortSignal): Promise<Connection>;
}
