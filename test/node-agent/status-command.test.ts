import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxDisk } from '../../node-agent/linux/disk.ts';
import { readProcessStart } from '../../node-agent/linux/process-start.ts';
import { runStatusCommand, type StatusCommandOptions } from '../../node-agent/status-command.ts';
import type { AgentStatus } from '../../node-agent/status-file.ts';
import { agentStatus, NOW_MS } from './status-fixture.ts';

let runDir: string;
beforeEach(() => {
  runDir = mkdtempSync('/tmp/ls-status-');
});
afterEach(() => {
  rmSync(runDir, { recursive: true, force: true });
});

function store(status: AgentStatus, pidStartTicks: number | null = 99): void {
  writeFileSync(join(runDir, 'status.json'), JSON.stringify({ ...status, pidStartTicks }));
}

const run = (options: Partial<StatusCommandOptions> = {}) =>
  runStatusCommand({
    disk: new LinuxDisk(),
    runDir,
    output: 'table',
    nowMs: NOW_MS,
    bootId: 'boot-1',
    processStart: async () => 99,
    columns: undefined,
    ...options,
  });

describe('lockstep-agent status', () => {
  it('shows all that the agent knows and does', async () => {
    store(
      agentStatus({
        operations: [{ service: 'worker/nova', verb: 'start', since: '2026-01-01T01:59:57.000Z' }],
        blocked: ['start of worker/nova: the gates have not passed since this boot'],
        corrections: [
          {
            at: '2026-01-01T01:00:00.000Z',
            message: 'persistent flag restored: it was gone',
            latencyMs: 1_234,
          },
          { at: '2026-01-01T01:59:00.000Z', message: 'volatile flag restored: it was gone', latencyMs: 0.73 },
        ],
      }),
    );
    expect(await run()).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `\
Host:          compute-0 (controller, worker)
Agent:         running, pid 4711, up 2h, version 0.1.0
Desired:       locked, services disabled (generation 7)
Known from:    a controller said locked, services disabled (generation 7)
Acknowledged:  generation 7
Controller:    connected for 1h over network local
Flags:         volatile present, persistent present

Conditions:
  TYPE         STATUS  AGE  REASON  MESSAGE
  FlagsInSync  True    30m  InSync  both flags are present

Services:
  NAME  SET         STATE    MESSAGE
  sm    controller  stopped

Operations:
  SERVICE      VERB   AGE
  worker/nova  start  3s

Blocked:
  WHY
  start of worker/nova: the gates have not passed since this boot

Corrections:
  AGE  LATENCY  WHAT
  1m   0.7ms    volatile flag restored: it was gone
  1h   1.2s     persistent flag restored: it was gone
`,
    });
  });

  it('says what is left as it is, and that no controller is configured or reached', async () => {
    const desired = {
      generation: 0,
      locked: null,
      servicesEnabled: null,
      source: 'nothing',
      message: 'nothing is known',
    } as const;
    store(agentStatus({ desired, acknowledgedGeneration: 0, links: [] }));
    const { stdout } = await run();
    expect(stdout).toContain('Desired:       flags left as they are, services left as they are\n');
    expect(stdout).toContain('Acknowledged:  nothing yet\n');
    expect(stdout).toContain('Controller:    none configured\n');
    const since = '2026-01-01T01:00:00.000Z';
    store(agentStatus({ links: [{ network: 'local', state: 'disconnected', since, message: 'no socket' }] }));
    expect((await run()).stdout).toContain('disconnected for 1h over network local: no socket\n');
  });

  it('prints the document with -o json', async () => {
    store(agentStatus());
    const { exitCode, stdout } = await run({ output: 'json' });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ ...agentStatus(), pidStartTicks: 99 });
  });

  it.each<[string, Partial<StatusCommandOptions>, string]>([
    ['its process is gone', { processStart: async () => null }, 'its process 4711 is gone;'],
    [
      'another process has its pid',
      { processStart: async () => 100 },
      'its process 4711 is gone, another one has that pid now;',
    ],
    ['the host was rebooted', { bootId: 'boot-2' }, 'the host was rebooted since;'],
  ])('exits 1 and still shows the last known when %s', async (_, options, why) => {
    store(agentStatus());
    for (const output of ['table', 'json'] as const) {
      const { exitCode, stdout, stderr } = await run({ ...options, output });
      expect(exitCode).toBe(1);
      expect(stdout).toContain('compute-0');
      expect(stderr).toBe(`lockstep-agent is not running: ${why} this is what it last knew, 1m ago\n`);
    }
    expect((await run(options)).stdout).toContain('Agent:         not running; pid 4711');
  });

  it('goes by the pid alone where the start of its process or the boot is unknown', async () => {
    store(agentStatus(), null);
    expect((await run({ bootId: undefined, processStart: async () => 5 })).exitCode).toBe(0);
  });

  it('knows a real process by its start', async () => {
    store(agentStatus({ pid: process.pid }), await readProcessStart(process.pid));
    expect((await run({ processStart: readProcessStart })).exitCode).toBe(0);
    store(agentStatus({ pid: process.pid }), 1);
    expect((await run({ processStart: readProcessStart })).exitCode).toBe(1);
  });

  it('exits 1 and says where it looked when nothing is known', async () => {
    const { exitCode, stdout, stderr } = await run();
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain(`expected the status of lockstep-agent at ${runDir}/status.json, found nothing`);
  });

  it('exits 1 with a clear error when the file is damaged or no file', async () => {
    writeFileSync(join(runDir, 'status.json'), '{"kind": 1');
    expect(await run()).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('as JSON'),
    });
    rmSync(join(runDir, 'status.json'));
    mkdirSync(join(runDir, 'status.json'));
    expect((await run()).stderr).toContain('expected a regular file');
  });

  it('cuts lines to the terminal and shows no control characters of scripts', async () => {
    const status = agentStatus();
    const message = `one\ntwo\u001b[2J\u202e ${'x'.repeat(200)}`;
    status.status.services = [{ name: 'sm', set: 'controller', state: 'failed', message }];
    store(status);
    expect((await run()).stdout).toContain('one two [2J  xxx');
    const { stdout } = await run({ columns: 60 });
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBe(60);
    expect(stdout).toContain('x…\n');
    expect((await run({ columns: 0 })).stdout).not.toContain('…');
  });
});
