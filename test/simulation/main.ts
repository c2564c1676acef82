// `npm run simulate -- --seeds N [--from N] [--workers N]` or `--seed N`: runs seeds on every core (or on N), stops at the first failure and prints it.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runSeed, type SeedResult } from './run-seed.ts';

if (isMainThread) await main();
else
  await runSeeds(workerData.from, workerData.to, workerData.step, (result) =>
    parentPort?.postMessage(result),
  );

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      seed: { type: 'string' },
      workers: { type: 'string' },
    },
  });
  const from = number(values.seed ?? values.from ?? '1');
  const count = values.seed === undefined ? number(values.seeds ?? '1000') : 1;
  const beganMs = performance.now();
  const workers = Math.min(number(values.workers ?? String(availableParallelism())), count);
  const results = await runAll(from, from + count, workers);
  const failure = results.find((result) => result.failure !== undefined);
  const simulatedHours = results.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000;
  const seconds = (performance.now() - beganMs) / 1_000;
  if (failure !== undefined) process.stdout.write(`${failure.failure}\n`);
  process.stdout.write(
    `${results.length} seeds, ${simulatedHours.toFixed(1)} simulated hours in ${seconds.toFixed(1)} s: ${failure === undefined ? 'no invariant violated' : `seed ${failure.seed} failed`}\n`,
  );
  process.exitCode = failure === undefined ? 0 : 1;
}

async function runAll(from: number, to: number, count: number): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  if (count === 1) {
    await runSeeds(from, to, 1, (result) => results.push(result));
    return results;
  }
  const workers = Array.from(
    { length: count },
    (_, index) =>
      new Worker(new URL(import.meta.url), { workerData: { from: from + index, to, step: count } }),
  );
  const stopAll = () => Promise.all(workers.map((worker) => worker.terminate()));
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.on('message', (result: SeedResult) => {
            results.push(result);
            if (result.failure !== undefined) void stopAll();
          });
          worker.on('error', reject);
          worker.on('exit', () => resolve());
        }),
    ),
  );
  return results.sort((a, b) => a.seed - b.seed);
}

/** Runs every `step`th seed, up to the first that fails. */
async function runSeeds(
  from: number,
  to: number,
  step: number,
  tell: (result: SeedResult) => void,
): Promise<void> {
  for (let seed = from; seed < to; seed += step) {
    const result = await runSeed(seed);
    tell(result);
    if (result.failure !== undefined) return;
  }
}

function number(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`simulate: expected a whole number, found ${JSON.stringify(text)}\n`);
  process.exit(2);
}
