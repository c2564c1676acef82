// The invariants I1-I10 of design.md as checks over the simulated world, at each step. They look at the disk, the services and what the agent
// published, never into the agent.
import type { AgentStatus } from '../../node-agent/status-file.ts';
import { FLAG_NAMES, type FlagName, parseFlagGeneration } from '../../reconcilers/flags/flag-files.ts';
import { COPY_PATHS, FLAG_PATHS, RESYNC_MS, type SimHost } from './sim-host.ts';
import type { SimClock } from './world/sim-clock.ts';
import type { RunBegin } from './world/sim-services.ts';

/** Thrown into the run: the seed has found something. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** What a look, a pass or a write in flight may not have seen yet, ms: what a person did within it excuses. */
const UNSEEN_MS = 400;
/** The promise of I2, and the time that the pass itself takes on a slow simulated disk, ms. */
const PROMISE_MS = RESYNC_MS + 800;
/** Copy, flags and a look at the services come before an abort; ending a script takes a moment too, ms. */
const ABORT_MS = 1_500;

export class Invariants {
  readonly #clock: SimClock;
  readonly #host: SimHost;
  readonly #storeWentBack: () => boolean;
  #flags: ReturnType<SimHost['flagsNow']>;
  /** When somebody last changed something by hand at the flags, or a fault of the disk or of services was on. */
  #disturbedMs = Number.NEGATIVE_INFINITY;
  #faultUntilMs = Number.NEGATIVE_INFINITY;
  #handDeed = false;
  /** Copies that somebody damaged and that are not known to be whole again: while it is not both, nothing may be lost. */
  readonly #damaged = new Set<string>();
  #flagsAtStart: ReturnType<SimHost['flagsNow']> | undefined;
  /** What a person removed unsynced may come back after a power cut; what the agent removed may not. */
  #persistentRemovedByAgent = false;
  #acknowledged = 0;
  #acknowledgedLock = 0;
  #diskVersion = -1;
  #flagsWrongSinceMs: number | undefined;
  readonly #contradictedSinceMs = new Map<string, number>();
  #violation: InvariantViolation | undefined;
  readonly #serviceWrongSinceMs = new Map<string, number>();

