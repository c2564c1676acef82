// Services in memory, and a driver whose runs end when a test ends them.
import { ROLES, type Role } from '../../desired-state/host.ts';
import type {
  ResumedRun,
  RunResult,
  Service,
  ServiceDriver,
  ServiceObservation,
  ServicesObservation,
  Verb,
} from '../../reconcilers/services/service-driver.ts';

/** A service from its id: `worker/20-db` is in group 20 of the worker set, `worker/web` in none. */
export function serviceOf(id: string): Service {
  const [set = '', name = ''] = id.split('/');
  const prefix = /^(\d\d)-/.exec(name)?.[1];
  return { id, name, set: roleOf(set), group: prefix === undefined ? null : Number(prefix) };
}

export function seen(id: string, state: ServiceObservation['state'], message = ''): ServiceObservation {
  return { service: serviceOf(id), state, message, recorded: false };
}

export const SUCCEEDED: RunResult = { kind: 'succeeded', durationMs: 12 };
export const ABORTED: RunResult = { kind: 'aborted' };
export const failedWith = (exitCode: number, tail = ''): RunResult => ({
  kind: 'failed',
  exitCode,
  signal: null,
  tail,
  durationMs: 12,
});

export interface FakeRun {
  readonly service: Service;
  readonly verb: Verb;
  readonly signal: AbortSignal;
  readonly end: (result: RunResult) => void;
}

export class FakeServiceDriver implements ServiceDriver {
  /** Every run that was begun, oldest first. */
  readonly runs: FakeRun[] = [];
  /** Runs that an earlier life of the agent left. */
  left: ResumedRun[] = [];
  #observed: ServiceObservation[] = [];
  #listener: () => void = () => {};

  constructor(...observed: readonly ServiceObservation[]) {
    this.#observed = [...observed];
  }

  /** What was begun: `start worker/web`. */
  get begun(): readonly string[] {
    return this.runs.map(({ verb, service }) => `${verb} ${service.id}`);
  }

  set(...observed: readonly ServiceObservation[]): void {
    this.#observed = [...observed];
  }

  /** Something happens to a service by itself: its state changes, and the driver notices. */
  happen(id: string, state: ServiceObservation['state']): void {
    this.#change(id, state);
    this.#listener();
  }

  /** Ends the newest run: its service is then as wished, if it succeeded. */
  async endLast(result: RunResult): Promise<void> {
    const run = this.runs.at(-1);
    if (run === undefined) throw new Error('nothing was begun');
    if (result.kind === 'succeeded') {
      this.#change(run.service.id, run.verb === 'start' ? 'running' : 'stopped');
    }
    run.end(result);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async observe(): Promise<ServicesObservation> {
    return { services: this.#observed, skipped: [] };
  }

  run(service: Service, verb: Verb, signal: AbortSignal): Promise<RunResult> {
    return new Promise((resolve) => {
      this.runs.push({ service, verb, signal, end: resolve });
      signal.addEventListener('abort', () => resolve(ABORTED), { once: true });
      if (signal.aborted) resolve(ABORTED);
    });
  }

  async resume(): Promise<readonly ResumedRun[]> {
    return this.left;
  }

  onEvent(listener: () => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {}

  #change(id: string, state: ServiceObservation['state']): void {
    this.#observed = this.#observed.map((one) => (one.service.id === id ? { ...one, state } : one));
  }
}

function roleOf(text: string): Role {
  const role = ROLES.find((one) => one === text);
  if (role === undefined) throw new Error(`expected a set, found ${text}`);
  return role;
}
