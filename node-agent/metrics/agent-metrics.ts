// What the agent measures of itself: takes in what it is told in a few additions, and makes Prometheus' text of it when somebody wants to write it.
// It opens no file, sets no timer and changes nothing of what it measures.
import { type Condition, conditionStatusSchema } from '../../desired-state/conditions.ts';
import type { ServiceState } from '../../desired-state/host.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Outcome } from '../../reconcilers/loop/control-loop.ts';
import type { ProcessUsage } from '../../runtime/process-usage.ts';
import { MetricSet, setTotal } from '../../runtime/prometheus.ts';
import {
  type AgentMonitor,
  CORRECTION_KINDS,
  type CorrectionKind,
  LOOP_KEYS,
  type LoopKey,
} from '../agent-monitor.ts';
import type { AgentStatus } from '../status-file.ts';
import { AGENT_METRICS as M } from './metric-definitions.ts';
import { ResyncDeadlines } from './resync-deadlines.ts';

export interface AgentMetricsOptions {
  readonly clock: Clock;
  readonly resyncIntervalMs: number;
  readonly agentVersion: string;
  /** Asked at each {@link AgentMetrics.text}. */
  readonly readUsage: () => ProcessUsage;
}

const OUTCOMES: readonly Outcome['kind'][] = ['settled', 'look-again', 'retry'];
const SERVICE_STATES: readonly ServiceState[] = [
  'running',
  'starting',
  'stopping',
  'stopped',
  'failed',
  'unknown',
];

export class AgentMetrics implements AgentMonitor {
  readonly #options: AgentMetricsOptions;
  readonly #set = new MetricSet();
  readonly #corrections = this.#set.counter(M.corrections);
  readonly #correctionDuration = this.#set.histogram(M.correctionDuration);
  readonly #passes = this.#set.counter(M.passes);
  readonly #passDuration = this.#set.histogram(M.passDuration);
  readonly #missedDeadlines = this.#set.counter(M.missedDeadlines);
  readonly #stalls = this.#set.counter(M.stalls);
  readonly #stallSeconds = this.#set.counter(M.stallSeconds);
  readonly #queueDepth = this.#set.gauge(M.queueDepth);
  readonly #runningPass = this.#set.gauge(M.runningPass);
  readonly #running = this.#set.gauge(M.running);
  readonly #lastWrite = this.#set.gauge(M.lastWrite);
  readonly #flagPresent = this.#set.gauge(M.flagPresent);
  readonly #flagBlocked = this.#set.gauge(M.flagBlocked);
  readonly #services = this.#set.gauge(M.services);
  readonly #condition = this.#set.gauge(M.condition);
  readonly #observedGeneration = this.#set.gauge(M.observedGeneration);
  readonly #knownGeneration = this.#set.gauge(M.knownGeneration);
  readonly #specLocked = this.#set.gauge(M.specLocked);
  readonly #specServicesEnabled = this.#set.gauge(M.specServicesEnabled);
  readonly #connected = this.#set.gauge(M.connected);
  readonly #residentMemory = this.#set.gauge(M.residentMemory);
  readonly #cpuSeconds = this.#set.counter(M.cpuSeconds);
  readonly #deadlines: ResyncDeadlines;
  readonly #waiting = new Set<LoopKey>();
  readonly #beganAtMs = new Map<LoopKey, number>();
  #status: AgentStatus | undefined;
  #isStopped = false;
  #news = 0;

  constructor(options: AgentMetricsOptions) {
    const { clock, resyncIntervalMs, agentVersion } = options;
    this.#options = options;
    this.#deadlines = new ResyncDeadlines(resyncIntervalMs);
    this.#set.gauge(M.buildInfo).set({ version: agentVersion }, 1);
    this.#set.gauge(M.startTime).set(clock.now() / 1_000);
    this.#set.gauge(M.resyncInterval).set(resyncIntervalMs / 1_000);
    this.#running.set(1);
    this.#startAtZero();
  }

  /** Rises with everything that is more than routine: a correction, a miss, a stall, a failed pass, another status. */
  get news(): number {
    return this.#news;
  }

  passAsked(key: LoopKey): void {
    this.#waiting.add(key);
  }

