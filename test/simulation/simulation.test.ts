// 1,000 seeds of the whole simulation, on every core; `npm run simulate -- --seeds N` runs any number.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('holds I1-I10 at every step of 1,000 seeds, and converges within two resyncs after each', async () => {
  const { exitCode, output } = await new Promise<{ exitCode: number; output: string }>((done) => {
    const args = [join(import.meta.dirname, 'main.ts'), '--seeds', '1000'];
    execFile(process.execPath, args, { maxBuffer: 16_777_216 }, (error, stdout, stderr) => {
      done({ exitCode: error === null ? 0 : 1, output: stdout + stderr });
    });
  });
  expect(output).toContain('1000 seeds');
  expect(output).toContain('no invariant violated');
  expect(exitCode).toBe(0);
}, 300_000);
