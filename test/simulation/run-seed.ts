// One seed, whole: a site, its scenario, the invariants at every step, then faults off, convergence within two resyncs, and silence.
import { findCondition } from '../../desired-state/conditions.ts';
import { Invariants, InvariantViolation } from './invariants.ts';
import { Scenario } from './scenario.ts';
import { SimController } from './sim-controller.ts';
import { RESYNC_MS, SCRIPT_LIMIT_MS, SimHost } from './sim-host.ts';
import { Prng } from './world/prng.ts';
import { SimClock } from './world/sim-clock.ts';
import { SimLog } from './world/sim-log.ts';
import { SimNetwork } from './world/sim-network.ts';

export interface SeedResult {
  readonly seed: number;
  /** What was violated, and how it came to it; undefined: nothing. */
  readonly failure: string | undefined;
  readonly simulatedMs: number;
  readonly steps: number;
}

/** How long things go wrong, ms. */
const CHAOS_MS = 40_000;
/** Two resyncs; what hung when the faults went off is ended by its time limit, redials wait for 5 s at most, silence is noticed after 15 s. */
const CONVERGENCE_MS = 2 * RESYNC_MS + 2 * SCRIPT_LIMIT_MS;
const RECONNECT_MS = 22_000;
const SILENCE_MS = 20_000;

/** Runs one seed. Never rejects: what went wrong is in the result. */
export async function runSeed(seed: number): Promise<SeedResult> {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  const site = makeSite(seed);
  const scenario = new Scenario(site);
  let failure: string | undefined;
  try {
    await play(site, scenario);
    await site.clock.assertNothingReal();
    for (const error of unhandled) throw error;
  } catch (error) {
    failure = describeFailure(seed, error, site, scenario);
  } finally {
    // What was thrown through the code under test may come up as a rejection of its own, at the end of this turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onUnhandled);
  }
  return { seed, failure, simulatedMs: site.clock.monotonicMs(), steps: site.clock.steps };
}

type FullSite = ReturnType<typeof makeSite>;

function makeSite(seed: number) {
  const prng = new Prng(seed);
  const clock = new SimClock();
  const log = new SimLog(clock);
  const networks = ['management', 'cluster'].map((name) => new SimNetwork(name, clock, prng.fork(name)));
  const used = prng.chance(0.5) ? networks : networks.slice(0, 1);
  const controller = new SimController(clock, log, networks);
  const hosts = Array.from({ length: prng.chance(0.2) ? 2 : 1 }, (_, index) => {
    const name = `compute-${index}`;
    const host = new SimHost(name, { clock, prng: prng.fork(name), networks: used, log });
    return { host, invariants: new Invariants(clock, host, () => controller.storeWentBack) };
  });
  clock.onStep(() => {
    for (const { invariants } of hosts) invariants.checkStep();
  });
  return { clock, log, prng, controller, hosts };
}

async function play(site: FullSite, scenario: Scenario): Promise<void> {
  const { clock, controller, hosts, prng } = site;
  if (prng.chance(0.8)) controller.start();
  for (const { host } of hosts) host.start();
  scenario.begin();
  await clock.runFor(CHAOS_MS);
  scenario.end();
  await clock.runFor(RECONNECT_MS);
  // A store that is behind its agents changes nothing on them, but the next explicit change gets through, whatever was lost.
  for (const { host } of hosts) {
    if (controller.storeWentBack || !scenario.accepted.has(host.name) || prng.chance(0.5)) {
      await commandDone(site, scenario.command(prng.pick(['lock', 'unlock', 'services enable']), host));
    }
  }
  const isConverged = () => hosts.every(({ host }) => whyNotConverged(host, scenario) === undefined);
  await clock.runUntil(isConverged, CONVERGENCE_MS);
  for (const { host } of hosts) {
    const why = whyNotConverged(host, scenario);
    if (why !== undefined)
      throw new InvariantViolation(`convergence: ${host.name} within two resyncs: ${why}`);
  }
  await checkSilence(site);
  for (const { host } of hosts) await checkSeenByOperators(site, host);
}

