import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { readProcessStart } from '../../../node-agent/linux/process-start.ts';

it('gives the same ticks for a process each time, and null once it ended', async () => {
  const child = spawn('sleep', ['60']);
  const start = await readProcessStart(child.pid ?? 0);
  expect(start).toBeGreaterThan(0);
  expect(await readProcessStart(child.pid ?? 0)).toBe(start);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(await readProcessStart(child.pid ?? 0)).toBeNull();
});

it('is not misled by a program whose name holds spaces and parentheses', async () => {
  const folder = mkdtempSync('/tmp/ls-start-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  copyFileSync('/bin/sleep', `${folder}/a) Z 1 (b`);
  const child = spawn(`${folder}/a) Z 1 (b`, ['60']);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('spawn', resolve));
  const own = await readProcessStart(process.pid);
  expect(await readProcessStart(child.pid ?? 0)).toBeGreaterThan(own ?? Number.POSITIVE_INFINITY);
});
