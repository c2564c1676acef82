import { describe, expect, it } from 'vitest';
import {
  describeChanges,
  describeMeasured,
  type Measured,
  renderView,
  summarise,
  type ViewOptions,
} from '../../demo/render.ts';
import type { Snapshot } from '../../demo/snapshot.ts';
import type { Condition } from '../../desired-state/conditions.ts';
import type { Host, Status } from '../../desired-state/host.ts';
import type { AgentStatus } from '../../node-agent/status-file.ts';

const AT = '2026-01-02T03:04:05.000Z';
const NOTHING: Snapshot = { host: undefined, agent: undefined };

const OPTIONS: ViewOptions = {
  title: 'the demo',
  hints: ['Try:', '  bin/lockstep lock demo'],
  columns: 120,
  rows: 50,
  nowMs: Date.parse(AT) + 65_000,
  paint: (_, text) => text,
};

function condition(type: Condition['type'], status: Condition['status'], message: string): Condition {
  return { type, status, reason: 'Because', message, lastTransitionTime: AT, observedGeneration: 3 };
}

const STATUS: Status = {
  observedGeneration: 3,
  conditions: [
    condition('Online', 'True', 'connected'),
    condition('FlagsInSync', 'True', 'both flags are present'),
    condition('Ready', 'True', 'the host is as its spec says'),
  ],
  flags: { volatile: 'present', persistent: 'present' },
  services: [
    { name: '10-database', set: 'worker', state: 'stopped', message: '' },
    { name: 'web', set: 'worker', state: 'stopping', message: '' },
  ],
  bootId: 'boot',
  agentVersion: '0.1.0',
  roles: ['worker'],
};

const HOST: Host = {
  apiVersion: 'lockstep/v1',
  kind: 'Host',
  metadata: { name: 'demo', generation: 3, labels: {}, annotations: {} },
  spec: { locked: true, servicesEnabled: false },
  status: STATUS,
};

const AGENT: AgentStatus = {
  apiVersion: 'lockstep/v1',
  kind: 'AgentStatus',
  host: 'demo',
  pid: 7,
  startedAt: AT,
  updatedAt: AT,
  agentVersion: '0.1.0',
  bootId: 'boot',
  roles: ['worker'],
  desired: { generation: 3, locked: true, servicesEnabled: false, source: 'controller', message: '' },
  acknowledgedGeneration: 3,
  links: [{ network: 'local', state: 'connected', since: AT, message: '' }],
  status: STATUS,
  operations: [],
  blocked: [],
  corrections: [
    { at: AT, message: 'volatile flag restored: it was missing', latencyMs: 1.84 },
    { at: '2026-01-02T03:05:09.500Z', message: 'worker/web started again', latencyMs: 96 },
  ],
};

const SHOWN: Snapshot = { host: HOST, agent: AGENT };

function withStatus(change: Partial<Status>): Snapshot {
  return { host: { ...HOST, status: { ...STATUS, ...change } }, agent: AGENT };
}

