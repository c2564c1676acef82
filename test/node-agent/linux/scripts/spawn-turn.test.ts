import { expect, it } from 'vitest';
import { spawnTurn } from '../../../../node-agent/linux/scripts/spawn-turn.ts';

it('gives each turn of the event loop to one, first come, first served', async () => {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const order: number[] = [];
  const turns = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      await spawnTurn();
      order.push(index);
      return turn;
    }),
  );
  isOver = true;
  expect(new Set(turns).size).toBe(20);
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
});
