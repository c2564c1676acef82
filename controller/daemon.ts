// A running controller: store, use cases, gateway and API put together on one data folder, and taken down in order.
import { SqliteStore } from '../desired-state/store/sqlite/sqlite-store.ts';
import type { Store } from '../desired-state/store/store.ts';
import type { Clock } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import type { Daemon } from '../runtime/program.ts';
import { buildApi } from './api/server.ts';
import { type DataFolder, removeStaleSocket } from './data-folder.ts';
import { AgentGateway } from './gateway/agent-gateway.ts';
import { serveAgents } from './gateway/websocket.ts';
import { Hosts } from './hosts.ts';

/** What agents and people that come over the unix socket are said to come over. */
const LOCAL_NETWORK = 'local';

/** @throws LockstepError when the folder's store is held by another controller or damaged, or the socket can't be bound. */
export async function startDaemon(folder: DataFolder, clock: Clock, log: Log): Promise<Daemon> {
  const store = await SqliteStore.open(folder.database);
  try {
    return await serve(store, folder, clock, log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function serve(store: Store, folder: DataFolder, clock: Clock, log: Log): Promise<Daemon> {
  const hosts = new Hosts({ store, clock, log });
  const gateway = new AgentGateway({ hosts, store, clock, log });
  const api = buildApi({ hosts, store, clock, log, network: LOCAL_NETWORK });
  serveAgents(api.server, (connection) => gateway.accept(connection, LOCAL_NETWORK));
  await gateway.start();
  await api.ready();
  // Only whoever holds the store gets here: what lies there is nobody's.
  removeStaleSocket(folder.socket);
  await bindPrivately(() => api.listen({ path: folder.socket }));
  return {
    async stop() {
      await gateway.stop();
      await api.close();
      await store.close();
    },
  };
}

/** The socket is 0600 from the moment it exists. */
async function bindPrivately(listen: () => Promise<unknown>): Promise<void> {
  const umask = process.umask(0o177);
  try {
    await listen();
  } finally {
    process.umask(umask);
  }
}
