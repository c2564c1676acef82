import { existsSync, statSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import {
  MAX_OUTPUT_BYTES,
  openOutput,
  readTail,
  removeIfThere,
  TAIL_CHARACTERS,
  trimOutput,
} from '../../../../node-agent/linux/scripts/output-files.ts';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

describe('the tail', () => {
  it.each([
    ['begins where the run did', 'before', 'of the run', 'of the run'],
    ['is the last characters', '', 'x'.repeat(3_000), 'x'.repeat(TAIL_CHARACTERS)],
    ['does not begin with half a character', '', `${'ä'.repeat(2_000)}b`.repeat(2), `${'ä'.repeat(1_023)}b`],
    ['is empty for a run that printed nothing', 'before', '', ''],
  ])('%s', async (_, before, printed, expected) => {
    const path = sandbox.file('x.log', before + printed);
    expect(await readTail(path, before.length)).toBe(expected);
  });

  it('is what is left when the file was cut meanwhile', async () => {
    expect(await readTail(sandbox.file('x.log', 'rest'), 1_000)).toBe('rest');
  });

  it('is empty when there is no file, or a folder', async () => {
    expect(await readTail(sandbox.path('x.log'), 0)).toBe('');
    expect(await readTail(sandbox.root, 0)).toBe('');
  });
});

describe('an output file', () => {
  it('is cut when it is over the limit, and a writer goes on at its new end', async () => {
    const path = sandbox.path('output/x.log');
    const { file } = await openOutput(new LinuxDisk(), path);
    await file.write('x'.repeat(MAX_OUTPUT_BYTES));
    await trimOutput(path);
    expect(statSync(path).size).toBe(MAX_OUTPUT_BYTES);
    await file.write('y');
    await trimOutput(path);
    await file.write('after');
    await file.close();
    expect(sandbox.read('output/x.log')).toBe('after');
  });

  it('may be absent', async () => {
    await trimOutput(sandbox.path('none'));
    await removeIfThere(new LinuxDisk(), sandbox.path('none'));
  });

  it('is removed', async () => {
    const path = sandbox.file('x.log', 'x');
    await removeIfThere(new LinuxDisk(), path);
    expect(existsSync(path)).toBe(false);
  });
});
