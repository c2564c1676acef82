// promtool's word on what deploy/ holds and on what both programs really give. Skipped where promtool is not installed, unless LOCKSTEP_REQUIRE_TOOLS says
// that it must be (CI): Debian has it in the package `prometheus`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CONTROLLER_METRICS } from '../../controller/metrics/metric-definitions.ts';
import { AGENT_METRICS } from '../../node-agent/metrics/metric-definitions.ts';
import { ControllerProcess, Program } from '../controller/fixtures/programs.ts';
import { tempFolder } from '../controller/fixtures/temp-folder.ts';
import { parseExposition } from '../support/prometheus-text.ts';
import { PROMETHEUS_CONFIG_PATH, RULES_PATH, RULES_TEST_PATHS } from './deployed-queries.ts';

const isRequired = process.env.LOCKSTEP_REQUIRE_TOOLS !== undefined;
const isThere = spawnSync('promtool', ['--version']).error === undefined;
const describeWithPromtool = describe.skipIf(!isThere && !isRequired);

/** What it said; `input` is its standard input. @throws Error when it is not there. */
function promtool(
  args: readonly string[],
  input = '',
): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  if (error !== undefined)
    throw new Error('expected promtool (Debian: package prometheus)', { cause: error });
  return { code: status, said: stdout + stderr };
}

describeWithPromtool('promtool', () => {
  it.each([
    ['the rules', ['check', 'rules', RULES_PATH]],
    ['the tests of the rules', ['test', 'rules', ...RULES_TEST_PATHS]],
    ['the sample configuration', ['check', 'config', PROMETHEUS_CONFIG_PATH]],
  ])('accepts %s', (_, args) => {
    const { code, said } = promtool(args);
    expect(said).toMatch(/SUCCESS/);
    expect(code).toBe(0);
  });

  it('finds fault with metrics that are badly named: it is really asked', () => {
    expect(promtool(['check', 'metrics'], '# TYPE a_total gauge\na_total 1\n').code).not.toBe(0);
  });
});

describe('the programs', () => {
  it('really give every metric that is defined, in a text that promtool finds no fault with', async () => {
    const folder = tempFolder();
    const controller = await ControllerProcess.start(join(folder, 'data'));
    onTestFinished(async () => {
      await controller.stop('SIGKILL');
    });
    const agent = startAgent(folder, controller.socketPath);
    await agent.said('connected to a controller');
    rmSync(join(folder, 'root/var/run/.node_locked'));
    const corrections = async () => (await controller.cli('events', '-o', 'json')).stdout;
    await expect.poll(corrections, { timeout: 10_000, interval: 100 }).toContain('FlagRestored');
    const path = join(folder, 'root/run/lockstep/lockstep-agent.prom');
    await expect.poll(() => existsSync(path), { timeout: 10_000, interval: 20 }).toBe(true);
    // As it stops it writes once more: by then every metric has something to tell.
    await agent.stop('SIGTERM');
    const fromAgent = readFileSync(path, 'utf8');
    const { code, stdout: fromController } = await controller.cli('metrics');

    expect(code).toBe(0);
    expect(namesIn(fromAgent)).toEqual(namesOf(AGENT_METRICS));
    expect(namesIn(fromController)).toEqual(namesOf(CONTROLLER_METRICS));
    expect(parseExposition(fromAgent).value('lockstep_agent_running')).toBe(0);
    expect(parseExposition(fromController).value('lockstep_hosts')).toBe(1);
    const { value } = parseExposition(fromController);
    expect(value('lockstep_corrections_total', { reason: 'FlagRestored' })).toBeGreaterThan(0);
    if (!isThere && !isRequired) return;
    expect(promtool(['check', 'metrics'], fromAgent)).toEqual({ code: 0, said: '' });
    expect(promtool(['check', 'metrics'], fromController)).toEqual({ code: 0, said: '' });
  });
});

function startAgent(folder: string, socketPath: string): Program {
  const agent = new Program('lockstep-agent', [
    ...['--host', 'compute-0', '--controller', `unix:${socketPath}`],
    ...['--root', join(folder, 'root')],
  ]);
  onTestFinished(async () => {
    await agent.stop('SIGKILL');
  });
  return agent;
}

function namesIn(text: string): readonly string[] {
  return parseExposition(text)
    .families.map(({ name }) => name)
    .sort();
}

function namesOf(definitions: Readonly<Record<string, { readonly name: string }>>): readonly string[] {
  return Object.values(definitions)
    .map(({ name }) => name)
    .sort();
}
