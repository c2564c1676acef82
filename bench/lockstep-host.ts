// Lockstep as it is measured: a real controller, and real agents with paths of their own, volatile flag and runDir in memory as in production.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiClient } from '../controller/cli/api-client.ts';
import type { Host, Spec } from '../desired-state/host.ts';
import type { Bench } from './bench.ts';
import { CHECKOUT_BIN, type Program } from './programs.ts';

export class MeasuredController {
  readonly client: ApiClient;
  readonly socketPath: string;

  /** Resolves when it serves. @param data 0700, or not there yet. */
  static async start(
    bench: Bench,
    data = join(bench.folders.disk, 'controller'),
  ): Promise<MeasuredController> {
    const controller = new MeasuredController(join(data, 'controller.sock'));
    const program = bench.programs.start(join(CHECKOUT_BIN, 'lockstep-controller'), ['--data', data]);
    const isReady = () =>
      controller.client.ready().then(
        () => true,
        () => false,
      );
    await program.until('the controller is ready', isReady, bench.signal);
    return controller;
  }

  private constructor(socketPath: string) {
    this.socketPath = socketPath;
    this.client = new ApiClient({ socketPath, actor: 'bench' });
  }
}

/** Without `root`, as on a real host: every path is given, and lies in the measurement's own folders. */
export class MeasuredHost {
  readonly name: string;
  readonly flags: { readonly volatile: string; readonly persistent: string };
  readonly services: string;
  readonly #bench: Bench;
  readonly #controller: MeasuredController;
  readonly #configPath: string;
  readonly #runDir: string;
  #agent: Program | undefined;

  constructor(bench: Bench, controller: MeasuredController, name: string) {
    const disk = join(bench.folders.disk, name);
    const memory = join(bench.folders.memory, name);
    this.name = name;
    this.flags = { volatile: join(memory, 'run/.node_locked'), persistent: join(disk, 'etc/.node_locked') };
    this.services = join(disk, 'services.d');
    this.#bench = bench;
    this.#controller = controller;
    this.#configPath = join(disk, 'agent.yaml');
    this.#runDir = join(memory, 'lockstep');
    mkdirSync(disk, { recursive: true });
    const config = {
      host: name,
      controller: `unix:${controller.socketPath}`,
      flags: this.flags,
      services: { scripts: this.services },
      gates: join(disk, 'goenabled.d'),
      stateDir: join(disk, 'state'),
      runDir: this.#runDir,
    };
    // JSON is YAML.
    writeFileSync(this.#configPath, JSON.stringify(config));
  }

  get agentPid(): number {
    return this.#started().pid;
  }

  /** Begins the process and returns. @param bin where the programs are: those of the checkout, or the built ones. */
  spawnAgent(bin = CHECKOUT_BIN): Program {
    const program = join(bin, 'lockstep-agent');
    this.#agent = this.#bench.programs.start(program, ['--config', this.#configPath]);
    return this.#agent;
  }

  /** A new host is locked: resolves when both flags are there and the controller says that it is Ready. */
  async startLocked(bin?: string): Promise<void> {
    this.spawnAgent(bin);
    await this.untilHost('the host is Ready', isReady);
    await this.until('both flags are there', () => this.hasBothFlags());
  }

  async endAgent(): Promise<void> {
    await this.#agent?.end();
  }

  hasBothFlags(): boolean {
    return existsSync(this.flags.volatile) && existsSync(this.flags.persistent);
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await this.#started().until(what, holds, this.#bench.signal);
  }

  /** What the controller says of it. */
  async untilHost(what: string, holds: (host: Host) => boolean): Promise<void> {
    const look = () => this.#controller.client.getHost(this.name).then(holds, () => false);
    await this.until(what, look);
  }

  /** Before its agent is started for the first time: what it should be. */
  async declare(spec: Spec): Promise<void> {
    await this.#controller.client.declare({ name: this.name, spec });
  }

  /** A script of the set `worker`. */
  addService(name: string, script: string): void {
    mkdirSync(join(this.services, 'worker'), { recursive: true, mode: 0o755 });
    writeFileSync(join(this.services, 'worker', name), script, { mode: 0o755 });
  }

  /** The newest corrections by the agent's own account, ms each, from the event to the end: from its status file, which keeps 20. */
  ownLatencies(): readonly number[] {
    const status: unknown = JSON.parse(readFileSync(join(this.#runDir, 'status.json'), 'utf8'));
    if (typeof status !== 'object' || status === null || !('corrections' in status)) return [];
    const corrections: unknown = status.corrections;
    if (!Array.isArray(corrections)) return [];
    return corrections.flatMap((one: unknown) =>
      typeof one === 'object' && one !== null && 'latencyMs' in one && typeof one.latencyMs === 'number'
        ? [one.latencyMs]
        : [],
    );
  }

  #started(): Program {
    if (this.#agent === undefined) throw new Error('expected an agent that was started');
    return this.#agent;
  }
}

/** Is it as it should be, by the controller's word? */
export function isReady({ metadata, status }: Host): boolean {
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && status.observedGeneration === metadata.generation;
}
