// Why a host is as it is: the causal chain from the newest change of its spec to what blocks it and what to do next. Pure; it knows no more than
// `get host` and `events` tell.
import {
  type Condition,
  type ConditionType,
  findCondition,
  NOT_RUN,
} from '../../desired-state/conditions.ts';
import type { StoredEvent } from '../../desired-state/events.ts';
import { ANNOTATIONS, describeSpec, type Host } from '../../desired-state/host.ts';
import { findBlocks } from './explain-blocks.ts';
import { adviseNext } from './explain-next.ts';

/** In the order of cause and effect. */
export type LinkKind = 'change' | 'decision' | 'step' | 'evidence' | 'block' | 'next';

/** One link of the chain. `at`: since when, or when (RFC 3339); undefined: now, or not known. */
export interface Link {
  readonly what: LinkKind;
  readonly sentence: string;
  readonly at: string | undefined;
}

/** Steps of the last plan, and corrections since, that are told each. */
const MAX_STEPS = 8;
const MAX_CORRECTIONS = 5;

/** Events of a change of the spec, or of why it is so; the others are about labels, or what an agent did. */
const SPEC_EVENTS: readonly string[] = [
  'Declared',
  'Registered',
  'Adopted',
  'Locked',
  'Unlocked',
  'ServicesEnabled',
  'ServicesDisabled',
  'ReasonChanged',
];
const CORRECTION_EVENTS: readonly string[] = [
  'FlagRestored',
  'FlagRemoved',
  'ServiceStarted',
  'ServiceStopped',
];

/** @param events of that host, in any order; those of generations before the current one are not looked at. */
export function explain(host: Host, events: readonly StoredEvent[]): readonly Link[] {
  const { generation } = host.metadata;
  const ofNow = events
    .filter((event) => event.generation === generation)
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const blocks = findBlocks(host);
  const next = adviseNext(host, blocks[0]);
  return [
    explainChange(host, ofNow),
    explainDecision(host, ofNow),
    ...explainSteps(host, ofNow),
    ...explainEvidence(host),
    ...blocks.map(({ sentence, at }): Link => ({ what: 'block', sentence, at })),
    ...(blocks.length === 0 ? [nothingBlocks(host)] : []),
    ...(next === undefined ? [] : [{ what: 'next', sentence: next, at: undefined } as const]),
  ];
}

function explainChange({ metadata, spec }: Host, events: readonly StoredEvent[]): Link {
  const { generation, annotations } = metadata;
  const event = events.findLast(({ reason }) => SPEC_EVENTS.includes(reason));
  const file = annotations[ANNOTATIONS.manifest];
  const reason = annotations[ANNOTATIONS.reason];
  const by = annotations[ANNOTATIONS.changedBy] ?? 'unknown';
  // The event says over which network, too; it is gone once a thousand newer ones came.
  const how = event?.message ?? `${describeSpec(spec)}; by ${by}${reason === undefined ? '' : `: ${reason}`}`;
  const kind = event?.reason === 'Registered' || event?.reason === 'Adopted' ? `${event.reason}: ` : '';
  const where = file === undefined ? '' : `; ${file} in the manifests folder declares it`;
  return {
    what: 'change',
    sentence: `generation ${generation}: ${kind}${how}${where}`,
    at: annotations[ANNOTATIONS.changedAt] ?? event?.at,
  };
}

/** What the agent made of it. */
function explainDecision({ metadata, status }: Host, events: readonly StoredEvent[]): Link {
  const { generation } = metadata;
  const decision = (sentence: string, at?: string): Link => ({ what: 'decision', sentence, at });
  const online = findCondition(status.conditions, 'Online');
  const fresh = findCondition(status.conditions, 'SpecFresh');
  if (online?.reason === 'NeverConnected')
    return decision('not heard yet: no agent of this host has connected');
  if (fresh?.reason === 'StoreBehind' || fresh?.reason === 'Contradiction') {
    return decision(`refused by its agent: ${fresh.message}`, fresh.lastTransitionTime);
  }
  if (status.observedGeneration === generation) {
    const applied = events.findLast(({ reason }) => reason === 'Applied');
    return decision(
      `accepted and acknowledged by its agent: generation ${generation} is on its disk`,
      applied?.at,
    );
  }
  if (status.observedGeneration > generation) {
    return decision(`not taken: its agent keeps generation ${status.observedGeneration}, which is newer`);
  }
  if (online?.status !== 'True') {
    const sentence = `not heard yet, as far as is known: its agent was at generation ${status.observedGeneration} when it was last heard of`;
    return decision(sentence, online?.lastTransitionTime);
  }
  return decision(`not acknowledged yet: its agent is at generation ${status.observedGeneration}`);
}

/** What was done for this generation, and corrected since. */
function explainSteps({ metadata, status }: Host, events: readonly StoredEvent[]): readonly Link[] {
  const { lastPlan } = status;
  const steps = lastPlan?.generation === metadata.generation ? lastPlan.steps : [];
  const more = steps.length - MAX_STEPS;
  return [
    ...steps.slice(0, MAX_STEPS).map((sentence): Link => ({ what: 'step', sentence, at: lastPlan?.at })),
    ...(more > 0
      ? [
          {
            what: 'step',
            sentence: `and ${more} more: \`lockstep describe host ${metadata.name}\``,
            at: lastPlan?.at,
          } as const,
        ]
      : []),
    ...events
      .filter(({ reason }) => CORRECTION_EVENTS.includes(reason))
      .slice(-MAX_CORRECTIONS)
      .map((event): Link => ({ what: 'step', sentence: describeCorrection(event), at: event.at })),
  ];
}

function describeCorrection({ message, latencyMs, count }: StoredEvent): string {
  const latency = latencyMs === undefined ? '' : `, ${latencyMs.toFixed(1)} ms after it was seen`;
  return `corrected: ${message}${latency}${count > 1 ? ` (${count} times, the slowest)` : ''}`;
}

function explainEvidence({ spec, status }: Host): readonly Link[] {
  const about = (type: ConditionType) => findCondition(status.conditions, type);
  const at = (condition: Condition | undefined) => condition?.lastTransitionTime;
  const online = about('Online');
  if (online?.reason === 'NeverConnected') return [];
  const when = online?.status === 'True' ? '' : 'when last heard of: ';
  const evidence = (sentence: string, condition: Condition | undefined): Link => ({
    what: 'evidence',
    sentence: when + sentence,
    at: at(condition),
  });
  const { volatile, persistent } = status.flags;
  const inSync = about('ServicesInSync');
  // A host is ready all the same, so nothing else in the chain would tell.
  const notRun = inSync?.message.split(NOT_RUN)[1];
  const go = about('GoEnabled');
  return [
    evidence(`flags: persistent ${persistent}, volatile ${volatile}`, about('FlagsInSync')),
    evidence(`services: ${countServices(status.services)}`, inSync),
    ...(notRun === undefined ? [] : [evidence(`not run: ${notRun}`, undefined)]),
    ...(spec.servicesEnabled && go?.status === 'True'
      ? [evidence(`gates: ${go.message || go.reason}`, go)]
      : []),
  ];
}

function countServices(services: Host['status']['services']): string {
  if (services.length === 0) return 'none';
  const counts = new Map<string, number>();
  for (const { state } of services) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

function nothingBlocks({ status }: Host): Link {
  const ready = findCondition(status.conditions, 'Ready');
  return { what: 'block', sentence: 'nothing blocks: ready since then', at: ready?.lastTransitionTime };
}
