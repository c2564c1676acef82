// docs/reference/metrics.md: every metric of both daemons, from their definitions.
import { CONTROLLER_METRICS } from '../../controller/metrics/metric-definitions.ts';
import { AGENT_METRICS } from '../../node-agent/metrics/metric-definitions.ts';
import { metricsPath } from '../../node-agent/metrics/metrics-file.ts';
import type { MetricDefinition } from '../../runtime/prometheus.ts';
import { code, page, pageHead, prose, table } from './markdown.ts';

/** @param runDir where an agent without configuration keeps its files. */
export function metricsPage(runDir: string): string {
  return page(
    pageHead('Metrics'),
    "Both daemons tell their metrics in Prometheus' text format. Durations are in seconds, measured on the monotonic clock; sizes are in bytes.",
    '## lockstep-controller',
    'The controller answers `GET /metrics` on its socket: `curl --unix-socket DIR/controller.sock http://localhost/metrics`.',
    metricTable(Object.values(CONTROLLER_METRICS)),
    '## lockstep-agent',
    `The agent opens no port: it writes ${code(metricsPath(runDir))} (in its runDir) for the textfile collector of node_exporter.`,
    metricTable(Object.values(AGENT_METRICS)),
    '## Buckets',
    'Upper bounds of the histograms, in seconds.',
    table(
      ['metric', 'buckets'],
      [...Object.values(CONTROLLER_METRICS), ...Object.values(AGENT_METRICS)]
        .filter((metric: MetricDefinition) => metric.buckets !== undefined)
        .map(({ name, buckets = [] }: MetricDefinition) => [code(name), buckets.join(', ')]),
    ),
  );
}

function metricTable(metrics: readonly MetricDefinition[]): string {
  return table(
    ['metric', 'type', 'labels', 'what it tells'],
    metrics.map(({ name, type, labels, help }) => [
      code(name),
      type,
      labels.map(code).join(', '),
      prose(help),
    ]),
  );
}
