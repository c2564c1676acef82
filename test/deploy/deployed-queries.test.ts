// What deploy/ asks of Prometheus is what the programs give it: every metric, label and label value that a rule or a panel names.
import { describe, expect, it } from 'vitest';
import { ControllerMetrics } from '../../controller/metrics/controller-metrics.ts';
import { CONTROLLER_METRICS } from '../../controller/metrics/metric-definitions.ts';
import { CONDITION_TYPES } from '../../desired-state/conditions.ts';
import { API_VERSION } from '../../desired-state/host.ts';
import { AgentMetrics } from '../../node-agent/metrics/agent-metrics.ts';
import { AGENT_METRICS } from '../../node-agent/metrics/metric-definitions.ts';
import type { MetricDefinition } from '../../runtime/prometheus.ts';
import { fakeApiParts } from '../controller/fixtures/api-parts.ts';
import { agentStatus } from '../node-agent/status-fixture.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { parseExposition, type Sample } from '../support/prometheus-text.ts';
import { groupedBy, readDashboard, readRules, type Selected, selectedIn } from './deployed-queries.ts';

const DEFINITIONS: readonly MetricDefinition[] = [
  ...Object.values(AGENT_METRICS),
  ...Object.values(CONTROLLER_METRICS),
];
/** What Prometheus adds to every series. */
const TARGET_LABELS = ['instance', 'job'];
const rules = readRules();
const dashboard = readDashboard();
const recorded = rules.flatMap(({ record }) => record ?? []);
const queries: readonly (readonly [place: string, expr: string])[] = [
  ...rules.map(({ alert, record, expr }) => [alert ?? record ?? '', expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [`panel ${title}`, expr] as const),
  ),
];

/** The definition that a name in a query speaks of; a histogram has three names. */
function definitionOf(metric: string): MetricDefinition | undefined {
  return DEFINITIONS.find(({ name, type }) => {
    if (type !== 'histogram') return name === metric;
    return ['_bucket', '_sum', '_count'].some((suffix) => metric === name + suffix);
  });
}

function labelsOf(metric: string): readonly string[] {
  const own = definitionOf(metric)?.labels ?? [];
  return [...own, ...TARGET_LABELS, ...(metric.endsWith('_bucket') ? ['le'] : [])];
}

/** Both programs' metrics with something of everything in them. */
async function sampleAll(): Promise<readonly Sample[]> {
  const clock = new FakeClock();
  const readUsage = () => ({ residentBytes: 1, cpuSeconds: 1 });
  const agent = new AgentMetrics({ clock, resyncIntervalMs: 5_000, agentVersion: '1.2.3', readUsage });
  const [condition] = agentStatus().status.conditions;
  const conditions = CONDITION_TYPES.flatMap((type) =>
    condition === undefined ? [] : [{ ...condition, type }],
  );
  agent.published({ ...agentStatus(), status: { ...agentStatus().status, conditions } }, true);
  const controller = new ControllerMetrics({
    clock,
    version: '1.2.3',
    readUsage,
    listHosts: async () => ({ apiVersion: API_VERSION, kind: 'HostList', items: [] }),
    gatewayLoad: () => ({ connections: new Map([['local', 1]]), waitingMessages: 0, hostsToWrite: 0 }),
    listManifests: () => fakeApiParts().manifests.list(),
  });
  controller.observeRequest({ method: 'GET', route: '/v1/hosts', status: 200, durationMs: 1 });
  const texts = await Promise.all([agent.text(), controller.text()]);
  return texts.flatMap((text) => parseExposition(text).samples);
}

describe('every metric', () => {
  it.each(DEFINITIONS.map((definition) => [definition.name, definition] as const))(
    '%s is named by Prometheus’ conventions',
    (_, { name, type, help, labels, buckets }) => {
      expect(name).toMatch(/^lockstep_[a-z0-9]+(_[a-z0-9]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      // Base units only, and none in a label.
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kilobytes|megabytes|percent)(_|$)/);
      expect(labels.join()).not.toMatch(/seconds|bytes|total/);
      expect(labels).not.toContain('le');
      if (type === 'histogram') expect(buckets).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
      expect(type === 'histogram').toBe(buckets !== undefined);
      expect(help).toMatch(/^[A-Z0-9].*\.$/);
      for (const label of labels) expect(help).toMatch(new RegExp(`\\b${label}\\b`));
    },
  );

  it('has a name of its own', () => {
    const names = DEFINITIONS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    // node_exporter has those itself, and refuses a second one.
    expect(names.filter((name) => name.startsWith('process_') || name.startsWith('node_'))).toEqual([]);
  });
});

