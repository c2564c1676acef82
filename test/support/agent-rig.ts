// The production agent on one simulated machine with a scripted controller, healthy until a test says otherwise: for scenarios that a reader can follow.
import { basename, dirname } from 'node:path/posix';
import { type Condition, type ConditionType, findCondition } from '../../desired-state/conditions.ts';
import type { Spec } from '../../desired-state/host.ts';
import { HostAgent } from '../../node-agent/agent.ts';
import type { AgentPorts } from '../../node-agent/agent-ports.ts';
import type { Disk } from '../../node-agent/disk.ts';
import type { FlagWatch } from '../../node-agent/flag-watch.ts';
import type { AgentStatus } from '../../node-agent/status-file.ts';
import { FLAG_NAMES, type FlagName } from '../../reconcilers/flags/flag-files.ts';
import { Prng } from '../simulation/world/prng.ts';
import { SimClock } from '../simulation/world/sim-clock.ts';
import { SimDisk } from '../simulation/world/sim-disk.ts';
import { SimGates } from '../simulation/world/sim-gates.ts';
import { SimLog } from '../simulation/world/sim-log.ts';
import { SimNetwork } from '../simulation/world/sim-network.ts';
import { SimProcess } from '../simulation/world/sim-process.ts';
import { SimServices } from '../simulation/world/sim-services.ts';
import { serviceOf } from './fake-services.ts';
import { ScriptedController } from './scripted-controller.ts';
import { silentMonitor } from './silent-monitor.ts';

export const STATE_DIR = '/var/lib/lockstep';
export const RUN_DIR = '/run/lockstep';
export const FLAG_PATHS: Readonly<Record<FlagName, string>> = {
  volatile: '/var/run/.node_locked',
  persistent: '/etc/mtc/tmp/.node_locked',
};
export const TRACE_PATH = '/etc/mtc/tmp/.lockstep';

export const LOCKED = { locked: true, servicesEnabled: false };
export const UNLOCKED = { locked: false, servicesEnabled: true };

export interface RigOptions {
  /** Ids of services, all stopped at first. */
  readonly services?: readonly string[];
  readonly gates?: readonly string[];
  readonly networks?: readonly string[];
  /** Puts something in the way of a port. */
  readonly adjust?: (ports: AgentPorts) => Partial<AgentPorts>;
}

export class AgentRig {
  readonly clock = new SimClock();
  readonly disk: SimDisk;
  readonly services: SimServices;
  readonly gates: SimGates;
  readonly networks: readonly SimNetwork[];
  readonly controller: ScriptedController;
  readonly log = new SimLog(this.clock);
  /** Starts and stops in the order in which they were begun: `start worker/web`. */
  readonly begun: string[] = [];
  /** Changes to files that agents tried, in order: `rename a -> b`. Reading and syncing folders are none. */
  readonly writes: string[] = [];
  agent: HostAgent | undefined;
  status: AgentStatus | undefined;
  readonly #options: RigOptions;
  #process = new SimProcess('off', this.clock);
  #boots = 1;

  constructor(options: RigOptions = {}) {
    const { services = ['worker/web'], gates = [], networks = ['management'] } = options;
    const prng = new Prng('agent');
    this.#options = options;
    this.disk = new SimDisk(this.clock, prng.fork('disk'));
    this.services = new SimServices(this.clock, prng.fork('services'), services.map(serviceOf));
    this.services.onBegin(({ service, verb }) => this.begun.push(`${verb} ${service.service.id}`));
    this.gates = new SimGates(prng.fork('gates'), gates);
    this.networks = networks.map((name) => new SimNetwork(name, this.clock, prng.fork(name)));
    this.controller = new ScriptedController(this.clock, this.networks);
  }

