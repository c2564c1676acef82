// What the alert rules and the dashboard ask Prometheus: every expression, and the metrics, labels and label values in it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const DEPLOY = join(import.meta.dirname, '../../deploy');
export const RULES_PATH = join(DEPLOY, 'prometheus/lockstep.rules.yml');
export const RULES_TEST_PATHS = ['lockstep.rules.test.yml', 'lockstep.rules.days.test.yml'].map((name) =>
  join(DEPLOY, 'prometheus', name),
);
export const PROMETHEUS_CONFIG_PATH = join(DEPLOY, 'prometheus/prometheus.yml');
const DASHBOARD_PATH = join(DEPLOY, 'grafana/lockstep.json');

const ruleSchema = z.object({
  alert: z.string().optional(),
  record: z.string().optional(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const rulesSchema = z.object({
  groups: z.array(z.object({ name: z.string(), rules: z.array(ruleSchema) })),
});
const dashboardSchema = z.looseObject({
  title: z.string(),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), type: z.string() })) }),
  panels: z.array(
    z.looseObject({
      id: z.int(),
      title: z.string(),
      targets: z.array(z.looseObject({ expr: z.string() })).default([]),
    }),
  ),
});

export function readRules() {
  return rulesSchema.parse(parse(readFileSync(RULES_PATH, 'utf8'))).groups.flatMap(({ rules }) => rules);
}

export function readDashboard() {
  return dashboardSchema.parse(JSON.parse(readFileSync(DASHBOARD_PATH, 'utf8')));
}

/** A metric as an expression selects it, by its name there: `_bucket`, `_sum` and `_count` included. */
export interface Selected {
  readonly metric: string;
  /** Label, operator and value: `type`, `=`, `Ready`. */
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
}

/** Every metric of ours in a PromQL expression, and those of recording rules (with a colon in the name). */
export function selectedIn(expr: string): readonly Selected[] {
  return [...expr.matchAll(/((?:[a-z0-9_]+:)?lockstep_[a-z0-9_]+(?::[a-z0-9_]+)?)(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', matchers = '']) => ({
      metric,
      matchers: [...matchers.matchAll(/([a-z_]+)(=~|!~|!=|=)"([^"]*)"/g)].map(
        ([, label = '', operator = '', value = '']) => [label, operator, value] as const,
      ),
    }),
  );
}

/** The labels that an expression groups or joins by. */
export function groupedBy(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g)].flatMap(
    ([, labels = '']) => labels.split(',').map((label) => label.trim()),
  );
}