describe('rules and dashboard', () => {
  it('are read at all', () => {
    expect(rules.length).toBeGreaterThan(20);
    expect(queries.length).toBeGreaterThan(50);
    expect(selectedIn('a / x:lockstep_y:z{b="c",d=~"e|f"} + lockstep_g[5m]')).toEqual([
      {
        metric: 'x:lockstep_y:z',
        matchers: [
          ['b', '=', 'c'],
          ['d', '=~', 'e|f'],
        ],
      },
      { metric: 'lockstep_g', matchers: [] },
    ]);
  });

  it.each(queries)('%s names metrics and labels that there are', (_, expr) => {
    const selected = selectedIn(expr).filter(({ metric }) => !recorded.includes(metric));
    expect(selected.filter(({ metric }) => definitionOf(metric) === undefined)).toEqual([]);
    const unknown = selected.flatMap(({ metric, matchers }) =>
      matchers.filter(([label]) => !labelsOf(metric).includes(label)).map(([label]) => `${metric}{${label}}`),
    );
    expect(unknown).toEqual([]);
    const groupable = selected.flatMap(({ metric }) => labelsOf(metric));
    expect(groupedBy(expr).filter((label) => !groupable.includes(label))).toEqual([]);
  });

  it('ask for label values that there are', async () => {
    const samples = await sampleAll();
    const isMet = ({ metric, matchers }: Selected) =>
      samples.some(
        (sample) =>
          sample.name === metric &&
          matchers.every(([label, operator, value]) => {
            const found = sample.labels[label];
            if (TARGET_LABELS.includes(label)) return true;
            return (
              found !== undefined && (operator.startsWith('!') || new RegExp(`^(?:${value})$`).test(found))
            );
          }),
      );
    const unmet = queries.flatMap(([place, expr]) =>
      selectedIn(expr)
        .filter((selected) => !recorded.includes(selected.metric) && !isMet(selected))
        .map((selected) => `${place}: ${JSON.stringify(selected)}`),
    );
    expect(unmet).toEqual([]);
  });

  it('show every metric that there is', () => {
    const shown = new Set(
      queries.flatMap(([, expr]) => selectedIn(expr)).map(({ metric }) => definitionOf(metric)?.name),
    );
    const left = DEFINITIONS.map(({ name }) => name).filter((name) => !shown.has(name));
    // What says who runs, not how it does.
    expect(left).toEqual([
      'lockstep_agent_build_info',
      'lockstep_agent_start_time_seconds',
      'lockstep_agent_event_loop_stalls_total',
      'lockstep_controller_event_loop_stalls_total',
      'lockstep_controller_build_info',
      'lockstep_controller_start_time_seconds',
    ]);
  });

  it.each(rules.filter(({ alert }) => alert !== undefined).map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says how bad it is, what it is and what to do',
    (name, rule) => {
      expect(name).toMatch(/^Lockstep[A-Z][A-Za-z]+$/);
      expect(rule.for).toMatch(/^\d+[mh]$/);
      expect(rule.labels?.severity).toMatch(/^(critical|warning|info)$/);
      expect(rule.annotations?.summary).toMatch(/\S/);
      expect(rule.annotations?.description).toMatch(/\S.{20,}/);
    },
  );

  it('have panels with ids of their own, and let the reader choose the data source', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(dashboard.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'datasource datasource',
      'instance query',
    ]);
    const uids = [...JSON.stringify(dashboard).matchAll(/"uid":"([^"]*)"/g)].map(([, uid]) => uid);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to name a variable.
    expect(new Set(uids)).toEqual(new Set(['${datasource}', 'lockstep']));
  });
});
