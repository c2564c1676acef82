// Row: from the moment when `lock` returns to both flags there, beside a bare Node server that does the same job.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApiClient } from '../../controller/cli/api-client.ts';
import type { Bench, Measurement } from '../bench.ts';
import { startBare } from '../comparators/bare-node.ts';
import { describeFigures } from '../figures.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import type { Row } from '../row.ts';
import { summarise } from '../statistics.ts';
import { LIMIT_MS, pause, waitUntil } from '../stopwatch.ts';

const COMPARATOR = 'bare Node server with SQLite';

const row: Row = {
  id: 'lock',
  what: '`lock` returning -> both flags there',
  unit: 'ms',
  targets: [{ statistic: 'p99', atMost: 20 }],
  comparators: [COMPARATOR],
  method:
    'One client process, the one that the CLI is made of, asks over the unix socket; from the moment when it has the answer (the lock is in the store, synced) to the first look that finds ' +
    'both flags, which is also when the lock is on the disk of the host. Looks are 0.1 ms apart and leave both cores to the programs. Locks and unlocks alternate, 5 to 50 ms apart at ' +
    'random, in turns of 50 with the bare server, which commits with synchronous=FULL, answers, and then writes both flags in the same process. Lockstep meanwhile tells its agent over a ' +
    'WebSocket, which lays down two copies and the flag at once, synced, puts them in place, syncs the folders of both, and makes the volatile flag when that of the persistent one is done: five ' +
    'syncs in two waits, one after the other, and the way to the agent and from thread to thread are most of it.',
};

export const lock: Measurement = {
  name: 'lock',
  rows: [row],
  async run(bench) {
    const controller = await MeasuredController.start(bench);
    const host = new MeasuredHost(bench, controller, 'lockstep');
    await host.startLocked();
    const lockstep = { client: controller.client, name: host.name, flags: host.flags };
    const bare = await startBareServer(bench);
    const [ofLockstep, ofBare] = [new Locks(), new Locks()];
    for (let block = 1; block <= bench.count(20, 1); block++) {
      await lockAndUnlock(bench, lockstep, bench.count(50, 10), ofLockstep);
      await lockAndUnlock(bench, bare, bench.count(50, 10), ofBare);
      bench.say(`lock: ${ofLockstep.returned.length} locks and unlocks`);
    }
    const notes = [
      `From asking to both flags there: ${ofLockstep.describeAsked()}; ${COMPARATOR}: ${ofBare.describeAsked()}.`,
      `\`unlock\` returning -> both flags gone: ${ofLockstep.describeUnlocked()}; ${COMPARATOR}: ${ofBare.describeUnlocked()}.`,
    ];
    const comparisons = [{ name: COMPARATOR, figures: summarise(ofBare.returned) }];
    return [{ row, lockstep: summarise(ofLockstep.returned), comparisons, notes }];
  },
};

class Locks {
  readonly returned: (number | undefined)[] = [];
  readonly asked: (number | undefined)[] = [];
  readonly unlocked: (number | undefined)[] = [];

  describeAsked(): string {
    return describeFigures(summarise(this.asked), 'ms');
  }

  describeUnlocked(): string {
    return describeFigures(summarise(this.unlocked), 'ms');
  }
}

interface Lockable {
  readonly client: ApiClient;
  readonly name: string;
  readonly flags: { readonly volatile: string; readonly persistent: string };
}

async function startBareServer(bench: Bench): Promise<Lockable> {
  const flags = {
    volatile: join(bench.folders.memory, 'bare/.node_locked'),
    persistent: join(bench.folders.disk, 'bare-flag/.node_locked'),
  };
  for (const path of Object.values(flags)) mkdirSync(dirname(path), { recursive: true });
  const socketPath = join(bench.folders.disk, 'bare.sock');
  const args = [socketPath, join(bench.folders.disk, 'bare.db'), flags.volatile, flags.persistent];
  const server = startBare(bench, 'lock-server', args);
  await server.until('the bare server listens', () => existsSync(socketPath), bench.signal);
  const bare = { client: new ApiClient({ socketPath, actor: 'bench' }), name: 'bare', flags };
  await bare.client.change('lock', { names: [bare.name] });
  await server.until('the bare server made its flags', () => existsSync(flags.volatile), bench.signal);
  return bare;
}

async function lockAndUnlock(
  bench: Bench,
  { client, name, flags }: Lockable,
  count: number,
  into: Locks,
): Promise<void> {
  for (let done = 0; done < count; done++) {
    bench.signal.throwIfAborted();
    await client.change('unlock', { names: [name] });
    const isGone = () => !existsSync(flags.volatile) && !existsSync(flags.persistent);
    into.unlocked.push(waitUntil(isGone, performance.now(), LIMIT_MS));
    await pause(5 + bench.random() * 45);

    const askedMs = performance.now();
    await client.change('lock', { names: [name] });
    const returnedMs = performance.now();
    const isThere = () => existsSync(flags.volatile) && existsSync(flags.persistent);
    const elapsedMs = waitUntil(isThere, returnedMs, LIMIT_MS);
    into.returned.push(elapsedMs);
    into.asked.push(elapsedMs === undefined ? undefined : elapsedMs + returnedMs - askedMs);
    await pause(5 + bench.random() * 45);
  }
}
