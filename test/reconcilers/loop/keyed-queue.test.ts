import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedQueue } from '../../../reconcilers/loop/keyed-queue.ts';
import { settle } from '../../support/fake-clock.ts';

type Key = 'flags' | 'services';

/** A queue whose runs end when told to. */
function setUp(concurrency = 2) {
  const begun: Key[] = [];
  const open: { readonly key: Key; readonly end: () => void }[] = [];
  const queue = new KeyedQueue<Key>((key) => {
    begun.push(key);
    return new Promise((end) => open.push({ key, end }));
  }, concurrency);
  const running = (key: Key) => open.filter((run) => run.key === key).length;
  const endOne = async (key: Key) => {
    const index = open.findIndex((run) => run.key === key);
    if (index >= 0) open.splice(index, 1)[0]?.end();
    await settle();
  };
  return { queue, begun, running, endOne };
}

describe('KeyedQueue', () => {
  it('I6: runs one look at a time and merges all that is asked for meanwhile into one more', async () => {
    const { queue, begun, running, endOne } = setUp();
    for (let n = 0; n < 5; n += 1) queue.add('flags');
    await settle();
    expect(begun).toEqual(['flags']);
    for (let n = 0; n < 5; n += 1) queue.add('flags');
    await settle();
    expect(running('flags')).toBe(1);
    await endOne('flags');
    expect(begun).toEqual(['flags', 'flags']);
    await endOne('flags');
    expect(running('flags')).toBe(0);
  });

  it('runs different keys at once, so that flags never wait for services', async () => {
    const { queue, running } = setUp();
    queue.add('services');
    queue.add('flags');
    await settle();
    expect([running('services'), running('flags')]).toEqual([1, 1]);
  });

  it('runs again what is asked for after a run ended', async () => {
    const { queue, begun, endOne } = setUp();
    queue.add('flags');
    await settle();
    await endOne('flags');
    queue.add('flags');
    await settle();
    expect(begun).toEqual(['flags', 'flags']);
  });

  it('drops what waits when it closes, lets what runs end, and takes nothing more', async () => {
    const { queue, begun, endOne } = setUp();
    queue.add('flags');
    await settle();
    queue.add('flags');
    let isClosed = false;
    const closing = queue.close().then(() => {
      isClosed = true;
    });
    queue.add('services');
    await settle();
    expect(isClosed).toBe(false);
    await endOne('flags');
    await closing;
    expect(begun).toEqual(['flags']);
  });

  it('drops what waits for another key when it closes', async () => {
    const { queue, begun, endOne } = setUp(1);
    queue.add('flags');
    queue.add('services');
    await settle();
    const closing = queue.close();
    await endOne('flags');
    await closing;
    expect(begun).toEqual(['flags']);
  });

  it('I6: never has two runs of a key, and serves every request with a run that began after it', async () => {
    const step = fc.constantFrom('ask flags', 'ask services', 'end flags', 'end services');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { queue, begun, running, endOne } = setUp();
        const owed = { flags: false, services: false };
        for (const [deed, key] of steps.map(parseStep)) {
          const before = count(begun, key);
          if (deed === 'ask') {
            queue.add(key);
            await settle();
            owed[key] ||= count(begun, key) === before;
          } else {
            await endOne(key);
            if (owed[key]) expect(count(begun, key)).toBe(before + 1);
            owed[key] = false;
          }
          expect(running(key)).toBeLessThanOrEqual(1);
          if (owed[key]) expect(running(key)).toBe(1);
        }
      }),
    );
  });
});

function parseStep(step: string): readonly ['ask' | 'end', Key] {
  return [step.startsWith('ask') ? 'ask' : 'end', step.endsWith('flags') ? 'flags' : 'services'];
}

function count(keys: readonly Key[], key: Key): number {
  return keys.filter((other) => other === key).length;
}
