// A whole simulated site in small, to prove that the world composes: a controller that counts up, and an agent that remembers the count durably
// before it acknowledges it. Not the real agent: the simplest one that has something to lose.
import type { Connection } from '../../desired-state/wire.ts';
import type { Disk } from '../../node-agent/disk.ts';
import type { Transport } from '../../node-agent/transport.ts';
import { type Clock, sleep } from '../../reconcilers/loop/clock.ts';
import type { ServiceDriver } from '../../reconcilers/services/service-driver.ts';
import { Prng } from './world/prng.ts';
import { SimClock } from './world/sim-clock.ts';
import { SimDisk } from './world/sim-disk.ts';
import { SimLog } from './world/sim-log.ts';
import { SimNetwork } from './world/sim-network.ts';
import { SimProcess } from './world/sim-process.ts';
import { SimServices } from './world/sim-services.ts';

const FOLDER = '/var/lib/tiny';
const COUNT = `${FOLDER}/count`;
const TEMPORARY = `${FOLDER}/count.tmp`;

/** What the agent leaves out: known-bad variants that the world must expose. */
export type Sabotage = 'none' | 'no file sync' | 'no folder sync' | 'acknowledges first';

export interface TinyRun {
  readonly acknowledged: number;
  /** What an acknowledged count met that it should not have. */
  readonly losses: readonly string[];
  readonly steps: number;
  /** Everything that happened, for comparing runs. */
  readonly trace: string;
}

/** One seed: `seconds` of kills, power cuts, hand-made drift and network trouble around the agent. */
export async function runTinyHost(
  seed: number,
  seconds: number,
  sabotage: Sabotage = 'none',
): Promise<TinyRun> {
  const prng = new Prng(seed);
  const clock = new SimClock();
  const disk = new SimDisk(clock, prng.fork('disk'));
  const services = new SimServices(clock, prng.fork('services'), [
    { id: 'worker/web', name: 'web', set: 'worker', group: null },
  ]);
  const network = new SimNetwork('management', clock, prng.fork('network'));
  const log = new SimLog(clock);
  const chaos = prng.fork('chaos');
  const losses: string[] = [];
  let acknowledged = 0;
  let boots = 0;

  const controller = new SimProcess('controller', clock);
  network.listen(controller, (connection) => {
    let count = acknowledged;
    const publish = () => {
      count += 1;
      connection.send(String(count));
      controller.clock.setTimer(prng.int(100, 2_000), publish);
    };
    connection.onMessage((text) => {
      acknowledged = Math.max(acknowledged, Number(text));
    });
    publish();
  });

  const boot = () => {
    boots += 1;
    const process = new SimProcess(`agent-${boots}`, clock);
    const driver = services.driver(process);
    const agent = {
      clock: process.clock,
      disk: disk.for(process),
      transport: network.transport(process),
      driver,
    };
    runAgent(agent, sabotage).catch((error: unknown) =>
      log.for(process).error({ error }, 'the agent failed'),
    );
    return process;
  };

  let process = boot();
  const restart = (after: 'killed' | 'power-cut') => {
    process.kill(after);
    if (after === 'power-cut') {
      disk.powerCut();
      services.reboot();
    }
    const remembered = Number(disk.contentNow(COUNT) ?? 'nothing');
    if (acknowledged > 0 && !(remembered >= acknowledged)) {
      losses.push(`${clock.monotonicMs()} ms: ${acknowledged} was acknowledged, ${remembered} is remembered`);
      acknowledged = 0;
    }
    process = boot();
  };
  const deeds = [
    () => restart('killed'),
    () => restart('power-cut'),
    () => network.cut(),
    () => services.kill('worker/web'),
    () => disk.byHand.touch(`/run/by-hand-${chaos.int(1, 9)}`),
    () => {
      network.silent = !network.silent;
    },
  ];
  const disturb = () => {
    chaos.pick(deeds)();
    clock.setTimer(chaos.int(200, 4_000), disturb);
  };
  disturb();
  await clock.runFor(seconds * 1_000);
  await clock.assertNothingReal();
  const trace = [...disk.trace(), ...services.trace(), ...log.lines()]
    .map((line) => JSON.stringify(line))
    .join('\n');
  return { acknowledged, losses, steps: clock.steps, trace };
}

interface Agent {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly transport: Transport;
  readonly driver: ServiceDriver;
}

async function runAgent(agent: Agent, sabotage: Sabotage): Promise<never> {
  await agent.disk.makeFolder(FOLDER);
  // As the real agent has to: a folder that is there may not be there after a power cut.
  await agent.disk.syncFolder('/var/lib');
  const forever = new AbortController().signal;
  void keepServices(agent, forever);
  for (;;) {
    try {
      const connection = await agent.transport.dial(AbortSignal.any([forever, deadline(agent.clock, 2_000)]));
      await serve(agent, connection, sabotage);
    } catch {
      await sleep(agent.clock, 500, forever);
    }
  }
}

/** Remembers each count that the controller sends, then acknowledges it, until the connection ends. */
async function serve(agent: Agent, connection: Connection, sabotage: Sabotage): Promise<void> {
  let last: Promise<void> = Promise.resolve();
  connection.onMessage((text) => {
    last = last.then(async () => {
      if (sabotage === 'acknowledges first') connection.send(text);
      if (!(await remember(agent.disk, text, sabotage))) return;
      if (sabotage !== 'acknowledges first') connection.send(text);
    });
  });
  await new Promise<void>((resolve) => connection.onClose(() => resolve()));
  await last;
}

/** False when a higher count is remembered already. */
async function remember(disk: Disk, count: string, sabotage: Sabotage): Promise<boolean> {
  const before = await disk.read(COUNT, 100).catch(() => '0');
  if (Number(before) > Number(count)) return false;
  await disk.remove(TEMPORARY).catch(() => undefined);
  await disk.create(TEMPORARY, count, 0o644);
  if (sabotage !== 'no file sync') await disk.syncFile(TEMPORARY);
  await disk.rename(TEMPORARY, COUNT);
  if (sabotage !== 'no folder sync') await disk.syncFolder(FOLDER);
  return true;
}

async function keepServices({ clock, driver }: Agent, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { services } = await driver.observe(signal, 'all');
    for (const { service, state } of services) {
      if (state === 'stopped') await driver.run(service, 'start', signal);
    }
    await sleep(clock, 5_000, signal);
  }
}

function deadline(clock: Clock, ms: number): AbortSignal {
  const controller = new AbortController();
  clock.setTimer(ms, () => controller.abort(new Error('too late')));
  return controller.signal;
}