describe('the live view', () => {
  it('shows desired, actual, conditions, the connection, corrections and hints', () => {
    expect(renderView(SHOWN, OPTIONS)).toEqual([
      'the demo',
      '',
      'Desired     locked, services disabled (generation 3)',
      'Actual      volatile flag present, persistent flag present',
      'Services    10-database stopped, web stopping',
      'Ready       True the host is as its spec says',
      'Conditions  Online True, FlagsInSync True',
      'Connection  local connected for 1m5s',
      '',
      'Corrections, newest first',
      '  under 1s ago     96.0 ms  worker/web started again',
      '      1m5s ago      1.8 ms  volatile flag restored: it was missing',
      '',
      'Try:',
      '  bin/lockstep lock demo',
    ]);
  });

  it('says what it does not know yet', () => {
    expect(renderView(NOTHING, OPTIONS).slice(2, 8)).toEqual([
      'Desired     nothing yet',
      'Actual      nothing yet',
      'Services    none yet',
      'Ready       nothing yet',
      'Conditions  ',
      'Connection  none',
    ]);
  });

  it('says why a condition is False, in one line whatever a script printed', () => {
    const failing = condition('ServicesInSync', 'False', 'web: exit code 1\n\u001b[2Jdisk full');
    const lines = renderView(withStatus({ conditions: [failing] }), OPTIONS);
    expect(lines).toContain('            ServicesInSync: web: exit code 1 [2Jdisk full');
  });

  it.each([1, 2, 13, 30, 79])('is never wider than %i columns', (columns) => {
    for (const line of renderView(SHOWN, { ...OPTIONS, columns })) {
      expect([...line].length).toBeLessThanOrEqual(columns);
    }
  });

  it('cuts by what is seen, not by what colours add', () => {
    const paint: ViewOptions['paint'] = (colour, text) => `<${colour}>${text}</>`;
    const line = renderView(SHOWN, { ...OPTIONS, columns: 28, paint })[4];
    expect(line).toBe('<dim>Services    </>10-database <dim>sto…</>');
  });

  it.each([1, 5, 14])('takes no more than %i rows', (rows) => {
    expect(renderView(SHOWN, { ...OPTIONS, rows })).toHaveLength(rows);
  });
});

describe('plain lines', () => {
  it('tell all at first', () => {
    expect(describeChanges(NOTHING, SHOWN)).toEqual([
      'desired: locked, services disabled (generation 3)',
      'actual: volatile flag present, persistent flag present',
      'service 10-database: stopped',
      'service web: stopping',
      'connection: local connected',
      'Online: True, connected',
      'FlagsInSync: True, both flags are present',
      'Ready: True, the host is as its spec says',
      'corrected after 1.8 ms: volatile flag restored: it was missing',
      'corrected after 96.0 ms: worker/web started again',
    ]);
  });

  const again = { at: '2026-01-02T03:05:30.000Z', message: 'worker/web started again', latencyMs: 80.04 };
  it.each<[string, Snapshot, readonly string[]]>([
    ['nothing when nothing changed', { ...SHOWN }, []],
    [
      'another desired state',
      { ...SHOWN, host: { ...HOST, spec: { locked: false, servicesEnabled: true } } },
      ['desired: unlocked, services enabled (generation 3)'],
    ],
    [
      'a service that stopped',
      {
        ...SHOWN,
        agent: {
          ...AGENT,
          status: { ...STATUS, services: [{ name: 'web', set: 'worker', state: 'stopped', message: '' }] },
        },
      },
      ['service web: stopped'],
    ],
    [
      'the same correction again',
      { ...SHOWN, agent: { ...AGENT, corrections: [...AGENT.corrections, again] } },
      ['corrected after 80.0 ms: worker/web started again'],
    ],
  ])('tell %s', (_, after, lines) => {
    expect(describeChanges(SHOWN, after)).toEqual(lines);
  });
});

describe('measured corrections', () => {
  const fast: Measured = { label: 'volatile flag removed', outcome: 'back', elapsedMs: 1.84 };
  const slow: Measured = { label: '10-database killed', outcome: 'running again', elapsedMs: 1203.26 };
  const missed: Measured = { label: 'unlocked', outcome: 'flags gone', elapsedMs: undefined };

  it('stand in columns', () => {
    expect([fast, slow, missed].map(describeMeasured)).toEqual([
      'volatile flag removed      back after                    1.8 ms',
      '10-database killed         running again after        1203.3 ms',
      'unlocked                   flags gone: not within 5 s',
    ]);
  });

  it.each<[readonly Measured[], string]>([
    [[fast, slow], '2 corrections, slowest 1203.3 ms, all healed'],
    [[fast, missed], '2 corrections, slowest 1.8 ms, 1 not healed'],
    [[missed], '1 corrections, slowest 0.0 ms, 1 not healed'],
  ])('are summed up', (measured, line) => {
    expect(summarise(measured)).toBe(line);
  });
});
