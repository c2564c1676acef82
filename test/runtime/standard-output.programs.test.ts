// What the real programs do where what they print can't be written.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readBootId } from '../../node-agent/linux/boot-id.ts';
import { readProcessStart } from '../../node-agent/linux/process-start.ts';
import { Program } from '../controller/fixtures/programs.ts';
import { tempFolder } from '../controller/fixtures/temp-folder.ts';
import { agentStatus } from '../node-agent/status-fixture.ts';

const BIN = join(import.meta.dirname, '../../bin');

let commands: Readonly<Record<string, readonly string[]>>;

/** The test stands in for an agent that runs: `lockstep-agent status` ends with 0. */
beforeEach(async () => {
  const root = tempFolder();
  const pidStartTicks = await readProcessStart(process.pid);
  const status = agentStatus({ pid: process.pid, bootId: await readBootId() });
  mkdirSync(join(root, 'run/lockstep'), { recursive: true });
  writeFileSync(join(root, 'run/lockstep/status.json'), JSON.stringify({ ...status, pidStartTicks }));
  commands = { lockstep: ['schema'], 'lockstep-agent': ['status', '--root', root] };
});

describe.each(['lockstep', 'lockstep-agent'])('%s', (program) => {
  it('ends well once nobody reads on', async () => {
    const running = new Program(program, commands[program] ?? []);
    running.closeOutput();
    const { code, stderr } = await running.end;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('fails on a full disk, and says so', async () => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(full));
    const running = spawn(join(BIN, program), commands[program] ?? [], { stdio: ['ignore', full, 'pipe'] });
    let said = '';
    running.stderr?.on('data', (data: Buffer) => {
      said += data.toString();
    });
    await once(running, 'close');
    expect(running.exitCode).toBe(1);
    expect(said).toMatch(new RegExp(`^${program}: standard output can't be written: ENOSPC[^\n]*\n$`));
  });
});
