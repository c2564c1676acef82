// What happens to a simulated site, by the seed: operators, hands, crashes, power cuts, networks and disks that fail. It checks nothing.
import { LockstepError } from '../../desired-state/errors.ts';
import type { Spec } from '../../desired-state/host.ts';
import type { Invariants } from './invariants.ts';
import type { SimController } from './sim-controller.ts';
import { COPY_PATHS, FLAG_PATHS, type SimHost, STATE_DIR } from './sim-host.ts';
import type { Prng } from './world/prng.ts';
import type { SimClock } from './world/sim-clock.ts';

export interface Site {
  readonly clock: SimClock;
  readonly prng: Prng;
  readonly controller: SimController;
  readonly hosts: readonly { readonly host: SimHost; readonly invariants: Invariants }[];
}

type Member = Site['hosts'][number];

/** The wishes that the commands of the CLI make. */
const WISHES = {
  lock: { locked: true, servicesEnabled: false },
  unlock: { locked: false, servicesEnabled: true },
  'lock --keep-services': { locked: true },
  'services enable': { servicesEnabled: true },
  'services disable': { servicesEnabled: false },
} as const;

const GARBAGE = [
  'no json',
  '{"type":"desired"}',
  '{"type":"reboot-now","force":true}',
  '{"type":"desired","generation":-1,"spec":{"locked":true,"servicesEnabled":true}}',
  '{"type":"ack","re":"heartbeat","generation":"7"}',
  '[]',
];

export class Scenario {
  readonly #site: Site;
  readonly #prng: Prng;
  readonly #deeds: readonly (() => void)[];
  #over = false;
  /** The spec that the store accepted last, by host. */
  readonly #accepted = new Map<string, { readonly generation: number; readonly spec: Spec }>();
  readonly #log: string[] = [];

