// What each column says of a host; how a terminal shows it is tested in test/controller/cli.
import { describe, expect, it } from 'vitest';
import { tableSchema } from '../../controller/api/schemas.ts';
import { cellsOf, HOST_COLUMNS, hostTable } from '../../controller/host-columns.ts';
import { toHost, toTable } from '../../controller/host-view.ts';
import { noRecord } from '../../controller/spec-change.ts';
import { ANNOTATIONS, type Host, type Status } from '../../desired-state/host.ts';
import type { HostRecord } from '../../desired-state/store/store.ts';
import { statusOf } from './fixtures/agent-end.ts';

const AT = '2026-01-01T00:00:00.000Z';

function recordOf(part: Partial<HostRecord> = {}): HostRecord {
  return {
    ...noRecord('a'),
    generation: 3,
    labels: { site: 'lab', rack: '3' },
    annotations: {
      [ANNOTATIONS.changedBy]: 'alice',
      [ANNOTATIONS.changedAt]: AT,
      [ANNOTATIONS.reason]: 'disk swap',
    },
    spec: { locked: false, servicesEnabled: true },
    ...part,
  };
}

/** The cells by the names of their columns; those of wide columns with a +. */
function cells(host: Host): Readonly<Record<string, string | undefined>> {
  const texts = cellsOf(host);
  return Object.fromEntries(
    HOST_COLUMNS.map(({ name, priority }, index) => [priority > 0 ? `${name}+` : name, texts[index]]),
  );
}

function withStatus(part: Partial<Status>): Host {
  return toHost(recordOf({ status: { ...statusOf(3), ...part } }));
}

describe('a host', () => {
  it('that has never been seen says so, and has - for what is not known', () => {
    expect(cells(toHost({ ...noRecord('a'), generation: 1 }))).toEqual({
      Name: 'a',
      Ready: 'Unknown',
      Locked: 'true',
      Services: 'disabled',
      Online: 'False',
      Flags: 'unknown',
      Gen: '1',
      Age: '-',
      Reason: 'NeverConnected',
      'Observed+': '0',
      'Running+': '-',
      'Roles+': '-',
      'Agent+': '-',
      'By+': '-',
      'Why+': '-',
      'Labels+': '-',
      'Reason+': 'NeverConnected: the agent has never connected',
    });
  });

  it('that is known says who changed it, when and why; when as a time, which no clock is asked for', () => {
    const host = withStatus({
      services: [
        { name: 'a', set: 'worker', state: 'running', message: '' },
        { name: 'b', set: 'worker', state: 'failed', message: '' },
      ],
      agentVersion: '1.2.3',
      roles: ['controller', 'worker'],
    });
    expect(cells(host)).toMatchObject({
      Locked: 'false',
      Services: 'enabled',
      Age: AT,
      'Observed+': '3',
      'Running+': '1/2',
      'Roles+': 'controller,worker',
      'Agent+': '1.2.3',
      'By+': 'alice',
      'Why+': 'disk swap',
      'Labels+': 'site=lab,rack=3',
    });
    expect(HOST_COLUMNS.filter(({ type }) => type === 'date').map(({ name }) => name)).toEqual(['Age']);
  });

  it.each([
    [{ volatile: 'present', persistent: 'present' }, 'present'],
    [{ volatile: 'blocked', persistent: 'blocked' }, 'blocked'],
    [{ volatile: 'absent', persistent: 'present' }, 'absent/present'],
  ] as const)('with flags %j has %s', (flags, text) => {
    expect(cells(withStatus({ flags })).Flags).toBe(text);
  });

  it('that is ready has no reason', () => {
    const condition = (type: 'Online' | 'FlagsInSync' | 'ServicesInSync' | 'GoEnabled') => ({
      type,
      status: 'True' as const,
      reason: 'InSync',
      message: '',
      lastTransitionTime: AT,
      observedGeneration: 3,
    });
    const conditions = (['Online', 'FlagsInSync', 'ServicesInSync', 'GoEnabled'] as const).map(condition);
    expect(cells(withStatus({ conditions }))).toMatchObject({
      Ready: 'True',
      Online: 'True',
      Reason: '',
      'Reason+': '',
    });
  });
});

describe('a table', () => {
  it('has the columns, and a row for each host', () => {
    const table = hostTable([cellsOf(toHost(recordOf())), cellsOf(toHost(recordOf({ name: 'b' })))]);
    expect(tableSchema.parse(table)).toEqual(table);
    expect(table.columnDefinitions).toEqual(HOST_COLUMNS);
    expect(table.rows.map((row) => row.cells[0])).toEqual(['a', 'b']);
    for (const row of table.rows) expect(row.cells).toHaveLength(HOST_COLUMNS.length);
  });

  it('is made of records, each looked at once for as long as it stays the same', () => {
    let looks = 0;
    const record = {
      ...recordOf(),
      get spec() {
        looks += 1;
        return { locked: true, servicesEnabled: false };
      },
    };
    const first = toTable([record]);
    const looksOfOne = looks;
    expect(looksOfOne).toBeGreaterThan(0);
    expect(toTable([record])).toEqual(first);
    expect(toHost(record)).toBe(toHost(record));
    expect(looks).toBe(looksOfOne);
    expect(toTable([recordOf({ generation: 4 })]).rows[0]?.cells).toContain('4');
  });

  it('can be changed by none of those who share its rows, nor can the hosts', () => {
    const record = recordOf();
    expect(() => toTable([record]).rows[0]?.cells.pop()).toThrow(TypeError);
    expect(() => toHost(record).status.conditions.pop()).toThrow(TypeError);
  });
});
