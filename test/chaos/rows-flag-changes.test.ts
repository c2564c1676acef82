// Rows F7, F8, F12 and F14 of requirements.md on the real programs: what happens while a host is locked and unlocked.
import { expect, it } from 'vitest';
import type { Finished } from '../controller/fixtures/programs.ts';
import { FlagTrace } from './fixtures/flag-trace.ts';
import { type LogLine, logged } from './fixtures/log-lines.ts';
import { LOCKED, Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { until, untilFine } from './fixtures/wait.ts';

/** Some soak: F14 asks for 100 cycles, its goal of 10,000 is for a bench. */
const SOAK_CYCLES = 100;

it('F7, F8: over 20 locks and unlocks each flag moves exactly once per change, the persistent one first', async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const trace = new FlagTrace(sandbox);
  for (let cycle = 1; cycle <= 20; cycle += 1) {
    await sandbox.askAndWait('unlock', UNLOCKED);
    expect(sandbox.presence()).toBe('neither');
    await sandbox.askAndWait('lock', LOCKED);
    expect(sandbox.presence()).toBe('both');
  }
  await until('all moves were told', () => trace.moves.length >= 80);
  expect(trace.moves).toEqual(Array.from({ length: 40 }, () => ['persistent', 'volatile']).flat());
});

it('F8: an unlock is reported only once the persistent flag is gone', async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const { generation } = (await sandbox.host()).metadata;
  await sandbox.ask('unlock');
  await untilFine(async () => {
    const { observedGeneration } = (await sandbox.host()).status;
    if (observedGeneration === generation) return 'the unlock is not acknowledged';
    expect(sandbox.presence()).toBe('neither');
    return undefined;
  });
});

it('F12: each lock and unlock is logged once by controller and agent, with the network that brought it', async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const agentLogs: Finished[] = [];
  for (let cycle = 1; cycle <= 3; cycle += 1) {
    await sandbox.askAndWait('unlock', UNLOCKED);
    await sandbox.askAndWait('lock', LOCKED);
    // Asked for again: nothing changes, nothing is logged.
    await sandbox.askAndWait('lock', LOCKED);
    agentLogs.push(await sandbox.endAgent(cycle === 2 ? 'SIGKILL' : 'SIGTERM'));
    sandbox.startAgent();
    await sandbox.untilReady(LOCKED);
  }
  agentLogs.push(await sandbox.endAgent('SIGTERM'));
  const agentLines = agentLogs.flatMap(({ stderr }) => logged(stderr));
  const controllerLines = logged((await sandbox.endController('SIGTERM')).stderr);
  for (const message of ['host unlocked', 'host locked']) {
    // The host's registration as locked is a generation of its own: locked before and after it.
    const generations = message === 'host unlocked' ? [2, 4, 6] : [3, 5, 7];
    const expected = generations.map((generation) => ({ generation, network: 'local' }));
    expect(agentLines.filter(({ msg }) => msg === message).map(changeOf)).toEqual(expected);
    expect(controllerLines.filter(({ msg }) => msg === message).map(changeOf)).toMatchObject(
      generations.map((generation) => ({ generation })),
    );
    for (const line of controllerLines.filter(({ msg }) => msg === message)) {
      expect(line.network).toEqual(expect.any(String));
    }
  }
});

it(`F14: ${SOAK_CYCLES} cycles of lock and unlock without divergence, each asked for without waiting for the one before`, async () => {
  const sandbox = new Sandbox();
  await sandbox.startBoth();
  const { generation } = (await sandbox.host()).metadata;
  for (let cycle = 1; cycle <= SOAK_CYCLES; cycle += 1) {
    await sandbox.ask('unlock');
    if (cycle % 10 === 0) await sandbox.untilReady(UNLOCKED);
    if (cycle % 10 === 0) expect(sandbox.presence()).toBe('neither');
    await sandbox.ask('lock');
    if (cycle % 10 === 5) await sandbox.untilReady(LOCKED);
    if (cycle % 10 === 5) expect(sandbox.presence()).toBe('both');
  }
  const host = await sandbox.untilReady(LOCKED);
  expect(host.metadata.generation).toBe(generation + 2 * SOAK_CYCLES);
  expect(sandbox.presence()).toBe('both');
  expect(await sandbox.published()).toMatchObject({
    acknowledgedGeneration: host.metadata.generation,
    desired: { ...LOCKED, generation: host.metadata.generation },
  });
});

function changeOf({ generation, network }: LogLine): Readonly<Record<string, unknown>> {
  return { generation, network };
}