  /** Starts the agent and its machine's time, for `ms`. */
  async start(ms = 1_000): Promise<void> {
    const process = new SimProcess('agent', this.clock);
    this.#process = process;
    this.status = undefined;
    const ports: AgentPorts = {
      disk: this.#recording(this.disk.for(process)),
      guard: async () => {},
      clock: process.clock,
      random: () => 0.5,
      log: this.log.for(process),
      transports: this.networks.map((network) => network.transport(process)),
      services: this.services.driver(process),
      gates: this.gates.driver(process),
      flagWatch: watchFlags(this.disk, process),
      publish: (status) => {
        if (process.alive) this.status = status;
      },
      monitor: silentMonitor,
    };
    const { adjust = () => ({}) } = this.#options;
    void HostAgent.start(this.#settings(), { ...ports, ...adjust(ports) }).then((agent) => {
      this.agent = agent;
    });
    await this.run(ms);
  }

  async run(ms: number): Promise<void> {
    await this.clock.runFor(ms);
  }

  /** kill -9. */
  kill(): void {
    this.#process.kill();
  }

  /** The machine restarts in an orderly way; what was synced, and what was not, is on the disk. */
  reboot(): void {
    this.#process.kill('power-cut');
    this.disk.reboot();
    this.#goDown();
  }

  /** What was not synced may be lost. */
  powerCut(): void {
    this.#process.kill('power-cut');
    this.disk.powerCut();
    this.#goDown();
  }

  /** An installed host whose agent has run for a while at this spec, and a controller that runs. */
  async settle(spec: Spec): Promise<void> {
    this.controller.start();
    this.controller.declare(spec, { since: '2030-01-01T00:00:00.000Z', reason: 'to begin with' });
    // Between two resyncs.
    await this.start(32_500);
  }

  /** `both` or `none` in nearly every case. */
  get flags(): string {
    const there = FLAG_NAMES.filter((flag) => this.disk.kindNow(FLAG_PATHS[flag]) === 'file');
    return there.length === FLAG_NAMES.length ? 'both' : (there[0] ?? 'none');
  }

  /** Ids of services that run. */
  get running(): readonly string[] {
    return this.services
      .all()
      .filter(({ running }) => running)
      .map(({ service }) => service.id);
  }

  /** As the agent last published it: `True AsDesired`. */
  condition(type: ConditionType): string {
    const condition: Condition | undefined = findCondition(this.status?.status.conditions ?? [], type);
    return condition === undefined ? 'not reported' : `${condition.status} ${condition.reason}`;
  }

  #recording(disk: Disk): Disk {
    const noted = (write: string) => void this.writes.push(write);
    return {
      ...disk,
      create: (path, content, mode) => {
        noted(`create ${path}`);
        return disk.create(path, content, mode);
      },
      createSynced: (path, content, mode) => {
        noted(`createSynced ${path}`);
        return disk.createSynced(path, content, mode);
      },
      syncFile: (path) => {
        noted(`syncFile ${path}`);
        return disk.syncFile(path);
      },
      rename: (from, to) => {
        noted(`rename ${from} -> ${to}`);
        return disk.rename(from, to);
      },
      remove: (path) => {
        noted(`remove ${path}`);
        return disk.remove(path);
      },
    };
  }

  #goDown(): void {
    this.services.reboot();
    this.gates.reboot();
    this.#boots += 1;
  }

  #settings() {
    return {
      host: 'compute-0',
      roles: ['worker'] as const,
      bootId: `boot-${this.#boots}`,
      agentVersion: '0.1.0',
      pid: 42,
      flags: FLAG_PATHS,
      stateDir: STATE_DIR,
      runDir: RUN_DIR,
      lockFileNames: ['agent.lock'],
      resyncIntervalMs: 5_000,
      bootGraceMs: 2_000,
    };
  }
}

/** Watches the flags' folders; one that comes back unseen is deaf, as the real one may be. */
function watchFlags(disk: SimDisk, process: SimProcess): FlagWatch {
  const watched = new Map<string, () => void>();
  let onEvent = () => {};
  const rearm = () => {
    for (const path of Object.values(FLAG_PATHS)) {
      const isThere = disk.kindNow(dirname(path)) !== 'absent';
      if (!isThere) {
        watched.get(path)?.();
        watched.delete(path);
      } else if (!watched.has(path)) {
        const listener = (name: string) => {
          if (name === basename(path)) onEvent();
        };
        watched.set(path, disk.watches.watch(process, dirname(path), listener));
      }
    }
  };
  return {
    start: (listener) => {
      onEvent = listener;
      rearm();
    },
    rearm,
    close: async () => {
      for (const end of watched.values()) end();
    },
  };
}