async function commandDone({ clock }: FullSite, command: Promise<boolean>): Promise<void> {
  let done = false;
  void command.then((accepted) => {
    if (!accepted)
      throw new InvariantViolation('I1: an explicit change was not accepted although nothing is wrong');
    done = true;
  });
  await clock.runUntil(() => done, 1_000);
}

/** Is the host, files and services, as the store accepted it last? */
function whyNotConverged(host: SimHost, { accepted }: Scenario): string | undefined {
  const wanted = accepted.get(host.name);
  const { status } = host;
  if (wanted === undefined || status === undefined)
    return 'nothing was accepted, or the agent published nothing';
  if (status.acknowledgedGeneration !== wanted.generation) {
    return `generation ${wanted.generation} was accepted, ${status.acknowledgedGeneration} is acknowledged`;
  }
  const flag = wanted.spec.locked ? 'file' : 'absent';
  const { volatile, persistent } = host.flagsNow();
  if (volatile !== flag || persistent !== flag) return `flags are ${volatile} and ${persistent}, not ${flag}`;
  for (const { service, running } of host.services.all()) {
    if (running !== wanted.spec.servicesEnabled) return `${service.id} is ${running ? 'running' : 'stopped'}`;
  }
  const off = status.status.conditions.find(
    ({ type, status: is }) => is !== 'True' && (type !== 'GoEnabled' || wanted.spec.servicesEnabled),
  );
  return off === undefined ? undefined : `${off.type} is ${off.status}: ${off.reason}: ${off.message}`;
}

/** I7: after the news of the convergence itself has gone out, a converged host sends heartbeats and logs nothing. */
async function checkSilence({ clock, controller, log }: FullSite): Promise<void> {
  await clock.runFor(3 * RESYNC_MS);
  const messages = controller.received;
  const lines = log.lines().length === 0 ? undefined : log.lines().at(-1);
  await clock.runFor(SILENCE_MS);
  if (controller.received !== messages) {
    throw new InvariantViolation(
      `I7: ${controller.received - messages} messages from converged hosts in ${SILENCE_MS} ms`,
    );
  }
  if (log.lines().at(-1) !== lines) {
    throw new InvariantViolation(`I7: converged programs logged: ${log.report(3)}`);
  }
}

/** What `lockstep get` shows: Ready. */
async function checkSeenByOperators({ clock, controller }: FullSite, host: SimHost): Promise<void> {
  let ready: string | undefined;
  void controller.hosts?.get(host.name).then(({ status, metadata }) => {
    const condition = findCondition(status.conditions, 'Ready');
    ready =
      condition?.status === 'True'
        ? 'yes'
        : `${condition?.reason} at ${metadata.generation}: ${condition?.message}`;
  });
  await clock.runUntil(() => ready !== undefined, 1_000);
  if (ready !== 'yes')
    throw new InvariantViolation(`convergence: ${host.name} is not Ready for operators: ${ready}`);
}

function describeFailure(seed: number, error: unknown, site: FullSite, scenario: Scenario): string {
  const what =
    error instanceof InvariantViolation
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  return [
    `seed ${seed}: ${what}`,
    `again: npm run simulate -- --seed ${seed}`,
    'what was done:',
    ...scenario.log.slice(-25),
    'what was logged:',
    site.log.report(25),
    ...site.hosts.flatMap(({ host }) => [
      `disk of ${host.name}:`,
      ...host.disk
        .trace()
        .slice(-40)
        .map(
          (line) =>
            `${line.atMs.toFixed(3).padStart(12)} ${line.by} ${line.call} ${line.path} ${line.outcome}`,
        ),
      `services of ${host.name}:`,
      ...host.services
        .trace()
        .slice(-20)
        .map((line) => `${line.atMs.toFixed(3).padStart(12)} ${line.serviceId} ${line.what}`),
    ]),
  ].join('\n');
}
