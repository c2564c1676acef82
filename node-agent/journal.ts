// The agent's journal: says each correction, lock and unlock once, to the log, to the controller as events, and to the status file.
import type { EventBody } from '../desired-state/events.ts';
import { describeSpec } from '../desired-state/host.ts';
import type { KnownSpec } from '../reconcilers/copy/known-spec.ts';
import type { FlagStep } from '../reconcilers/flags/flag-plan.ts';
import type { Gate } from '../reconcilers/gates/gate-driver.ts';
import { type Clock, nowIso } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import type { EndedOperation } from '../reconcilers/services/operations.ts';
import {
  describeRun,
  type RunResult,
  type Service,
  type Skipped,
  type Verb,
} from '../reconcilers/services/service-driver.ts';
import { describeUndone } from '../reconcilers/services/service-report.ts';
import type { AgentMonitor, CorrectionKind } from './agent-monitor.ts';
import type { Desired, Verdict } from './knowledge.ts';
import { SaidOnce } from './said-once.ts';

export interface Correction {
  /** RFC 3339. */
  readonly at: string;
  readonly message: string;
  /** From the event (or look) that asked for it to its end, ms. */
  readonly latencyMs: number;
}

/** Corrections kept for the status file: the newest that many. */
const MAX_CORRECTIONS = 20;
/** Scripts told of one look at most; the rest is counted: a whole set that others can write must not push out all other events. */
const MAX_NOT_RUN = 8;

export class Journal {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #record: (event: EventBody) => void;
  readonly #monitor: Pick<AgentMonitor, 'corrected'>;
  readonly #lastFailures = new Map<string, string>();
  readonly #saidNotRun = new SaidOnce();
  #corrections: readonly Correction[] = [];

  /** @param record takes an event for the controller. */
  constructor(
    log: Log,
    clock: Clock,
    record: (event: EventBody) => void,
    monitor: Pick<AgentMonitor, 'corrected'>,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#record = record;
    this.#monitor = monitor;
  }

  /** Newest last. */
  get corrections(): readonly Correction[] {
    return this.#corrections;
  }

