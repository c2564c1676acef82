// A running controller: store, use cases, gateway, API and manifests put together on one data folder, and taken down in order.
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SqliteStore } from '../desired-state/store/sqlite/sqlite-store.ts';
import type { Store } from '../desired-state/store/store.ts';
import type { Clock } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import { keepTimerDue, observeLateness } from '../runtime/lateness.ts';
import { readProcessUsage } from '../runtime/process-usage.ts';
import type { Daemon } from '../runtime/program.ts';
import { VERSION } from '../runtime/version.ts';
import type { Manifests } from './api/api-ports.ts';
import { buildApi } from './api/server.ts';
import { ApiSocket } from './api-socket.ts';
import { type DataFolder, keepDataFolder } from './data-folder.ts';
import { DataKeeper } from './data-keeper.ts';
import { AgentGateway } from './gateway/agent-gateway.ts';
import { serveAgents } from './gateway/websocket.ts';
import { Hosts } from './hosts.ts';
import { NoManifests, type NoManifestsDeps } from './manifests/no-manifests.ts';
import { ControllerMetrics } from './metrics/controller-metrics.ts';
import { ObservedStore } from './metrics/observed-store.ts';

export interface DaemonOptions {
  /** The manifests folder, whose files are the truth for the hosts that they declare. Undefined: there is none. */
  readonly manifests?: string | undefined;
}

/** What agents and people that come over the unix socket are said to come over. */
const LOCAL_NETWORK = 'local';

/** @throws LockstepError when the folder's store is held by another controller or damaged, or the socket can't be bound. */
export async function startDaemon(
  folder: DataFolder,
  clock: Clock,
  log: Log,
  options: DaemonOptions = {},
): Promise<Daemon> {
  const store = await SqliteStore.open(folder.database);
  try {
    return await serve(store, folder, clock, log, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function serve(
  opened: Store,
  folder: DataFolder,
  machineClock: Clock,
  log: Log,
  options: DaemonOptions,
): Promise<Daemon> {
  const metrics: ControllerMetrics = new ControllerMetrics({
    clock: machineClock,
    version: VERSION,
    readUsage: readProcessUsage,
    listHosts: () => hosts.list(),
    gatewayLoad: () => gateway.load(),
    listManifests: () => manifests.list(),
  });
  const clock = observeLateness(machineClock, (stalledMs) => metrics.stalled(stalledMs));
  const store = new ObservedStore(opened, clock, metrics);
  const hosts = new Hosts({ store, clock, log });
  const gateway = new AgentGateway({ hosts, store, clock, log });
  const manifests = await openManifests(options.manifests, { hosts, store, clock, log });
  const api = buildApi({
    hosts,
    store,
    plans: gateway,
    manifests,
    metrics,
    clock,
    log,
    network: LOCAL_NETWORK,
  });
  serveAgents(api.server, (connection) => gateway.accept(connection, LOCAL_NETWORK));
  await gateway.start();
  manifests.start();
  await api.ready();
  const socket = new ApiSocket(folder.socket, api);
  await socket.keep();
  const keeper = new DataKeeper(
    [
      { what: 'data folder', keep: async () => keepDataFolder(folder.path) },
      { what: 'store', keep: () => store.check() },
      { what: 'socket', keep: () => socket.keep() },
    ],
    clock,
    log,
  );
  keeper.start();
  const endProbe = keepTimerDue(clock);
  return {
    async stop() {
      endProbe();
      await keeper.stop();
      await gateway.stop();
      await Promise.all([api.close(), socket.close()]);
      await manifests.stop();
      await store.close();
    },
  };
}

interface RunningManifests extends Manifests {
  start(): void;
  stop(): Promise<void>;
}

type ManifestDeps = Pick<NoManifestsDeps, 'hosts' | 'store' | 'clock' | 'log'>;

async function openManifests(folder: string | undefined, deps: ManifestDeps): Promise<RunningManifests> {
  const parts = { ...deps, random: Math.random, monitor: UNMEASURED };
  if (folder === undefined) return new NoManifests(parts);
  // Loaded on demand: without a folder nobody needs a YAML parser or a watch.
  const [{ ManifestSync }, { DiskManifestFiles }, { ChokidarManifestWatch }] = await Promise.all([
    import('./manifests/manifest-sync.ts'),
    import('./manifests/disk-manifest-files.ts'),
    import('./manifests/chokidar-manifest-watch.ts'),
  ]);
  const path = resolve(folder);
  return new ManifestSync({
    ...parts,
    folder: path,
    files: new DiskManifestFiles(path),
    watch: new ChokidarManifestWatch({ folder: path, log: deps.log }),
    turn: () => setImmediate(),
  });
}

const UNMEASURED = { passAsked: () => {}, passBegan: () => {}, passEnded: () => {} };
