import { describe, expect, it } from 'vitest';
import type { EventBody } from '../../desired-state/events.ts';
import type { EventMessage } from '../../desired-state/wire.ts';
import { EventOutbox } from '../../node-agent/event-outbox.ts';
import { FakeClock } from '../support/fake-clock.ts';

const event = (message: string, latencyMs?: number): EventBody => ({
  type: 'Normal',
  reason: 'FlagRestored',
  message,
  generation: 7,
  ...(latencyMs === undefined ? {} : { latencyMs }),
});

function setUp() {
  const clock = new FakeClock();
  const sent: { readonly atMs: number; readonly message: EventMessage }[] = [];
  const line = { isUp: true };
  const outbox = new EventOutbox(clock, (message) => {
    if (line.isUp) sent.push({ atMs: clock.monotonicMs(), message });
    return line.isUp;
  });
  const texts = () => sent.map(({ message }) => message.event.message);
  return { clock, sent, line, outbox, texts };
}

describe('EventOutbox', () => {
  it('sends the first event at once', () => {
    const { sent, outbox } = setUp();
    outbox.record(event('a', 3));
    expect(sent.map(({ message }) => message)).toEqual([
      {
        type: 'event',
        event: event('a', 3),
        at: '2026-01-01T00:00:00.000Z',
        firstAt: '2026-01-01T00:00:00.000Z',
        count: 1,
      },
    ]);
  });

  it('sends at most one a second, in order', async () => {
    const { clock, sent, outbox, texts } = setUp();
    for (const text of ['a', 'b', 'c', 'd']) outbox.record(event(text));
    await clock.advance(10_000);
    expect(texts()).toEqual(['a', 'b', 'c', 'd']);
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it('makes equal events within a minute one, with a count and the time of the first and the last', async () => {
    const { clock, sent, outbox } = setUp();
    outbox.record(event('a'));
    for (let n = 0; n < 5; n += 1) {
      await clock.advance(10_000);
      outbox.record(event('a'));
    }
    await clock.advance(60_000);
    expect(sent.map(({ message: { count } }) => count)).toEqual([1, 5]);
    expect(sent[1]).toMatchObject({
      atMs: 60_000,
      message: { firstAt: '2026-01-01T00:00:10.000Z', at: '2026-01-01T00:00:50.000Z' },
    });
  });

  it('sends an equal event after a minute at once again', async () => {
    const { clock, sent, outbox } = setUp();
    outbox.record(event('a'));
    await clock.advance(60_000);
    outbox.record(event('a'));
    expect(sent.map(({ message: { count } }) => count)).toEqual([1, 1]);
  });

  it('tells events of another generation apart', async () => {
    const { clock, texts, outbox } = setUp();
    outbox.record(event('a'));
    outbox.record({ ...event('a'), generation: 8 });
    await clock.advance(1_000);
    expect(texts()).toEqual(['a', 'a']);
  });

  it('tells the slowest of merged corrections', async () => {
    const { clock, sent, outbox } = setUp();
    outbox.record(event('a', 1));
    for (const latencyMs of [5, 9, 2]) outbox.record(event('a', latencyMs));
    await clock.advance(60_000);
    expect(sent[1]?.message).toMatchObject({ count: 3, event: { latencyMs: 9 } });
  });

  it('tells the slowest of those since the message before, not of those that it told', async () => {
    const { clock, sent, outbox } = setUp();
    outbox.record(event('a', 900));
    for (const latencyMs of [5, 9]) outbox.record(event('a', latencyMs));
    await clock.advance(60_000);
    expect(sent.map(({ message }) => message.event.latencyMs)).toEqual([900, 9]);
  });

  it('keeps events while there is no connection, and sends them one a second once there is', async () => {
    const { clock, line, sent, outbox, texts } = setUp();
    line.isUp = false;
    for (const text of ['a', 'b', 'a']) outbox.record(event(text));
    await clock.advance(120_000);
    expect(sent).toEqual([]);
    expect(clock.timers).toBe(0);
    line.isUp = true;
    outbox.flush();
    await clock.advance(5_000);
    expect(texts()).toEqual(['a', 'b']);
    expect(sent[0]?.message.count).toBe(2);
    expect(sent.map(({ atMs }) => atMs)).toEqual([120_000, 121_000]);
  });

  it('keeps a bounded number of different events, the newest', async () => {
    const { clock, line, outbox, texts } = setUp();
    line.isUp = false;
    for (let n = 0; n < 10_000; n += 1) outbox.record(event(`e${n}`));
    line.isUp = true;
    outbox.flush();
    await clock.advance(1_000_000);
    expect(texts()).toHaveLength(256);
    expect(texts().at(-1)).toBe('e9999');
    expect(texts()[0]).toBe('e9744');
  });

  it('sends nothing once it is closed', async () => {
    const { clock, sent, outbox } = setUp();
    outbox.record(event('a'));
    outbox.record(event('b'));
    outbox.close();
    outbox.record(event('c'));
    outbox.flush();
    await clock.advance(10_000);
    expect(sent).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  it('I7: sends the same number however many resyncs find nothing', async () => {
    const { clock, sent, outbox } = setUp();
    outbox.record(event('a'));
    for (let n = 0; n < 100; n += 1) {
      await clock.advance(5_000);
      outbox.flush();
    }
    expect(sent).toHaveLength(1);
  });
});
