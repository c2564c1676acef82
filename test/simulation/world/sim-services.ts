// The services of one simulated machine and the driver that an agent has for them. A run belongs to the machine: it outlives the agent that began it.
import type {
  ResumedRun,
  RunResult,
  ServiceDriver,
  Skipped,
  Verb,
} from '../../../reconcilers/services/service-driver.ts';
import type { Prng } from './prng.ts';
import { Ring } from './ring.ts';
import type { SimClock } from './sim-clock.ts';
import { SimProcess } from './sim-process.ts';
import { type SimRun, SimService, type SimServiceSpec } from './sim-service.ts';

/** One line of what happened to a service. */
export interface ServiceTraceLine {
  readonly atMs: number;
  readonly serviceId: string;
  /** `start begins`, `start succeeded`, `goes down`, `started by hand`, ... */
  readonly what: string;
}

export interface RunBegin {
  readonly service: SimService;
  readonly verb: Verb;
  /** Another run of the same service is going on. */
  readonly overlaps: boolean;
}

const TRACE_CAPACITY = 1_000;
/** A process' end is noticed by its pid (requirements.md: every 100 ms). */
const EVENT_MS = [0, 100] as const;
const LOOK_UP_MS = [0.1, 2] as const;

export class SimServices {
  /** Asking all services takes that long, ms. */
  observeMs: readonly [number, number] = [1, 30];
  /** A run is ended after that, ms. */
  timeLimitMs = 10_000;
  /** The chance that nobody notices that a service went down. */
  eventLoss = 0;
  skipped: readonly Skipped[] = [];
  readonly #clock: SimClock;
  readonly #prng: Prng;
  readonly #services: ReadonlyMap<string, SimService>;
  readonly #beginListeners: ((begin: RunBegin) => void)[] = [];
  readonly #eventListeners = new Set<() => void>();
  readonly #trace = new Ring<ServiceTraceLine>(TRACE_CAPACITY);
  #boot: SimProcess;

  constructor(clock: SimClock, prng: Prng, specs: readonly SimServiceSpec[]) {
    this.#clock = clock;
    this.#prng = prng;
    this.#boot = new SimProcess('boot', clock);
    this.#services = new Map(
      specs.map((spec) => [spec.id, new SimService(spec, prng.fork(spec.id), () => this.#wentDown(spec.id))]),
    );
  }

  /** @throws Error for an id that is not there. */
  get(id: string): SimService {
    const service = this.#services.get(id);
    if (service === undefined) throw new Error(`there is no service ${id}`);
    return service;
  }

  all(): readonly SimService[] {
    return [...this.#services.values()];
  }

  /** The driver as the agent `process` has it. */
  driver(process: SimProcess): ServiceDriver {
    const listeners = new Set<() => void>();
    process.onDeath(() => {
      for (const listener of listeners) this.#eventListeners.delete(listener);
    });
    return {
      observe: () => process.io(this.#prng.between(this.observeMs), () => this.#observe()),
      run: async (service, verb, signal) => await this.#run(process, this.get(service.id), verb, signal),
      resume: () => process.io(this.#prng.between(LOOK_UP_MS), () => this.#resume(process)),
      onEvent: (listener) => {
        const deliver = () => process.clock.setTimer(this.#prng.between(EVENT_MS), listener);
        listeners.add(deliver);
        this.#eventListeners.add(deliver);
      },
      close: async () => {
        for (const listener of listeners) this.#eventListeners.delete(listener);
      },
    };
  }

  /** Calls `listener` as each run begins, before anything else happens: the place for invariants about starts. */
  onBegin(listener: (begin: RunBegin) => void): void {
    this.#beginListeners.push(listener);
  }

  startByHand(id: string): void {
    this.#record(id, 'started by hand');
    this.get(id).setRunning(true, this.#boot);
  }

  /** It dies, or somebody ends it. */
  kill(id: string): void {
    this.#record(id, 'killed');
    this.get(id).setRunning(false, this.#boot);
  }

  /** The machine goes down and comes up again: no run and no service outlives it. */
  reboot(): void {
    this.#boot.kill('power-cut');
    this.#boot = new SimProcess('boot', this.#clock);
    for (const service of this.#services.values()) service.powerOff();
    this.#record('*', 'machine restarted');
  }

  /** All services healthy; what hangs is still to be ended by its time limit. */
  clear(): void {
    this.eventLoss = 0;
    for (const service of this.#services.values()) service.clear();
  }

  /** The newest happenings, oldest first. */
  trace(): readonly ServiceTraceLine[] {
    return this.#trace.items();
  }

  #observe() {
    const services = this.all().map((sim) => {
      const state = sim.observed;
      const message = state === 'unknown' ? 'status gave no answer' : '';
      return { service: sim.service, state, message, recorded: sim.recorded };
    });
    return { services, skipped: this.skipped };
  }

  #run(process: SimProcess, sim: SimService, verb: Verb, signal: AbortSignal): Promise<RunResult> {
    if (!process.alive) return new Promise(() => {});
    if (signal.aborted) return Promise.resolve({ kind: 'aborted' });
    const { id } = sim.service;
    if (this.#prng.chance(sim.notRun)) {
      this.#record(id, `${verb} could not be begun`);
      return process.io(this.#prng.between(LOOK_UP_MS), () => ({ kind: 'not-run', message: 'no memory' }));
    }
    const overlaps = sim.runs.size > 0;
    this.#record(id, `${verb} begins`);
    for (const listener of this.#beginListeners) listener({ service: sim, verb, overlaps });
    const run = sim.begin(verb, this.#boot);
    run.onEnd((result) => this.#record(id, `${verb} ${result.kind}`));
    const kill = () => {
      if (process.alive) run.kill({ kind: 'aborted' });
    };
    signal.addEventListener('abort', kill, { once: true });
    run.onEnd(() => signal.removeEventListener('abort', kill));
    return this.#follow(process, run);
  }

  /** A living agent keeps the time limit of a run, from its begin, and hears of its end. */
  #follow(process: SimProcess, run: SimRun): Promise<RunResult> {
    const afterMs = this.timeLimitMs;
    const leftMs = run.beganAtMs + afterMs - this.#clock.monotonicMs();
    const cancel = process.clock.setTimer(leftMs, () => run.kill({ kind: 'timed-out', afterMs, tail: '' }));
    return new Promise((resolve) => {
      run.onEnd((result) => {
        cancel();
        if (process.alive) resolve(result);
      });
    });
  }

  #resume(process: SimProcess): readonly ResumedRun[] {
    return this.all().flatMap((sim) =>
      [...sim.runs].map((run) => ({
        service: sim.service,
        verb: run.verb,
        ended: this.#follow(process, run).then(unseen),
        abort: () => {
          if (process.alive) run.kill({ kind: 'aborted' });
        },
      })),
    );
  }

  #wentDown(id: string): void {
    this.#record(id, 'goes down');
    for (const deliver of this.#eventListeners) {
      if (!this.#prng.chance(this.eventLoss)) deliver();
    }
  }

  #record(serviceId: string, what: string): void {
    this.#trace.push({ atMs: this.#clock.monotonicMs(), serviceId, what });
  }
}

/** A run of an earlier life is nobody's child any more: its exit code is lost, only an end that the agent itself brought about is known. */
function unseen(result: RunResult): RunResult {
  return result.kind === 'succeeded' || result.kind === 'failed' ? { kind: 'ended-unseen' } : result;
}
