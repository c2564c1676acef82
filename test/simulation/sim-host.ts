// One simulated machine and the production agent on it: booted, crashed, cut off from power, booted again.
import { dirname, join } from 'node:path/posix';
import { HostAgent } from '../../node-agent/agent.ts';
import type { AgentSettings } from '../../node-agent/agent-ports.ts';
import type { FlagWatch } from '../../node-agent/flag-watch.ts';
import type { AgentStatus } from '../../node-agent/status-file.ts';
import { type KnownSpec, parseCopy } from '../../reconcilers/copy/known-spec.ts';
import { COPY_NAMES } from '../../reconcilers/copy/spec-copies.ts';
import { FLAG_NAMES, type FlagName } from '../../reconcilers/flags/flag-files.ts';
import { silentMonitor } from '../support/silent-monitor.ts';
import type { Prng } from './world/prng.ts';
import type { SimClock } from './world/sim-clock.ts';
import { SimDisk } from './world/sim-disk.ts';
import { SimGates } from './world/sim-gates.ts';
import type { SimLog } from './world/sim-log.ts';
import type { SimNetwork } from './world/sim-network.ts';
import { SimProcess } from './world/sim-process.ts';
import { SimServices } from './world/sim-services.ts';

export const STATE_DIR = '/var/lib/lockstep';
const RUN_DIR = '/run/lockstep';
export const FLAG_PATHS: Readonly<Record<FlagName, string>> = {
  volatile: '/var/run/.node_locked',
  persistent: '/etc/mtc/tmp/.node_locked',
};
export const COPY_PATHS: readonly string[] = COPY_NAMES.map((name) => join(STATE_DIR, name));

/** Both roles, so that the order of sets matters. */
const ROLES = ['controller', 'worker'] as const;
const SERVICES = [
  { id: 'controller/10-db', name: '10-db', set: 'controller', group: 10 },
  { id: 'controller/api', name: 'api', set: 'controller', group: null },
  { id: 'worker/20-net', name: '20-net', set: 'worker', group: 20 },
  { id: 'worker/web', name: 'web', set: 'worker', group: null, recorded: true },
] as const;
export const RESYNC_MS = 5_000;
/** Scripts are ended after that, ms: short, so that a hung one does not make a seed long. */
export const SCRIPT_LIMIT_MS = 6_000;

export interface SimHostParts {
  readonly clock: SimClock;
  readonly prng: Prng;
  readonly networks: readonly SimNetwork[];
  readonly log: SimLog;
}

export class SimHost {
  readonly name: string;
  readonly disk: SimDisk;
  readonly services: SimServices;
  readonly gates: SimGates;
  readonly networks: readonly SimNetwork[];
  /** What the living agent published last. */
  status: AgentStatus | undefined;
  readonly #parts: SimHostParts;
  readonly #startListeners: (() => void)[] = [];
  readonly #publishListeners: ((status: AgentStatus) => void)[] = [];
  #process: SimProcess;
  #boots = 1;
  #starts = 0;

  constructor(name: string, parts: SimHostParts) {
    const { clock, prng, networks } = parts;
    this.name = name;
    this.#parts = parts;
    this.networks = networks;
    this.disk = new SimDisk(clock, prng.fork('disk'));
    this.services = new SimServices(clock, prng.fork('services'), SERVICES);
    this.services.timeLimitMs = SCRIPT_LIMIT_MS;
    this.gates = new SimGates(prng.fork('gates'), ['10-net', 'worker/20-disk']);
    this.gates.timeLimitMs = SCRIPT_LIMIT_MS;
    this.#process = new SimProcess(`${name}/off`, clock);
    this.#process.kill();
  }

  get isUp(): boolean {
    return this.#process.alive;
  }

  /** Calls `listener` before each start of an agent. */
  onStart(listener: () => void): void {
    this.#startListeners.push(listener);
  }

  /** Calls `listener` with each status that a living agent publishes, before it is kept. */
  onPublish(listener: (status: AgentStatus) => void): void {
    this.#publishListeners.push(listener);
  }

