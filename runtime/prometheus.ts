// Metrics for Prometheus: how a program's metrics are declared, and prom-client's objects made of the declarations. It measures nothing itself; never
// prom-client's default metrics, whose event-loop monitor alone costs more than an idle agent.
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';

/** A metric as documentation, tests and the registry know it. Names by Prometheus' conventions: base units, `_total` for counters. */
export interface MetricDefinition<L extends string = string> {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly L[];
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly buckets?: readonly number[];
}

type Declared<L extends string, T extends MetricDefinition['type']> = MetricDefinition<L> & {
  readonly type: T;
};

/** One program's metrics. Each definition is made at most once; a wrong name or label is a bug and throws when it is made or used. */
export class MetricSet {
  readonly #registry = new Registry();

  counter<L extends string>(definition: Declared<L, 'counter'>): Counter<L> {
    return new Counter(this.#config(definition));
  }

  gauge<L extends string>(definition: Declared<L, 'gauge'>): Gauge<L> {
    return new Gauge(this.#config(definition));
  }

  histogram<L extends string>(
    definition: Declared<L, 'histogram'> & { readonly buckets: readonly number[] },
  ): Histogram<L> {
    return new Histogram({ ...this.#config(definition), buckets: [...definition.buckets] });
  }

  /** The media type of what {@link text} gives. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of them in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #config<L extends string>({ name, help, labels }: MetricDefinition<L>) {
    return { name, help, labelNames: labels, registers: [this.#registry] };
  }
}

/** Makes a counter tell a total that somebody else counts, such as the kernel. */
export function setTotal(counter: Counter<never>, total: number): void {
  counter.reset();
  counter.inc(total);
}
