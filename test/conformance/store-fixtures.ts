// Writes, statuses and events for tests of stores: one good base each, to change one thing of.
import type { HostEvent } from '../../desired-state/events.ts';
import type { Spec, Status } from '../../desired-state/host.ts';
import type { HostRecord, SpecWrite } from '../../desired-state/store/store.ts';

export const LOCKED: Spec = { locked: true, servicesEnabled: false };
export const UNLOCKED: Spec = { locked: false, servicesEnabled: true };
const AT = '2026-01-02T03:04:05.678Z';

/** A write of a host that is not there yet, unless `change` says more. */
export function specWrite(name: string, change: Partial<SpecWrite> = {}): SpecWrite {
  return {
    name,
    expectedSpecRevision: 0,
    spec: LOCKED,
    labels: {},
    annotations: {},
    deleted: false,
    ...change,
  };
}

/** The same host with `change`, as whoever read `record` would write it. */
export function changeOf(record: HostRecord, change: Partial<SpecWrite>): SpecWrite {
  const { name, spec, labels, annotations, deleted, specRevision } = record;
  return { name, spec, labels, annotations, deleted, expectedSpecRevision: specRevision, ...change };
}

export function statusAt(observedGeneration: number): Status {
  return {
    observedGeneration,
    conditions: [
      {
        type: 'FlagsInSync',
        status: 'True',
        reason: 'InSync',
        message: 'both flags are as desired',
        lastTransitionTime: AT,
        observedGeneration,
      },
    ],
    flags: { volatile: 'present', persistent: 'present' },
    services: [{ name: 'web', set: 'worker', state: 'stopped', message: '' }],
    bootId: 'boot-1',
    agentVersion: '0.1.0',
    roles: ['worker'],
  };
}

export function eventOf(host: string, message: string): HostEvent {
  return {
    host,
    type: 'Normal',
    reason: 'Corrected',
    message,
    generation: 1,
    at: AT,
    firstAt: AT,
    count: 1,
    actor: 'agent',
    latencyMs: 1.5,
  };
}
