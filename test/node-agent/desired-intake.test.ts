import { describe, expect, it } from 'vitest';
import type { EventBody } from '../../desired-state/events.ts';
import type { DesiredMessage } from '../../desired-state/wire.ts';
import { DesiredIntake } from '../../node-agent/desired-intake.ts';
import { Journal } from '../../node-agent/journal.ts';
import { Knowledge } from '../../node-agent/knowledge.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeLog } from '../support/fake-log.ts';
import { silentMonitor } from '../support/silent-monitor.ts';

const said = (generation: number, locked: boolean): DesiredMessage => ({
  type: 'desired',
  generation,
  spec: { locked, servicesEnabled: !locked },
});

function setUp() {
  const log = new FakeLog();
  const events: string[] = [];
  const record = ({ type, reason }: EventBody) => void events.push(`${type} ${reason}`);
  const journal = new Journal(log, new FakeClock(), record, silentMonitor);
  const knowledge = new Knowledge({ source: 'nothing' });
  const intake = new DesiredIntake(knowledge, journal);
  /** It is on the disk, and the flags are as it says. */
  const apply = (generation: number) => {
    knowledge.remembered(generation);
    intake.applied(generation);
  };
  const words = () =>
    intake.words.map(({ network, generation, verdict }) => `${network} ${generation} ${verdict}`);
  return { log, events, knowledge, intake, apply, words };
}

describe('DesiredIntake', () => {
  it('F12: says of a lock and of an unlock once, when it is applied, with the network that brought it', () => {
    const { log, intake, apply } = setUp();
    expect(intake.take(said(1, true), 'management')).toBe(true);
    expect(log.lines).toEqual([]);
    apply(1);
    apply(1);
    expect(intake.take(said(2, false), 'cluster')).toBe(true);
    apply(2);
    expect(log.lines).toEqual([
      {
        level: 'info',
        message: 'host locked',
        fields: expect.objectContaining({ generation: 1, network: 'management' }),
      },
      {
        level: 'info',
        message: 'host unlocked',
        fields: expect.objectContaining({ generation: 2, network: 'cluster' }),
      },
    ]);
  });

  it('F12: takes the same over both networks as one change', () => {
    const { log, events, intake, apply, words } = setUp();
    expect(intake.take(said(1, true), 'management')).toBe(true);
    expect(intake.take(said(1, true), 'cluster')).toBe(false);
    apply(1);
    expect(intake.take(said(1, true), 'cluster')).toBe(false);
    expect(log.at('info')).toEqual(['host locked']);
    expect(events).toEqual(['Normal Applied']);
    expect(words()).toEqual(['management 1 accepted', 'cluster 1 confirmed']);
  });

  it('says nothing of what was overtaken before it was applied', () => {
    const { log, intake, apply } = setUp();
    intake.take(said(1, false), 'management');
    apply(1);
    intake.take(said(2, true), 'management');
    intake.take(said(3, false), 'management');
    intake.applied(2);
    apply(3);
    expect(log.at('info')).toEqual(['host unlocked', 'desired state applied']);
  });

  it('I5: refuses and reports an older generation once, however often it is said', () => {
    const { log, events, knowledge, intake, apply, words } = setUp();
    intake.take(said(5, true), 'management');
    apply(5);
    for (let n = 0; n < 10; n += 1) expect(intake.take(said(4, false), 'management')).toBe(false);
    expect(knowledge.generation).toBe(5);
    expect(log.at('warn')).toEqual(["desired state refused: generation 4 is behind this host's 5"]);
    expect(events).toEqual(['Normal Applied', 'Warning StoreBehind']);
    expect(words()).toEqual(['management 4 behind']);
  });

  it('refuses and reports the same generation with another spec once', () => {
    const { events, knowledge, intake, apply } = setUp();
    intake.take(said(5, true), 'management');
    apply(5);
    for (let n = 0; n < 10; n += 1) intake.take(said(5, false), 'management');
    expect(knowledge.desired.locked).toBe(true);
    expect(events).toEqual(['Normal Applied', 'Warning Contradiction']);
  });

  it('hears from acks that the store is behind, and that it has news', () => {
    const { intake, apply, words } = setUp();
    intake.take(said(5, true), 'management');
    apply(5);
    intake.heard(4, 'management');
    expect(words()).toEqual(['management 4 behind']);
    intake.take(said(5, true), 'management');
    intake.heard(6, 'management');
    expect(words()).toEqual(['management 6 confirmed']);
  });

  it('counts what was said over a network no more once that is lost', () => {
    const { intake, words } = setUp();
    intake.take(said(5, true), 'management');
    intake.take(said(5, true), 'cluster');
    intake.lost('management');
    expect(words()).toEqual(['cluster 5 confirmed']);
    intake.heard(5, 'management');
    expect(words()).toEqual(['cluster 5 confirmed']);
  });

  it('keeps why and since when it is so', () => {
    const { knowledge, intake } = setUp();
    intake.take({ ...said(5, true), reason: 'disk swap', since: '2026-01-01T00:00:00.000Z' }, 'management');
    expect(knowledge.newest).toEqual({
      generation: 5,
      spec: { locked: true, servicesEnabled: false },
      reason: 'disk swap',
      since: '2026-01-01T00:00:00.000Z',
    });
  });

  it('I5: takes back what it accepted when the host turns out to know more, and says so once', () => {
    const { log, events, intake, knowledge, apply, words } = setUp();
    intake.take(said(3, false), 'management');
    intake.take(said(3, false), 'cluster');
    knowledge.found({ generation: 7, spec: { locked: true, servicesEnabled: false } });
    intake.overruled();
    expect(intake.transition).toBeUndefined();
    expect(words()).toEqual(['management 3 behind', 'cluster 3 behind']);
    expect(events).toEqual(['Warning StoreBehind']);
    expect(log.lines).toHaveLength(1);
    apply(7);
    expect(log.lines).toHaveLength(1);
    intake.take(said(3, false), 'management');
    expect(events).toEqual(['Warning StoreBehind']);
  });

  it('I5: calls the contrary at the same generation a contradiction', () => {
    const { events, intake, knowledge, words } = setUp();
    intake.take(said(7, false), 'management');
    knowledge.found({ generation: 7, spec: { locked: true, servicesEnabled: false } });
    intake.overruled();
    expect([words(), events]).toEqual([['management 7 contradicts'], ['Warning Contradiction']]);
  });
});
