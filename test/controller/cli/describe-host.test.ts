// What `describe host` and `plan` print, without a process.
import { describe, expect, it } from 'vitest';
import { describeHost } from '../../../controller/cli/describe-host.ts';
import { describeNothing, describePlan } from '../../../controller/cli/plan-text.ts';
import { toHost } from '../../../controller/host-view.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import type { Condition } from '../../../desired-state/conditions.ts';
import type { StoredEvent } from '../../../desired-state/events.ts';
import { ANNOTATIONS, type Status } from '../../../desired-state/host.ts';
import type { HostRecord } from '../../../desired-state/store/store.ts';
import { statusOf } from '../fixtures/agent-end.ts';
import { RecordingTerminal } from '../fixtures/recording-terminal.ts';

const NOW_MS = Date.parse('2026-01-01T00:03:00.000Z');
const AT = '2026-01-01T00:00:00.000Z';

const online = (change: Partial<Condition> = {}): Condition => ({
  type: 'Online',
  status: 'True',
  reason: 'Connected',
  message: 'the agent is connected',
  lastTransitionTime: AT,
  observedGeneration: 2,
  ...change,
});

function reported(change: Partial<Condition> = {}, more: Partial<Status> = {}): Status {
  const status = statusOf(2, more);
  return { ...status, conditions: [...status.conditions, online(change)] };
}

const LOCKED: HostRecord = {
  ...noRecord('compute-0'),
  generation: 2,
  labels: { site: 'lab', rack: '3' },
  annotations: {
    [ANNOTATIONS.changedBy]: 'alice',
    [ANNOTATIONS.changedAt]: AT,
    [ANNOTATIONS.reason]: 'disk swap',
    owner: 'storage team',
  },
  status: reported(
    {},
    {
      lastPlan: { at: AT, generation: 2, steps: ['create persistent: it is missing'], blocked: [] },
    },
  ),
  reportedGeneration: 2,
};

const LOCK_EVENT: StoredEvent = {
  id: 1,
  host: 'compute-0',
  type: 'Normal',
  reason: 'Locked',
  message: 'locked, services disabled; by alice over local: disk swap',
  generation: 2,
  at: AT,
  firstAt: AT,
  count: 1,
  actor: 'alice',
};

function described(record: HostRecord, events: readonly StoredEvent[] = [], width?: number): string {
  const terminal = new RecordingTerminal(width);
  describeHost({ terminal, host: toHost(record), events, nowMs: NOW_MS });
  return terminal.text;
}

