// One machine with a disk and a process that uses it: what the tests of the simulated disk begin with.
import type { Disk } from '../../node-agent/disk.ts';
import { Prng } from './world/prng.ts';
import { SimClock } from './world/sim-clock.ts';
import { SimDisk } from './world/sim-disk.ts';
import { SimProcess } from './world/sim-process.ts';

/** A machine with a folder /etc/app that is durable. */
export function makeDiskWorld(seed: number | string) {
  const clock = new SimClock();
  const sim = new SimDisk(clock, new Prng(seed));
  sim.byHand.mkdir('/etc/app');
  sim.byHand.sync();
  const process = new SimProcess('agent', clock);
  /** Runs `use` to its end; what it threw is thrown. */
  const run = async <T>(use: (disk: Disk) => Promise<T>): Promise<T> => {
    const [[ended]] = await Promise.all([Promise.allSettled([use(sim.for(process))]), clock.runFor(60_000)]);
    if (ended.status === 'rejected') throw ended.reason;
    return ended.value;
  };
  return { clock, sim, process, run };
}
