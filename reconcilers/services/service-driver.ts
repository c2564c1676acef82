// The ServiceDriver port: how the services of a host are listed, asked, started and stopped. Adapters: node-agent/linux/scripts (folders of scripts).
import type { Role } from '../../desired-state/host.ts';

export type Verb = 'start' | 'stop';

/** A service's place in the order: sets as controller, worker, storage; inside a set by `group` (`NN-` prefix; null: no prefix, last). */
export interface Service {
  /** `<set>/<name>`: unique on the host, and the key of its operation. */
  readonly id: string;
  readonly name: string;
  readonly set: Role;
  readonly group: number | null;
}

/**
 * What asking a service gave. Unknown is never treated as stopped. Incomplete: it can't be asked, and its last run failed or was cut short, so it may
 * be either: whichever verb is wanted is run again. `recorded`: known from a record of its last run, not from the service itself.
 */
export interface ServiceObservation {
  readonly service: Service;
  readonly state: 'running' | 'stopped' | 'unknown' | 'incomplete';
  /** Why, where the state needs a word; else ''. */
  readonly message: string;
  readonly recorded: boolean;
}

/** Something in a set that is not a service, and why it was passed over; `unsafe`: others could have written it. */
export interface Skipped {
  /** `<set>/<name>` as services have it, or what is passed over as a whole: `<set>`, or the path of the folder of all sets. */
  readonly name: string;
  readonly reason: string;
  readonly unsafe: boolean;
  /** A folder that was not looked at, or not to its end: there may be services in it that nobody knows of. */
  readonly hidesServices?: boolean;
}

export interface ServicesObservation {
  readonly services: readonly ServiceObservation[];
  readonly skipped: readonly Skipped[];
}

/** How a run of a script (or unit job) ended. `tail`: the end of its output, at most 1,024 characters. */
export type RunResult =
  | { readonly kind: 'succeeded'; readonly durationMs: number }
  | {
      readonly kind: 'failed';
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly tail: string;
      readonly durationMs: number;
    }
  | { readonly kind: 'timed-out'; readonly afterMs: number; readonly tail: string }
  | { readonly kind: 'aborted' }
  /** It ended while nobody who could know its exit code was there: asking the service tells what came of it. */
  | { readonly kind: 'ended-unseen' }
  /** It could not be begun at all: no exec permission, vanished, no memory. */
  | { readonly kind: 'not-run'; readonly message: string };

/** A run that an earlier life of the agent began and that is still going on. */
export interface ResumedRun {
  readonly service: Service;
  readonly verb: Verb;
  readonly ended: Promise<RunResult>;
  /** Ends it with all its children; `ended` then resolves to `aborted`. */
  abort(): void;
}

/** all: every service is asked. changed: one of which it is known that it runs as it did when it was asked last may be told so without being asked. */
export type Scope = 'all' | 'changed';

export interface ServiceDriver {
  /** Lists the sets of the host's roles anew and asks the services. Never throws for one bad service: that one is unknown. Bounded in time. */
  observe(signal: AbortSignal, scope: Scope): Promise<ServicesObservation>;
  /**
   * Runs one start or stop to its end; never rejects. On abort (and at its own time limit) it ends the run with all its children, those that left
   * the process group too, and only then resolves.
   */
  run(service: Service, verb: Verb, signal: AbortSignal): Promise<RunResult>;
  /** Called once, before the first observe: runs in flight that an earlier life left. */
  resume(): Promise<readonly ResumedRun[]>;
  /** Something happened to a service (its process ended): asks for a look. */
  onEvent(listener: () => void): void;
  /** Stops watching. Services and runs in flight are left as they are. */
  close(): Promise<void>;
}

/** For people: how a run ended, with exit code and output tail where there is one. */
export function describeRun(result: RunResult): string {
  switch (result.kind) {
    case 'succeeded':
      return 'succeeded';
    case 'failed':
      return `${result.exitCode === null ? `was ended by ${result.signal}` : `failed with exit code ${result.exitCode}`}${tailOf(result.tail)}`;
    case 'timed-out':
      return `was ended at its time limit of ${result.afterMs} ms${tailOf(result.tail)}`;
    case 'aborted':
      return 'was aborted';
    case 'ended-unseen':
      return 'ended unseen, during a restart of the agent';
    case 'not-run':
      return `could not be run: ${result.message}`;
  }
}

function tailOf(tail: string): string {
  const text = tail.trim();
  return text === '' ? ', no output' : `: ${text}`;
}
