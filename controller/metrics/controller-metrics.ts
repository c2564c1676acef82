// What the controller measures of itself and of the fleet: counts what it is told, asks the rest when it is scraped. It opens no socket and sets no timer.
import { LockstepError } from '../../desired-state/errors.ts';
import type { HostEvent } from '../../desired-state/events.ts';
import type { HostList } from '../../desired-state/host.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { ProcessUsage } from '../../runtime/process-usage.ts';
import { MetricSet, setTotal } from '../../runtime/prometheus.ts';
import type { Metrics } from '../api/api-ports.ts';
import type { ManifestFileList } from '../api/schemas.ts';
import type { GatewayLoad } from '../gateway/agent-gateway.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import { CONTROLLER_METRICS as M } from './metric-definitions.ts';
import type { StoreObserver, StoreOperation } from './observed-store.ts';

export interface ControllerMetricsOptions {
  readonly clock: Clock;
  readonly version: string;
  /** Asked at each scrape, like those below. */
  readonly readUsage: () => ProcessUsage;
  readonly listHosts: () => Promise<HostList>;
  readonly gatewayLoad: () => GatewayLoad;
  readonly listManifests: () => ManifestFileList;
}

/** The reasons of the events by which agents tell of corrections; others of theirs are no label of ours. */
const CORRECTION_REASONS = ['FlagRestored', 'FlagRemoved', 'ServiceStarted', 'ServiceStopped'] as const;
type CorrectionReason = (typeof CORRECTION_REASONS)[number];
const STORE_OPERATIONS: readonly StoreOperation[] = ['specs', 'statuses', 'events'];
const MANIFEST_STATES = ['Applied', 'Refused', 'Pending'] as const;

export class ControllerMetrics implements Metrics, StoreObserver {
  readonly #options: ControllerMetricsOptions;
  readonly #set = new MetricSet();
  readonly #fleet: FleetMetrics;
  readonly #corrections = this.#set.counter(M.corrections);
  readonly #correctionDuration = this.#set.histogram(M.correctionDuration);
  readonly #agentConnections = this.#set.gauge(M.agentConnections);
  readonly #inboxMessages = this.#set.gauge(M.inboxMessages);
  readonly #hostsToWrite = this.#set.gauge(M.hostsToWrite);
  readonly #storeWriteDuration = this.#set.histogram(M.storeWriteDuration);
  readonly #storeWriteFailures = this.#set.counter(M.storeWriteFailures);
  readonly #storeWatches = this.#set.gauge(M.storeWatches);
  readonly #httpRequests = this.#set.counter(M.httpRequests);
  readonly #httpDuration = this.#set.histogram(M.httpDuration);
  readonly #manifestFiles = this.#set.gauge(M.manifestFiles);
  readonly #manifestsFolderUp = this.#set.gauge(M.manifestsFolderUp);
  readonly #stalls = this.#set.counter(M.stalls);
  readonly #stallSeconds = this.#set.counter(M.stallSeconds);
  readonly #residentMemory = this.#set.gauge(M.residentMemory);
  readonly #cpuSeconds = this.#set.counter(M.cpuSeconds);
  readonly #lastScrape = this.#set.gauge(M.lastScrape);
  /** Networks that had a connection once: they are told as 0, not left out, when they have none. */
  readonly #networks = new Set<string>();

  constructor(options: ControllerMetricsOptions) {
    const { clock, version, listHosts } = options;
    this.#options = options;
    this.#fleet = new FleetMetrics(this.#set, listHosts, clock);
    this.#set.gauge(M.buildInfo).set({ version }, 1);
    this.#set.gauge(M.startTime).set(clock.now() / 1_000);
    this.#startAtZero();
  }

  get contentType(): string {
    return this.#set.contentType;
  }

  async text(): Promise<string> {
    const { clock, readUsage, gatewayLoad, listManifests } = this.#options;
    await this.#fleet.refresh();
    this.#setLoad(gatewayLoad());
    this.#setManifests(listManifests());
    const { residentBytes, cpuSeconds } = readUsage();
    this.#residentMemory.set(residentBytes);
    setTotal(this.#cpuSeconds, cpuSeconds);
    this.#lastScrape.set(clock.now() / 1_000);
    return this.#set.text();
  }

  observeRequest({ method, route, status, durationMs }: Parameters<Metrics['observeRequest']>[0]): void {
    this.#httpRequests.inc({ method, route, status });
    this.#httpDuration.observe({ method, route }, durationMs / 1_000);
  }

  wrote(operation: StoreOperation, durationMs: number): void {
    this.#storeWriteDuration.observe({ operation }, durationMs / 1_000);
  }

  failed(operation: StoreOperation, durationMs: number, error: unknown): void {
    this.wrote(operation, durationMs);
    const code = error instanceof LockstepError ? error.code : 'Failed';
    this.#storeWriteFailures.inc({ operation, code });
  }

  /** An event's count is what happened since the agent sent its like before (EventOutbox): counts add up. */
  appended(events: readonly HostEvent[]): void {
    for (const { actor, reason, count, latencyMs } of events) {
      if (actor !== 'agent' || !isCorrection(reason)) continue;
      this.#corrections.inc({ reason }, count);
      if (latencyMs !== undefined) this.#correctionDuration.observe({ reason }, latencyMs / 1_000);
    }
  }

  watchBegan(): void {
    this.#storeWatches.inc();
  }

  watchEnded(): void {
    this.#storeWatches.dec();
  }

  stalled(stalledMs: number): void {
    this.#stalls.inc();
    this.#stallSeconds.inc(stalledMs / 1_000);
  }

  /** Prometheus sees no rise of a counter that was not there before: those whose labels are known start at 0. */
  #startAtZero(): void {
    for (const reason of CORRECTION_REASONS) {
      this.#corrections.inc({ reason }, 0);
      this.#correctionDuration.zero({ reason });
    }
    for (const operation of STORE_OPERATIONS) {
      this.#storeWriteDuration.zero({ operation });
      for (const code of ['Conflict', 'Unavailable', 'Failed']) {
        this.#storeWriteFailures.inc({ operation, code }, 0);
      }
    }
  }

  #setLoad({ connections, waitingMessages, hostsToWrite }: GatewayLoad): void {
    for (const network of connections.keys()) this.#networks.add(network);
    for (const network of this.#networks) {
      this.#agentConnections.set({ network }, connections.get(network) ?? 0);
    }
    this.#inboxMessages.set(waitingMessages);
    this.#hostsToWrite.set(hostsToWrite);
  }

  #setManifests({ folder, message, items }: ManifestFileList): void {
    if (folder === null) {
      this.#manifestsFolderUp.remove();
      return;
    }
    this.#manifestsFolderUp.set(message === '' ? 1 : 0);
    for (const state of MANIFEST_STATES) {
      this.#manifestFiles.set({ state }, items.filter((file) => file.state === state).length);
    }
  }
}

function isCorrection(reason: string): reason is CorrectionReason {
  return CORRECTION_REASONS.some((known) => known === reason);
}