  /** @param storeWentBack a backup of the store was restored. */
  constructor(clock: SimClock, host: SimHost, storeWentBack: () => boolean) {
    this.#clock = clock;
    this.#host = host;
    this.#storeWentBack = storeWentBack;
    this.#flags = host.flagsNow();
    host.onStart(() => this.#started());
    host.onPublish((status) => this.#checkPublished(status));
    host.services.onBegin((begin) => this.#checkBegin(begin));
  }

  /** An agent starts, now. */
  #started(): void {
    this.#flagsAtStart = this.#host.copyNow() === undefined ? this.#host.flagsNow() : undefined;
  }

  /** A person or program changes files on the host, now. */
  handDeed(deed: () => void): void {
    this.#handDeed = true;
    this.#disturbedMs = Math.max(this.#disturbedMs, this.#clock.monotonicMs());
    deed();
  }

  /** A person or rot damages these of the remembered copies, now. */
  damageCopies(paths: readonly string[], deed: () => void): void {
    for (const path of paths) this.#damaged.add(path);
    this.handDeed(deed);
  }

  /** The disk fails from now for `ms`: what that makes late or impossible is excused. */
  faulty(ms: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#faultUntilMs = Math.max(this.#faultUntilMs, nowMs + ms);
    this.#disturbedMs = Math.max(this.#disturbedMs, this.#faultUntilMs);
  }

  /** The machine is down: checks what is left of what it acknowledged, before it boots. */
  checkDown(): void {
    this.#flags = this.#host.flagsNow();
    this.#flagsWrongSinceMs = undefined;
    this.#serviceWrongSinceMs.clear();
    const left = this.#host.copyNow()?.generation ?? 0;
    if (left >= this.#acknowledged) return;
    if (!this.#areCopiesLost()) {
      this.#fail(
        'I1',
        `generation ${this.#acknowledged} was acknowledged, and ${left} is all that the copies hold after it went down`,
      );
    }
    this.#acknowledged = left;
  }

  /** After each event of the simulation. */
  checkStep(): void {
    if (this.#violation !== undefined) throw this.#violation;
    this.#checkFlagChanges();
    if (!this.#host.isUp || this.#host.status === undefined) {
      this.#flagsWrongSinceMs = undefined;
      this.#serviceWrongSinceMs.clear();
      this.#contradictedSinceMs.clear();
      return;
    }
    this.#checkFlagsPromise(this.#host.status);
    this.#checkServicesPromise(this.#host.status);
    this.#checkRuns(this.#host.status);
  }

  #checkFlagChanges(): void {
    const { version } = this.#host.disk;
    if (version === this.#diskVersion) return;
    this.#diskVersion = version;
    const before = this.#flags;
    const now = this.#host.flagsNow();
    this.#flags = now;
    if (this.#handDeed) {
      this.#handDeed = false;
      this.#persistentRemovedByAgent = false;
      return;
    }
    for (const flag of FLAG_NAMES) {
      if (before[flag] === now[flag]) continue;
      if (before[flag] === 'folder')
        this.#fail('I9', `the agent replaced the folder at the ${flag} flag's path`);
      if (now[flag] === 'file') this.#checkCreated(flag);
      else if (now[flag] === 'absent') this.#checkRemoved(flag, before[flag] === 'file');
      else this.#fail('I9', `the agent made a ${now[flag]} of the ${flag} flag`);
    }
  }

  #checkCreated(flag: FlagName): void {
    const desired = this.#host.status?.desired;
    const copy = this.#host.copyNow();
    if (desired?.locked === false && copy?.generation === desired.generation && !copy.spec.locked) {
      this.#fail(
        'I4',
        `the ${flag} flag was created on a host that is unlocked at generation ${desired.generation}`,
      );
    }
    if (flag === 'volatile' && this.#flags.persistent === 'absent' && !this.#isDisturbed()) {
      this.#fail('I8', 'the volatile flag was created before the persistent one');
    }
  }

  /** @param wasFlag false: what stood in its place was none, such as a fifo, and no lock was told by it. */
  #checkRemoved(flag: FlagName, wasFlag: boolean): void {
    const copy = this.#host.copyAtWorst();
    if (copy === undefined || copy.spec.locked) {
      if (this.#host.status?.desired.locked === null) {
        this.#fail('I4', `the ${flag} flag was removed by an agent that knows nothing`);
      }
      const what = copy === undefined ? 'no copy at all' : `a lock (generation ${copy.generation})`;
      if (wasFlag && !this.#areCopiesLost())
        this.#fail('I1', `the ${flag} flag was removed while a power cut could leave ${what}`);
    }
    if (flag === 'persistent') {
      this.#persistentRemovedByAgent = true;
    } else if (this.#flags.persistent === 'file' && !this.#isDisturbed()) {
      this.#fail('I8', 'the volatile flag was removed before the persistent one');
    } else if (this.#persistentRemovedByAgent && !this.#isDurablyAbsent()) {
      this.#fail('I8', 'the volatile flag was removed before the persistent one was, durably');
    }
  }

  #isDurablyAbsent(): boolean {
    return this.#host.disk.survivors(FLAG_PATHS.persistent).every(({ kind }) => kind !== 'file');
  }