  passBegan(key: LoopKey, atMs: number): void {
    this.#waiting.delete(key);
    this.#beganAtMs.set(key, atMs);
    if (this.#deadlines.began(key, atMs)) this.#missed(key);
  }

  passEnded(key: LoopKey, outcome: Outcome['kind'], atMs: number): void {
    const durationMs = atMs - (this.#beganAtMs.get(key) ?? atMs);
    this.#beganAtMs.delete(key);
    this.#passes.inc({ key, outcome });
    this.#passDuration.observe({ key }, durationMs / 1_000);
    if (outcome === 'retry') this.#news += 1;
    if (this.#deadlines.ended(key, atMs)) this.#missed(key);
  }

  corrected(kind: CorrectionKind, latencyMs: number | undefined): void {
    this.#news += 1;
    this.#corrections.inc({ kind });
    if (latencyMs !== undefined) this.#correctionDuration.observe({ kind }, latencyMs / 1_000);
  }

  stalled(stalledMs: number): void {
    this.#news += 1;
    this.#stalls.inc();
    this.#stallSeconds.inc(stalledMs / 1_000);
  }

  /** What the agent last published: only the newest is looked at, and only by {@link text}. */
  published(status: AgentStatus, isNews: boolean): void {
    this.#status = status;
    if (isNews) this.#news += 1;
  }

  /** The agent was stopped in order. */
  stopped(): void {
    this.#news += 1;
    this.#running.set(0);
    this.#isStopped = true;
  }

  /** Everything as of now, in Prometheus' text format. */
  text(): Promise<string> {
    const { clock, readUsage } = this.#options;
    const { residentBytes, cpuSeconds } = readUsage();
    this.#residentMemory.set(residentBytes);
    setTotal(this.#cpuSeconds, cpuSeconds);
    this.#lastWrite.set(clock.now() / 1_000);
    const nowMs = clock.monotonicMs();
    for (const key of LOOP_KEYS) {
      this.#queueDepth.set({ key }, Number(this.#waiting.has(key)));
      const beganAtMs = this.#beganAtMs.get(key) ?? nowMs;
      this.#runningPass.set({ key }, (nowMs - beganAtMs) / 1_000);
    }
    if (this.#status === undefined) this.#leaveOutStatus();
    else this.#setStatus(this.#status);
    return this.#set.text();
  }

  /** Prometheus sees no rise of a counter that was not there before: all start at 0. */
  #startAtZero(): void {
    for (const kind of CORRECTION_KINDS) {
      this.#corrections.inc({ kind }, 0);
      this.#correctionDuration.zero({ kind });
    }
    for (const key of LOOP_KEYS) {
      for (const outcome of OUTCOMES) this.#passes.inc({ key, outcome }, 0);
      this.#passDuration.zero({ key });
      this.#missedDeadlines.inc({ key }, 0);
    }
  }

  #missed(key: LoopKey): void {
    this.#news += 1;
    this.#missedDeadlines.inc({ key });
  }

  #setStatus({ desired, links, acknowledgedGeneration, status }: AgentStatus): void {
    this.#observedGeneration.set(acknowledgedGeneration);
    this.#knownGeneration.set(desired.generation);
    setOrLeaveOut(this.#specLocked, desired.locked);
    setOrLeaveOut(this.#specServicesEnabled, desired.servicesEnabled);
    for (const { network, state } of links) {
      this.#connected.set({ network }, Number(state === 'connected' && !this.#isStopped));
    }
    this.#setFlags(status.flags);
    for (const state of SERVICE_STATES) {
      this.#services.set({ state }, status.services.filter((service) => service.state === state).length);
    }
    for (const condition of status.conditions) this.#setCondition(condition);
  }

  #leaveOutStatus(): void {
    this.#observedGeneration.remove();
    this.#knownGeneration.remove();
    this.#specLocked.remove();
    this.#specServicesEnabled.remove();
  }

  #setFlags(flags: AgentStatus['status']['flags']): void {
    for (const flag of ['volatile', 'persistent'] as const) {
      const state = flags[flag];
      if (state === 'present' || state === 'absent')
        this.#flagPresent.set({ flag }, Number(state === 'present'));
      else this.#flagPresent.remove({ flag });
      this.#flagBlocked.set({ flag }, Number(state === 'blocked'));
    }
  }

  #setCondition({ type, status }: Condition): void {
    for (const each of conditionStatusSchema.options) {
      this.#condition.set({ type, status: each }, Number(each === status));
    }
  }
}

/** A gauge without labels always has a value, unless it is removed. */
function setOrLeaveOut(gauge: { set(value: number): void; remove(): void }, value: boolean | null): void {
  if (value === null) gauge.remove();
  else gauge.set(Number(value));
}