  /** The flags of a fresh install were made (F4): nobody had changed anything. */
  installed(steps: readonly FlagStep[], generation: number): void {
    if (steps.length === 0) return;
    this.#log.info({ flags: steps.map(({ target }) => target) }, 'fresh install locked');
    this.#record({
      type: 'Normal',
      reason: 'Installed',
      message: 'a fresh install is locked until somebody unlocks it',
      generation,
    });
  }

  /** @param latencyMs from the event (or look) that asked for it until the flags were done. */
  flagsCorrected(steps: readonly FlagStep[], generation: number, latencyMs: number): void {
    for (const step of steps) {
      if (step.kind === 'confirm') continue;
      const isRemoval = step.kind === 'remove';
      this.#corrected({
        kind: isRemoval ? 'flag_removed' : 'flag_restored',
        reason: isRemoval ? 'FlagRemoved' : 'FlagRestored',
        logMessage: isRemoval ? 'flag removed' : 'flag restored',
        fields: { flag: step.target, why: step.reason },
        message: `${step.target} flag ${isRemoval ? 'removed' : 'restored'}: ${step.reason}`,
        generation,
        latencyMs,
      });
    }
  }

  /** A new generation is applied and acknowledged. */
  applied(known: KnownSpec, before: Desired, network: string): void {
    const fields = { generation: known.generation, network, reason: known.reason };
    if (known.spec.locked !== before.locked) {
      this.#log.info(fields, known.spec.locked ? 'host locked' : 'host unlocked');
    } else {
      this.#log.info({ ...fields, servicesEnabled: known.spec.servicesEnabled }, 'desired state applied');
    }
    this.#record({
      type: 'Normal',
      reason: 'Applied',
      message: `${describeSpec(known.spec)}, over network ${network}`,
      generation: known.generation,
    });
  }

  /** What a controller said was not taken. */
  refused(verdict: Verdict, offered: KnownSpec, generation: number, network: string): void {
    const why =
      verdict === 'behind'
        ? `generation ${offered.generation} is behind this host's ${generation}`
        : `generation ${offered.generation} is known here with another spec`;
    this.#log.warn({ network, offered: offered.generation, generation }, `desired state refused: ${why}`);
    this.#record({
      type: 'Warning',
      reason: verdict === 'behind' ? 'StoreBehind' : 'Contradiction',
      message: `refused over network ${network}: ${why}`,
      generation,
    });
  }

  /** @param detectedAtMs when it was seen that the service was not as desired; undefined: it was begun for a new desired state. */
  operationEnded(
    { service, verb, result }: EndedOperation,
    generation: number,
    detectedAtMs: number | undefined,
  ): void {
    const fields = { service: service.id, verb };
    const name = `${verb} of ${service.id}`;
    if (result.kind === 'succeeded') {
      const wasFailing = this.#lastFailures.delete(service.id);
      if (detectedAtMs !== undefined || wasFailing) {
        this.#corrected({
          kind: verb === 'start' ? 'service_started' : 'service_stopped',
          reason: verb === 'start' ? 'ServiceStarted' : 'ServiceStopped',
          logMessage: verb === 'start' ? 'service started' : 'service stopped',
          fields: { ...fields, durationMs: result.durationMs },
          message: `${service.id} ${verb === 'start' ? 'started' : 'stopped'} again`,
          generation,
          latencyMs: detectedAtMs === undefined ? undefined : this.#clock.monotonicMs() - detectedAtMs,
        });
      } else {
        this.#log.info({ ...fields, durationMs: result.durationMs }, 'service operation succeeded');
      }
    } else if (result.kind === 'aborted' || result.kind === 'ended-unseen') {
      this.#log.info(fields, `service operation ${describeRun(result)}`);
    } else {
      this.#failed(service.id, name, describeRun(result), 'ServiceFailed', generation, fields);
    }
  }

  /** A service is backed off because what is done to it is undone again and again; `Operations` says so once. */
  backedOff({ id }: Service, verb: Verb, generation: number): void {
    const why = describeUndone(verb);
    this.#log.warn({ service: id, verb, why }, 'service backed off');
    this.#record({ type: 'Warning', reason: 'BackOff', message: `${id}: ${why}`, generation });
  }

  gateEnded(gate: Gate, result: RunResult, generation: number): void {
    const key = `gate ${gate.id}`;
    if (result.kind === 'succeeded') {
      this.#lastFailures.delete(key);
      this.#log.info({ gate: gate.id, durationMs: result.durationMs }, 'gate passed');
    } else if (result.kind !== 'aborted') {
      this.#failed(key, key, describeRun(result), 'GateFailed', generation, { gate: gate.id });
    }
  }

  /**
   * Of what a look passed over, scripts that others could have written (S16): each once, and again only after it was mended. Their driver logs them.
   */
  notRun(skipped: readonly Skipped[], generation: number): void {
    const unsafe = skipped
      .filter((one) => one.unsafe)
      .map(({ name, reason }) => `${name} is not run: ${reason}`);
    const news = this.#saidNotRun.news(unsafe, (sentence) => sentence);
    const rest = news.length - MAX_NOT_RUN;
    const told = news.slice(0, MAX_NOT_RUN);
    for (const message of rest > 0
      ? [...told, `${rest} more are not run: others could have written them`]
      : told) {
      this.#record({ type: 'Warning', reason: 'ScriptNotRun', message, generation });
    }
  }

  /** The same failure again and again is said once (I7). */
  #failed(
    key: string,
    name: string,
    how: string,
    reason: string,
    generation: number,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const isNews = this.#lastFailures.get(key) !== how;
    this.#lastFailures.set(key, how);
    this.#log[isNews ? 'warn' : 'debug']({ ...fields, how }, 'operation failed');
    if (isNews) this.#record({ type: 'Warning', reason, message: `${name} ${how}`, generation });
  }

  #corrected(correction: {
    readonly kind: CorrectionKind;
    readonly reason: string;
    readonly logMessage: string;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly message: string;
    readonly generation: number;
    /** Undefined: what failed for a new desired state succeeded at last; nobody changed anything. */
    readonly latencyMs: number | undefined;
  }): void {
    const { kind, reason, message, generation } = correction;
    this.#monitor.corrected(kind, correction.latencyMs);
    const latencyMs = Math.round((correction.latencyMs ?? 0) * 1_000) / 1_000;
    this.#log.info({ ...correction.fields, latencyMs }, correction.logMessage);
    this.#corrections = [
      ...this.#corrections.slice(1 - MAX_CORRECTIONS),
      { at: nowIso(this.#clock), message, latencyMs },
    ];
    this.#record({
      type: 'Normal',
      reason,
      message,
      generation,
      ...(correction.latencyMs === undefined ? {} : { latencyMs }),
    });
  }
}
