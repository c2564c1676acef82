// Paces the starting of processes. Node's spawn holds up the event loop for 1 to 5 ms (fork, and waiting for exec): with one for each turn of the loop,
// a flag that was deleted meanwhile waits for one spawn, not for those of all services that are started at once.
import { setImmediate } from 'node:timers/promises';

let last: Promise<void> = Promise.resolve();

/** Resolves when nobody else has had this turn of the event loop; first come, first served. As many wait as runs are begun at once. */
export function spawnTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}
