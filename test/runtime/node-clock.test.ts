import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { nodeClock } from '../../runtime/node-clock.ts';

it('fires once after the delay, not before', async () => {
  const start = nodeClock.monotonicMs();
  let fired = 0;
  await new Promise<void>((resolve) => {
    nodeClock.setTimer(20, () => {
      fired += 1;
      resolve();
    });
  });
  // Node's timers count whole milliseconds.
  expect(nodeClock.monotonicMs() - start).toBeGreaterThanOrEqual(19);
  expect(fired).toBe(1);
});

it('never fires once cancelled, nor at once when the delay is beyond what a timer keeps', async () => {
  let fired = 0;
  const cancels = [1, 2 ** 40].map((ms) =>
    nodeClock.setTimer(ms, () => {
      fired += 1;
    }),
  );
  cancels[0]?.();
  await setTimeout(20);
  expect(fired).toBe(0);
  cancels[1]?.();
});

it('tells the wall clock in ms since the epoch', () => {
  expect(Math.abs(nodeClock.now() - Date.now())).toBeLessThan(5_000);
});