describe('describe host', () => {
  it('shows all that is known of a host', () => {
    expect(described(LOCKED, [LOCK_EVENT])).toBe(
      `Name:             compute-0
Labels:           site=lab
                  rack=3
Annotations:      owner=storage team
Locked:           true
Services enabled: false
Generation:       2 (acknowledged by its agent)
Changed:          by alice, 3m ago (2026-01-01T00:00:00.000Z): disk swap
Online:           yes, for 3m
Flags:            volatile present, persistent present
Roles:            worker
Agent version:    0.1.0
Boot ID:          boot-1
Conditions:
  TYPE            STATUS  REASON     AGE  MESSAGE
  Ready           True    InSync     3m   the host is as its spec says
  Online          True    Connected  3m   the agent is connected
  FlagsInSync     True    InSync     3m   as the spec says
  ServicesInSync  True    InSync     3m   as the spec says
  GoEnabled       True    InSync     3m   as the spec says
Services:
  NAME    SET     STATE    MESSAGE
  50-app  worker  stopped
Last plan:        generation 2, 3m ago; nothing is to be done now
  1. create persistent: it is missing
Events:
  AGE  TYPE    REASON  GEN  BY     MESSAGE
  3m   Normal  Locked  2    alice  locked, services disabled; by alice over local: disk swap`,
    );
  });

  it('shows a host that was never seen', () => {
    expect(described({ ...LOCKED, labels: {}, status: undefined })).toBe(
      `Name:             compute-0
Labels:           none
Annotations:      owner=storage team
Locked:           true
Services enabled: false
Generation:       2 (its agent has reported none yet)
Changed:          by alice, 3m ago (2026-01-01T00:00:00.000Z): disk swap
Online:           never: no agent of this host has connected yet
Flags:            volatile unknown, persistent unknown
Roles:            -
Agent version:    -
Boot ID:          -
Conditions:
  TYPE    STATUS   REASON          AGE  MESSAGE
  Ready   Unknown  NeverConnected  3m   the agent has never connected
  Online  False    NeverConnected  3m   the agent has never connected
Services:         not known
Last plan:        none reported
Events:           none`,
    );
  });

  it('says of an offline host since when, and that all else is old', () => {
    const away = { status: 'False', reason: 'Disconnected', message: 'the agent left' } as const;
    const text = described({ ...LOCKED, status: reported(away) });
    expect(text).toContain(
      '\nOnline:           no, for 3m: the agent left; all else is as it was last reported\n',
    );
    expect(text).toContain('\nLast plan:        none reported\n');
  });

  it('does not say that nothing is to be done where it is not known', () => {
    const lastPlan = { at: AT, generation: 2, steps: [], blocked: ['worker/web is held: why'] };
    const away = { status: 'False', reason: 'Disconnected' } as const;
    for (const record of [
      { ...LOCKED, status: reported(away, { lastPlan }) },
      { ...LOCKED, generation: 3, status: reported({}, { lastPlan }) },
    ]) {
      expect(described(record)).toContain(
        'Last plan:        generation 2, 3m ago; `lockstep plan compute-0` asks for the one of now\n  held:\n  - worker/web is held: why\n',
      );
    }
  });

  it.each([
    ['that its agent keeps a newer one', 7, '2 (its agent keeps a newer one: 7)'],
    ['that its agent is behind', 1, '2 (acknowledged: 1)'],
  ])('says of the generation %s', (_what, observedGeneration, text) => {
    const status = reported({}, { observedGeneration });
    expect(described({ ...LOCKED, status })).toContain(`\nGeneration:       ${text}\n`);
  });

  it('names the file of the manifests folder that declares it', () => {
    const annotations = { ...LOCKED.annotations, [ANNOTATIONS.manifest]: 'lab/hosts.yaml' };
    expect(described({ ...LOCKED, annotations })).toContain(
      '\nDeclared by:      lab/hosts.yaml in the manifests folder\n',
    );
  });

  it('wraps what is long at the terminal, and lets nothing of a script drive it', () => {
    const said = `exit 3: \u001b[2Jgone\u009b31m ${'and on '.repeat(30)}`;
    const text = described(
      {
        ...LOCKED,
        annotations: { ...LOCKED.annotations, [ANNOTATIONS.reason]: said },
        status: reported(
          { message: said },
          {
            services: [{ name: 'web', set: 'worker', state: 'failed', message: said }],
            lastPlan: { at: AT, generation: 2, steps: [said], blocked: [said] },
          },
        ),
      },
      [{ ...LOCK_EVENT, message: said }],
      80,
    );
    expect(text).toMatch(/exit 3: {1,2}\[2Jgone 31m and on/);
    for (const line of text.split('\n')) {
      expect(line).not.toMatch(/\p{Cc}/u);
      expect(line.length).toBeLessThanOrEqual(80);
    }
    expect(text).toMatch(/\n {18}and on/);
  });
});

describe('a plan for people', () => {
  it('is numbered steps, then what is held', () => {
    expect(
      describePlan({ steps: ['create volatile: why', 'stop worker/web: why'], blocked: ['x is held: y'] }),
    ).toEqual(['1. create volatile: why', '2. stop worker/web: why', 'held meanwhile:', '- x is held: y']);
    expect(describePlan({ steps: [], blocked: ['x is held: y'] })).toEqual(['held:', '- x is held: y']);
  });

  it('that is empty means that the host is as it should be, or that it is on its way', () => {
    expect(describeNothing(toHost(LOCKED))).toBe('nothing to do: host/compute-0 is as its spec says');
    expect(describeNothing(toHost({ ...LOCKED, generation: 3 }))).toBe(
      'nothing to do now, but host/compute-0 is not ready: Pending: FlagsInSync has not been reported at generation 3 yet',
    );
  });
});