  /** Starts an agent, unless one lives. @throws (into the run) when the agent can't start: no input of a disk or network may cause that. */
  start(): void {
    if (this.isUp) return;
    for (const listener of this.#startListeners) listener();
    this.#starts += 1;
    const { clock, log, prng } = this.#parts;
    const process = new SimProcess(`${this.name}/agent-${this.#starts}`, clock);
    this.#process = process;
    this.status = undefined;
    // A rejection is left unhandled: the run ends with it.
    void HostAgent.start(this.#settings(), {
      disk: this.disk.for(process),
      guard: async () => {},
      clock: process.clock,
      random: prng.fork(process.name).random,
      log: log.for(process),
      transports: this.networks.map((network) => network.transport(process)),
      services: this.services.driver(process),
      gates: this.gates.driver(process),
      flagWatch: simFlagWatch(this.disk, process),
      publish: (status, isNews) => {
        if (!process.alive || !isNews) return;
        for (const listener of this.#publishListeners) listener(status);
        this.status = status;
      },
      monitor: silentMonitor,
    });
  }

  /** kill -9: services and runs in flight live on. */
  crash(): void {
    this.#process.kill();
  }

  /** What was not synced may be lost, and /run is. */
  powerCut(): void {
    this.#goDown('power-cut');
  }

  /** An orderly reboot that nobody asked Lockstep for. */
  reboot(): void {
    this.#goDown('reboot');
  }

  #goDown(how: 'power-cut' | 'reboot'): void {
    this.#process.kill('power-cut');
    if (how === 'reboot') this.disk.reboot();
    else this.disk.powerCut();
    this.services.reboot();
    this.gates.reboot();
    this.#boots += 1;
    this.status = undefined;
  }

  /** The newest of the copies that are on the disk now. */
  copyNow(): KnownSpec | undefined {
    return newest(COPY_PATHS.map((path) => parseCopy(this.disk.contentNow(path) ?? '')));
  }

  /** The least of what a power cut now could leave as the newest of these copies; undefined: it could leave none. */
  copyAtWorst(paths: readonly string[] = COPY_PATHS): KnownSpec | undefined {
    return newest(
      paths.map((path) => oldest(this.disk.survivors(path).map(({ content }) => parseCopy(content ?? '')))),
    );
  }

  flagsNow(): Readonly<Record<FlagName, ReturnType<SimDisk['kindNow']>>> {
    return {
      volatile: this.disk.kindNow(FLAG_PATHS.volatile),
      persistent: this.disk.kindNow(FLAG_PATHS.persistent),
    };
  }

  #settings(): AgentSettings {
    return {
      host: this.name,
      roles: ROLES,
      bootId: `${this.name}-boot-${this.#boots}`,
      agentVersion: '0.0.0-simulation',
      pid: this.#starts,
      flags: FLAG_PATHS,
      stateDir: STATE_DIR,
      runDir: RUN_DIR,
      lockFileNames: [],
      resyncIntervalMs: RESYNC_MS,
      bootGraceMs: 2_000,
    };
  }
}

function newest(copies: readonly (KnownSpec | undefined)[]): KnownSpec | undefined {
  return copies.reduce((a, b) => ((b?.generation ?? 0) > (a?.generation ?? 0) ? b : a), undefined);
}

function oldest(copies: readonly (KnownSpec | undefined)[]): KnownSpec | undefined {
  if (copies.includes(undefined)) return undefined;
  return copies.reduce((a, b) => ((b?.generation ?? 0) < (a?.generation ?? 0) ? b : a));
}

function simFlagWatch(disk: SimDisk, process: SimProcess): FlagWatch {
  let unwatch: readonly (() => void)[] = [];
  let onEvent = () => {};
  const rearm = () => {
    for (const end of unwatch) end();
    unwatch = FLAG_NAMES.flatMap((flag) => {
      const path = FLAG_PATHS[flag];
      try {
        return disk.watches.watch(process, dirname(path), (name) => {
          if (path.endsWith(`/${name}`)) onEvent();
        });
      } catch {
        return [];
      }
    });
  };
  return {
    start: (listener) => {
      onEvent = listener;
      rearm();
    },
    rearm,
    close: async () => {
      for (const end of unwatch) end();
    },
  };
}
