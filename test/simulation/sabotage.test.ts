// Proves that the simulation sees: every known-bad variant of the production code is caught within 1,000 seeds.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SABOTAGES, type Sabotage } from './sabotage.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCES = [
  'desired-state',
  'reconcilers',
  'node-agent',
  'controller',
  'runtime',
  'test/simulation',
  'test/support/silent-monitor.ts',
  'package.json',
];
const SEEDS = 1_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-sabotage-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Two at once: as many as the smallest machine has cores.
describe.concurrent('the simulation catches it within 1,000 seeds when', () => {
  it('nothing is sabotaged: it is not caught', async () => {
    const { exitCode, output } = await simulate(copyOf('none'), 1, 10);
    expect(output).toContain('no invariant violated');
    expect(exitCode).toBe(0);
  });

  it.each(SABOTAGES.map((sabotage, index) => ({ ...sabotage, index })))(
    '$name',
    async ({ index, patches, from = 1 }) => {
      const copy = copyOf(String(index));
      for (const patch of patches) apply(copy, patch);
      const { exitCode, output } = await simulate(copy, from, SEEDS);
      expect(output).toMatch(/^seed \d+: (I\d+|convergence)/m);
      expect(exitCode).toBe(1);
    },
  );
});

/** The sources in a folder of their own, on which a patch harms nobody. */
function copyOf(name: string): string {
  const copy = join(folder, name);
  for (const source of SOURCES) cpSync(join(ROOT, source), join(copy, source), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function apply(copy: string, { file, find, replace }: Sabotage['patches'][number]): void {
  const path = join(copy, file);
  const parts = readFileSync(path, 'utf8').split(find);
  expect(parts, `${file}: expected exactly once: ${find}`).toHaveLength(2);
  writeFileSync(path, parts.join(replace));
}

function simulate(copy: string, from: number, seeds: number): Promise<{ exitCode: number; output: string }> {
  return new Promise((done) => {
    const args = [
      join(copy, 'test/simulation/main.ts'),
      '--from',
      String(from),
      '--seeds',
      String(seeds),
      '--workers',
      '1',
    ];
    execFile(process.execPath, args, { maxBuffer: 16_777_216 }, (error, stdout, stderr) => {
      done({
        exitCode: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
        output: stdout + stderr,
      });
    });
  });
}
