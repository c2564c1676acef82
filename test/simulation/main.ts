// `npm run simulate -- --seeds N [--from N]` or `--seed N`: runs seeds on every core, stops at the first failure and prints it.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runSeed, type SeedResult } from './run-seed.ts';

if (isMainThread) await main();
else await work(workerData.from, workerData.to, workerData.step);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' } },
  });
  const from = number(values.seed ?? values.from ?? '1');
  const count = values.seed === undefined ? number(values.seeds ?? '1000') : 1;
  const beganMs = performance.now();
  const results = await runAll(from, from + count);
  const failure = results.find((result) => result.failure !== undefined);
  const simulatedHours = results.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000;
  const seconds = (performance.now() - beganMs) / 1_000;
  if (failure !== undefined) process.stdout.write(`${failure.failure}\n`);
  process.stdout.write(
    `${results.length} seeds, ${simulatedHours.toFixed(1)} simulated hours in ${seconds.toFixed(1)} s: ${failure === undefined ? 'no invariant violated' : `seed ${failure.seed} failed`}\n`,
  );
  process.exitCode = failure === undefined ? 0 : 1;
}

async function runAll(from: number, to: number): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  const workers = Array.from({ length: Math.min(availableParallelism(), to - from) }, (_, index) => {
    const step = Math.min(availableParallelism(), to - from);
    return new Worker(new URL(import.meta.url), { workerData: { from: from + index, to, step } });
  });
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

async function work(from: number, to: number, step: number): Promise<void> {
  for (let seed = from; seed < to; seed += step) {
    parentPort?.postMessage(await runSeed(seed));
    // Lets the message out, and a stop in.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function number(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`simulate: expected a whole number, found ${JSON.stringify(text)}\n`);
  process.exit(2);
}
