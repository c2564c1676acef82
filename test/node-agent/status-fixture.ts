import type { AgentStatus } from '../../node-agent/status-file.ts';

/** A good status of a locked host, two hours into its day: 2026-01-01T02:00:00Z. */
export const NOW_MS = Date.parse('2026-01-01T02:00:00.000Z');

export function agentStatus(changes: Partial<AgentStatus> = {}): AgentStatus {
  return {
    apiVersion: 'lockstep/v1',
    kind: 'AgentStatus',
    host: 'compute-0',
    pid: 4711,
    startedAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T01:59:00.000Z',
    agentVersion: '0.1.0',
    bootId: 'boot-1',
    roles: ['controller', 'worker'],
    desired: {
      generation: 7,
      locked: true,
      servicesEnabled: false,
      source: 'controller',
      message: 'a controller said locked, services disabled (generation 7)',
    },
    acknowledgedGeneration: 7,
    links: [{ network: 'local', state: 'connected', since: '2026-01-01T01:00:00.000Z', message: '' }],
    status: {
      observedGeneration: 7,
      conditions: [
        {
          type: 'FlagsInSync',
          status: 'True',
          reason: 'InSync',
          message: 'both flags are present',
          lastTransitionTime: '2026-01-01T01:30:00.000Z',
          observedGeneration: 7,
        },
      ],
      flags: { volatile: 'present', persistent: 'present' },
      services: [{ name: 'sm', set: 'controller', state: 'stopped', message: '' }],
      bootId: 'boot-1',
      agentVersion: '0.1.0',
      roles: ['controller', 'worker'],
    },
    operations: [],
    blocked: [],
    corrections: [],
    ...changes,
  };
}