  constructor(site: Site) {
    this.#site = site;
    this.#prng = site.prng.fork('scenario');
    const pool = [...this.#siteDeeds(), ...site.hosts.flatMap((member) => this.#hostDeeds(member))];
    // Each seed has its own mix: a third of the deeds, so that it may do few things often.
    this.#deeds = pool
      .filter(() => this.#prng.chance(0.35))
      .concat(this.#operatorDeeds())
      .concat(this.#hangs());
  }

  get accepted(): ReadonlyMap<string, { readonly generation: number; readonly spec: Spec }> {
    return this.#accepted;
  }

  /** What was done, newest last. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Does one thing after the other until `end`. */
  begin(): void {
    const next = () => {
      if (this.#over) return;
      this.#prng.pick(this.#deeds)();
      this.#later(this.#prng.pick([20, 200, 1_500, 4_000]), next);
    };
    this.#later(500, next);
  }

  /** Faults off: everything runs and is reachable, and a person has cleared what only a person may clear. */
  end(): void {
    this.#over = true;
    const { controller, hosts } = this.#site;
    for (const { host, invariants } of hosts) {
      host.disk.faults.clear();
      host.disk.watches.loss = 0;
      host.services.clear();
      host.gates.clear();
      for (const network of host.networks) network.clear();
      invariants.handDeed(() => {
        for (const path of Object.values(FLAG_PATHS)) {
          if (host.disk.kindNow(path) === 'folder') host.disk.byHand.rm(path);
        }
      });
      host.start();
    }
    controller.start();
  }

  /** An operator makes `wish` so. Resolves to whether the store accepted it. */
  async command(name: keyof typeof WISHES, host: SimHost): Promise<boolean> {
    const hosts = this.#site.controller.hosts;
    if (hosts === undefined) return false;
    try {
      const changes = await hosts.change({ names: [host.name] }, WISHES[name], {
        actor: 'operator',
        network: 'local',
      });
      for (const { generation, spec } of changes) this.#accepted.set(host.name, { generation, spec });
      return true;
    } catch (error) {
      if (error instanceof LockstepError && error.code === 'NotFound') return false;
      throw error;
    }
  }

  #operatorDeeds(): readonly (() => void)[] {
    const names = Object.keys(WISHES).filter((name): name is keyof typeof WISHES => name in WISHES);
    return this.#site.hosts.flatMap(({ host }) =>
      [...names, 'lock' as const, 'unlock' as const, 'lock' as const, 'unlock' as const].map((name) =>
        this.#deed(`${name} ${host.name}`, () => void this.command(name, host)),
      ),
    );
  }

  #siteDeeds(): readonly (() => void)[] {
    const { controller } = this.#site;
    return [
      this.#deed('controller crashes', () => {
        controller.crash();
        this.#later(6_000, () => controller.start());
      }),
      this.#deed('a backup of the store is made', () => controller.backUp()),
      this.#deed('a backup of the store is restored', () => {
        controller.restoreBackup();
        this.#later(3_000, () => controller.start());
      }),
      this.#deed('garbage is sent to the agents', () => controller.sendRaw(this.#prng.pick(GARBAGE))),
    ];
  }

  #hostDeeds(member: Member): readonly (() => void)[] {
    return [
      ...this.#machineDeeds(member),
      ...this.#fileDeeds(member),
      ...this.#faultDeeds(member),
      ...this.#serviceDeeds(member),
    ];
  }

  #machineDeeds({ host, invariants }: Member): readonly (() => void)[] {
    const deed = (name: string, effect: () => void) => this.#deed(`${host.name}: ${name}`, effect);
    const boot = (limitMs: number) => this.#later(limitMs, () => host.start());
    return [
      deed('the agent crashes', () => {
        host.crash();
        boot(3_000);
      }),
      deed('the agent crashes and is back at once', () => {
        host.crash();
        host.start();
      }),
      deed('power cut', () => {
        host.powerCut();
        invariants.checkDown();
        boot(4_000);
      }),
      deed('reboot', () => {
        host.reboot();
        invariants.checkDown();
        boot(4_000);
      }),
    ];
  }

  #fileDeeds({ host, invariants }: Member): readonly (() => void)[] {
    const { byHand } = host.disk;
    const { volatile, persistent } = FLAG_PATHS;
    const attempt = (effect: () => void) => () => {
      try {
        effect();
      } catch {
        // As in a shell: the command says why it failed, and life goes on.
      }
    };
    const hand = (name: string, effect: () => void) =>
      this.#deed(`${host.name}: ${name}`, () => invariants.handDeed(attempt(effect)));
    const damage = (name: string, paths: () => readonly string[], effect: (path: string) => void) =>
      this.#deed(`${host.name}: ${name}`, () => {
        const damaged = paths();
        const all = attempt(() => {
          for (const path of damaged) effect(path);
        });
        invariants.damageCopies(damaged, all);
      });
    const oneCopy = () => [this.#prng.pick(COPY_PATHS)];
    return [
      hand('rm volatile', () => byHand.rm(volatile)),
      hand('rm persistent', () => byHand.rm(persistent)),
      hand('rm both', () => {
        byHand.rm(volatile);
        byHand.rm(persistent);
      }),
      hand('touch volatile', () => byHand.touch(volatile)),
      hand('touch persistent', () => byHand.touch(persistent)),
      hand('write both', () => {
        byHand.write(volatile, 'by hand\n');
        byHand.write(persistent, 'by hand\n');
      }),
      hand('link in the place of persistent', () => {
        byHand.rm(persistent);
        byHand.link('/etc/passwd', persistent);
      }),
      hand('fifo in the place of volatile', () => {
        byHand.rm(volatile);
        byHand.mkfifo(volatile);
      }),
      hand('folder in the place of persistent, for a while', () => {
        byHand.rm(persistent);
        byHand.mkdir(persistent);
        this.#later(9_000, () => invariants.handDeed(() => byHand.rm(persistent)));
      }),
      hand('rm -r of the persistent flag’s folder', () => byHand.rm('/etc/mtc')),
      damage('rm one copy', oneCopy, (path) => byHand.rm(path)),
      damage('rot in one copy', oneCopy, (path) => byHand.write(path, 'rotten')),
      damage(
        'rm -r stateDir',
        () => COPY_PATHS,
        () => byHand.rm(STATE_DIR),
      ),
    ];
  }

  #faultDeeds({ host, invariants }: Member): readonly (() => void)[] {
    const { faults, watches } = host.disk;
    const deed = (name: string, effect: () => void) => this.#deed(`${host.name}: ${name}`, effect);
    const during = (effect: () => () => void) => () => {
      const ms = this.#prng.pick([50, 800, 6_000]);
      invariants.faulty(ms + 200);
      const end = effect();
      this.#later(ms, end, ms);
    };
    const [network] = host.networks;
    return [
      deed(
        'disk full',
        during(() => faults.add({ code: 'ENOSPC' })),
      ),
      deed(
        'disk read-only below /etc',
        during(() => faults.add({ code: 'EROFS', under: '/etc' })),
      ),
      deed(
        'stateDir can’t be written',
        during(() => faults.add({ code: 'EROFS', under: STATE_DIR })),
      ),
      deed(
        'one call fails',
        during(() => faults.add({ code: 'EIO', nth: this.#prng.int(1, 12) })),
      ),
      deed(
        'flaky disk',
        during(() => faults.add({ code: 'EIO', chance: 0.2 })),
      ),
      deed('inotify loses events', () => {
        watches.loss = 0.7;
      }),
      deed('network cut', () => {
        for (const each of host.networks) each.cut();
      }),
      deed('network silent', () => {
        for (const each of host.networks) each.silent = true;
        this.#later(this.#prng.pick([300, 4_000, 20_000]), () => {
          for (const each of host.networks) each.silent = false;
        });
      }),
      deed('dials refused', () => {
        for (const each of host.networks) each.refusal = 0.8;
      }),
      deed('one network is slow', () => {
        if (network !== undefined) network.spikes = 0.2;
      }),
    ];
  }

  /** With dice of their own, and in a fifth of the seeds: the others stay as they were before there were any. A disk that hangs excuses nothing. */
  #hangs(): readonly (() => void)[] {
    const prng = this.#site.prng.fork('hangs');
    if (!prng.chance(0.2)) return [];
    return this.#site.hosts.map(({ host }) =>
      this.#deed(`${host.name}: the disk of the copies hangs`, () => {
        const ms = prng.pick([300, 2_000, 20_000]);
        this.#later(ms, host.disk.faults.hold(STATE_DIR), ms);
      }),
    );
  }

  #serviceDeeds({ host }: Member): readonly (() => void)[] {
    const { services, gates } = host;
    const some = () => this.#prng.pick(services.all());
    // What only its record tells of (a script without `status`) is not seen to change: rows S14 and S15 don't apply to it.
    const someAsked = () => this.#prng.pick(services.all().filter(({ recorded }) => !recorded));
    const deed = (name: string, effect: () => void) => this.#deed(`${host.name}: ${name}`, effect);
    return [
      deed('a service dies', () => services.kill(someAsked().service.id)),
      deed('a service is started by hand', () => services.startByHand(someAsked().service.id)),
      deed('scripts fail', () => {
        some().failure = 0.6;
      }),
      deed('scripts hang', () => {
        some().hang = 0.5;
      }),
      deed('status gives no answer', () => {
        some().unknown = 0.4;
      }),
      deed('a service keeps dying', () => {
        someAsked().livesMs = [50, 3_000];
      }),
      deed('scripts are healthy again', () => services.clear()),
      deed('gates fail', () => {
        gates.failure = 0.7;
      }),
      deed('gates hang', () => {
        gates.hang = 0.5;
      }),
    ];
  }

  #deed(name: string, effect: () => void): () => void {
    return () => {
      this.#log.push(`${this.#site.clock.monotonicMs().toFixed(3).padStart(12)} ${name}`);
      effect();
    };
  }

  #later(limitMs: number, effect: () => void, afterMs = this.#prng.int(1, limitMs)): void {
    this.#site.clock.setTimer(afterMs, effect);
  }
}
