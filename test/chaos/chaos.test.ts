// Chaos: hundreds of rounds in each of which something bad befalls a real host, several things at once at times; then everything must be as the last
// accepted desired state says. A failure prints the seed (CHAOS_SEED repeats its choices) and what befell the host in the last rounds.
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Prng } from '../simulation/world/prng.ts';
import { ChaosWorld } from './fixtures/chaos-world.ts';
import { DEEDS, drawDeed } from './fixtures/deeds.ts';
import { untilFine } from './fixtures/wait.ts';

const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 200);
const SEED = process.env.CHAOS_SEED ?? String(Date.now());
/** Told of a failure: the rounds before it may have led to it. */
const ROUNDS_TOLD = 5;

it(`I1, I3, I4, I6, I9, I10: after each of ${ROUNDS} rounds of chaos (seed ${SEED}) the host is as it should be`, async () => {
  const world = new ChaosWorld();
  const told: string[] = [];
  await world.begin();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const prng = new Prng(`${SEED}/${round}`);
    const deeds = drawDeeds(prng);
    told.push(`round ${round}: ${deeds.join(' + ')}`);
    try {
      await playRound(world, prng, deeds, (what) => told.push(`  then: ${what}`));
    } catch (cause) {
      const rounds = told.slice(-3 * ROUNDS_TOLD).join('\n');
      throw new Error(`CHAOS_SEED=${SEED}, round ${round} of ${ROUNDS}: ${String(cause)}\n${rounds}`, {
        cause,
      });
    }
  }
});

function drawDeeds(prng: Prng): readonly string[] {
  const count = prng.pick([1, 1, 2, 2, 3, 4]);
  return Array.from({ length: count }, () => drawDeed(prng));
}

async function playRound(
  world: ChaosWorld,
  prng: Prng,
  deeds: readonly string[],
  tell: (what: string) => void,
): Promise<void> {
  const { sandbox } = world;
  world.beginRound();
  await Promise.all(
    deeds.map(async (name, index) => {
      const own = prng.fork(`${index}`);
      await setTimeout(own.int(0, 40));
      await DEEDS[name]?.does(world, own);
    }),
  );
  const wasAgentEnded = !sandbox.isAgentStarted;
  await Promise.all([
    restartAgent(world, prng.fork('agent'), tell),
    restartController(world, prng.fork('controller'), wasAgentEnded, tell),
  ]);
  await untilFine(async () => {
    const wrong = await world.whatIsWrong();
    return wrong.length === 0 ? undefined : wrong.join('; ');
  });
  world.isMemoryAtRisk = false;
  if (prng.chance(0.05)) {
    tell('a second agent');
    await sandbox.startSecondAgent();
    expect(await world.whatIsWrong()).toEqual([]);
  }
  if (prng.chance(0.1)) {
    const { code, stdout } = await sandbox.agentStatus('-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'AgentStatus', pid: sandbox.agentPid });
  }
}

async function restartAgent(world: ChaosWorld, prng: Prng, tell: (what: string) => void): Promise<void> {
  const { sandbox } = world;
  if (sandbox.isAgentStarted) return;
  await setTimeout(prng.int(0, 150));
  const isTwice = prng.chance(0.15);
  tell(isTwice ? 'two agents at once' : 'the agent again');
  if (isTwice) await sandbox.startTwoAgents();
  else sandbox.startAgent();
}

/** It may stay away for some rounds, unless what the host remembers may be lost. */
async function restartController(
  { sandbox, isMemoryAtRisk }: ChaosWorld,
  prng: Prng,
  wasAgentEnded: boolean,
  tell: (what: string) => void,
): Promise<void> {
  const isNeeded = isMemoryAtRisk && wasAgentEnded;
  if (sandbox.isControllerStarted || !(isNeeded || prng.chance(0.5))) return;
  await setTimeout(prng.int(0, 150));
  tell('the controller again');
  await sandbox.startController();
}