  #checkPublished(status: AgentStatus): void {
    const { desired, acknowledgedGeneration } = status;
    if (this.#areCopiesLost() && desired.source !== 'remembered' && desired.source !== 'controller') {
      // Somebody destroyed both copies: what the flags still say is all that is left to be kept.
      this.#acknowledged = Math.min(this.#acknowledged, desired.generation);
      this.#acknowledgedLock = Math.min(this.#acknowledgedLock, desired.generation);
    }
    this.#forgiveWholeCopies();
    this.#checkFlagsGeneration();
    this.#checkFirstWord(desired);
    const before = this.#host.status?.desired.generation;
    if (before !== undefined && desired.generation < before) {
      this.#fail('I5', `the agent went from generation ${before} to ${desired.generation}`);
    }
    if (desired.locked === false && desired.generation <= this.#acknowledgedLock) {
      this.#fail(
        'I1',
        `generation ${this.#acknowledgedLock} acknowledged a lock, and the agent holds the host unlocked at ${desired.generation}`,
      );
    }
    // A copy that can't be read is not lost: the agent touches nothing and looks again, at the next resync.
    const isUnread = this.#clock.monotonicMs() - this.#faultUntilMs <= PROMISE_MS;
    if (desired.generation < this.#acknowledged && !this.#areCopiesLost() && !isUnread) {
      this.#fail(
        'I5',
        `generation ${this.#acknowledged} was acknowledged, and the agent knows ${desired.generation}`,
      );
    }
    if (acknowledgedGeneration > (this.#host.status?.acknowledgedGeneration ?? 0))
      this.#checkAcknowledged(status);
  }

  #areCopiesLost(): boolean {
    return this.#damaged.size === COPY_PATHS.length;
  }

  #forgiveWholeCopies(): void {
    for (const path of this.#damaged) {
      const worst = this.#host.copyAtWorst([path]);
      if ((worst?.generation ?? 0) >= Math.max(this.#acknowledged, 1)) this.#damaged.delete(path);
    }
  }

  /**
   * What a flag says counts where no copy is left: it must never say the generation of an unlock. While the disk fails a copy may be there that nobody could read, and a
   * store that was restored may have given its generation to another change.
   */
  #checkFlagsGeneration(): void {
    if (this.#hasFault() && this.#storeWentBack()) return;
    const copy = this.#host.copyNow();
    for (const flag of FLAG_NAMES) {
      const generation = parseFlagGeneration(this.#host.disk.contentNow(FLAG_PATHS[flag]) ?? '');
      if (generation !== null && generation === copy?.generation && !copy.spec.locked) {
        this.#fail('I1', `the ${flag} flag says generation ${generation}, which unlocks the host`);
      }
    }
  }

  /** Rule 3: what an agent finds at its start, a flag and no copy, is a lock. */
  #checkFirstWord(desired: AgentStatus['desired']): void {
    const found = this.#flagsAtStart;
    this.#flagsAtStart = undefined;
    if (found === undefined || desired.source === 'controller' || this.#isDisturbed()) return;
    if (FLAG_NAMES.some((flag) => found[flag] === 'file') && desired.locked !== true) {
      this.#fail(
        'I4',
        `the agent started with ${JSON.stringify(found)} and no copy, and does not hold the host locked`,
      );
    }
  }

  #checkAcknowledged({ acknowledgedGeneration, desired }: AgentStatus): void {
    this.#acknowledged = Math.max(this.#acknowledged, acknowledgedGeneration);
    if (desired.generation === acknowledgedGeneration && desired.locked === true) {
      this.#acknowledgedLock = acknowledgedGeneration;
    }
    if (!this.#areCopiesLost()) {
      const copy = this.#host.copyAtWorst();
      if ((copy?.generation ?? 0) < acknowledgedGeneration) {
        this.#fail(
          'I1',
          `generation ${acknowledgedGeneration} was acknowledged while a power cut could leave ${copy?.generation ?? 'no copy'}`,
        );
      }
    }
    if (desired.generation !== acknowledgedGeneration || this.#isDisturbed()) return;
    const wanted = desired.locked ? 'file' : 'absent';
    const durable = this.#host.disk.durableKind(FLAG_PATHS.persistent);
    if (desired.locked ? durable !== 'file' : !this.#isDurablyAbsent()) {
      this.#fail(
        'I8',
        `generation ${acknowledgedGeneration} was acknowledged with the persistent flag ${durable} on the disk, not ${wanted}`,
      );
    }
  }

  #checkFlagsPromise({ desired }: AgentStatus): void {
    const nowMs = this.#clock.monotonicMs();
    const wanted = desired.locked ? 'file' : 'absent';
    const asWanted = desired.locked === null || FLAG_NAMES.every((flag) => this.#flags[flag] === wanted);
    const isExcused = FLAG_NAMES.some((flag) => this.#flags[flag] === 'folder') || this.#hasFault();
    if (asWanted || isExcused) this.#flagsWrongSinceMs = undefined;
    else this.#flagsWrongSinceMs ??= nowMs;
    if (nowMs - (this.#flagsWrongSinceMs ?? nowMs) > PROMISE_MS) {
      this.#fail(
        'I2',
        `the flags are ${JSON.stringify(this.#flags)} since ${this.#flagsWrongSinceMs} ms, not ${wanted}`,
      );
    }
  }

  #checkServicesPromise({ desired, status }: AgentStatus): void {
    const nowMs = this.#clock.monotonicMs();
    const condition = status.conditions.find(({ type }) => type === 'ServicesInSync');
    for (const { service, running, runs } of this.#host.services.all()) {
      const isWrong = desired.servicesEnabled !== null && running !== desired.servicesEnabled;
      if (!isWrong || runs.size > 0 || condition?.status !== 'True') {
        this.#serviceWrongSinceMs.delete(service.id);
        continue;
      }
      const sinceMs = this.#serviceWrongSinceMs.get(service.id) ?? nowMs;
      this.#serviceWrongSinceMs.set(service.id, sinceMs);
      if (nowMs - sinceMs > PROMISE_MS) {
        this.#fail(
          'I2',
          `${service.id} is ${running ? 'running' : 'stopped'} since ${sinceMs} ms, and no condition says so`,
        );
      }
    }
  }

  /** The newest desired state wins: a run that it contradicts is aborted, not waited for. */
  #checkRuns({ desired }: AgentStatus): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { service, runs } of this.#host.services.all()) {
      const contradicted = [...runs].some(({ verb }) => desired.servicesEnabled === (verb === 'stop'));
      if (!contradicted || this.#hasFault()) this.#contradictedSinceMs.delete(service.id);
      else if (!this.#contradictedSinceMs.has(service.id)) this.#contradictedSinceMs.set(service.id, nowMs);
      if (nowMs - (this.#contradictedSinceMs.get(service.id) ?? nowMs) > ABORT_MS) {
        this.#fail('I6', `a run of ${service.id} goes on although the desired state contradicts it`);
      }
    }
  }

  #checkBegin({ service, verb, overlaps }: RunBegin): void {
    const { id } = service.service;
    if (overlaps) this.#fail('I6', `a ${verb} of ${id} was begun while a run of it was under way`);
    const desired = this.#host.status?.desired;
    if (desired === undefined || desired.servicesEnabled === null) {
      this.#fail('I3', `a ${verb} of ${id} was begun while it is not known whether services are enabled`);
    }
    if (verb === 'stop') {
      if (desired.servicesEnabled) this.#fail('I6', `a stop of ${id} was begun while services are enabled`);
      return;
    }
    if (!desired.servicesEnabled) this.#fail('I3', `a start of ${id} was begun while services are disabled`);
    const wanted = desired.locked ? 'file' : 'absent';
    const flags = this.#host.flagsNow();
    if (!this.#isDisturbed() && FLAG_NAMES.some((flag) => flags[flag] !== wanted)) {
      this.#fail(
        'I3',
        `a start of ${id} was begun while the flags are ${JSON.stringify(flags)}, not ${wanted}`,
      );
    }
    if (!this.#host.gates.passed) this.#fail('I3', `a start of ${id} was begun before the gates passed`);
  }

  #isDisturbed(): boolean {
    return this.#clock.monotonicMs() - this.#disturbedMs <= UNSEEN_MS;
  }

  /** A disk that failed a moment ago is tried again by the next resync at the latest. */
  #hasFault(): boolean {
    return this.#faultUntilMs > this.#clock.monotonicMs();
  }

  /** Kept, because the code that it is thrown through may take it for a passing error and go on. */
  #fail(id: string, what: string): never {
    const at = this.#clock.monotonicMs().toFixed(3);
    this.#violation ??= new InvariantViolation(`${id}: ${this.#host.name} at ${at} ms: ${what}`);
    throw this.#violation;
  }
}
