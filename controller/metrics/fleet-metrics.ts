// The hosts of the store, counted: how many there are, and how many by condition. Never one series per host: a fleet may have thousands.
import { CONDITION_TYPES, conditionStatusSchema, findCondition } from '../../desired-state/conditions.ts';
import { ANNOTATIONS, type Host, type HostList } from '../../desired-state/host.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { MetricSet } from '../../runtime/prometheus.ts';
import { CONTROLLER_METRICS as M } from './metric-definitions.ts';

/** Listing the hosts costs the store a read of all of them: scrapes within this time, ms, share one. */
const KEEP_MS = 5_000;

export class FleetMetrics {
  readonly #list: () => Promise<HostList>;
  readonly #clock: Clock;
  readonly #up;
  readonly #totals;
  readonly #condition;
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #listing: Promise<void> | undefined;

  constructor(set: MetricSet, list: () => Promise<HostList>, clock: Clock) {
    this.#list = list;
    this.#clock = clock;
    this.#up = set.gauge(M.storeUp);
    this.#totals = [
      { gauge: set.gauge(M.hosts), counts: () => true },
      { gauge: set.gauge(M.hostsLocked), counts: ({ spec }: Host) => spec.locked },
      { gauge: set.gauge(M.hostsServicesEnabled), counts: ({ spec }: Host) => spec.servicesEnabled },
      {
        gauge: set.gauge(M.hostsDeclared),
        counts: ({ metadata }: Host) => metadata.annotations[ANNOTATIONS.manifest] !== undefined,
      },
    ];
    this.#condition = set.gauge(M.hostsCondition);
  }

  /** Looks at the hosts, unless that was done a moment ago; never rejects. */
  async refresh(): Promise<void> {
    if (this.#listing === undefined) {
      if (this.#clock.monotonicMs() - this.#listedAtMs < KEEP_MS) return;
      this.#listing = this.#look().finally(() => {
        this.#listing = undefined;
      });
    }
    await this.#listing;
  }

  async #look(): Promise<void> {
    try {
      const { items } = await this.#list();
      this.#listedAtMs = this.#clock.monotonicMs();
      this.#up.set(1);
      this.#count(items);
    } catch {
      // Whoever writes says so in the log; a number that is no longer true would be worse than none.
      this.#up.set(0);
      this.#listedAtMs = Number.NEGATIVE_INFINITY;
      this.#condition.reset();
      for (const { gauge } of this.#totals) gauge.remove();
    }
  }

  #count(hosts: readonly Host[]): void {
    for (const { gauge, counts } of this.#totals) gauge.set(hosts.filter(counts).length);
    const found = new Map<string, number>();
    for (const { status } of hosts) {
      for (const type of CONDITION_TYPES) {
        const key = `${type} ${findCondition(status.conditions, type)?.status ?? 'Unknown'}`;
        found.set(key, (found.get(key) ?? 0) + 1);
      }
    }
    for (const type of CONDITION_TYPES) {
      for (const status of conditionStatusSchema.options) {
        this.#condition.set({ type, status }, found.get(`${type} ${status}`) ?? 0);
      }
    }
  }
}
