// With daemon.ts the composition root of lockstep-agent: turns its command line and configuration into a daemon or a status.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { CommanderError } from 'commander';
import { ERROR_CODES, LockstepError, messageOf } from '../desired-state/errors.ts';
import { openPinoLog } from '../runtime/pino-log.ts';
import { runDaemon } from '../runtime/program.ts';
import { endWhenNothingCanBeWritten } from '../runtime/standard-output.ts';
import { VERSION } from '../runtime/version.ts';
import { type AgentConfig, type ConfigText, loadAgentConfig } from './config.ts';
import { startDaemon } from './daemon.ts';
import { readBootId } from './linux/boot-id.ts';
import { LinuxDisk } from './linux/disk.ts';
import { readProcessStart } from './linux/process-start.ts';
import { buildProgram, type CommonOptions, type StatusOptions } from './program.ts';
import { runStatusCommand } from './status-command.ts';

/** Reads the command line and does what it says; a daemon then runs until a signal ends it. */
export async function run(): Promise<void> {
  const program = buildProgram({ run: runAgent, status: showStatus });
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exit(error.exitCode === 0 ? 0 : ERROR_CODES.Usage.exitCode);
    }
    process.stderr.write(`lockstep-agent: ${messageOf(error)}\n`);
    // A configuration that can't be used is wrong usage of this program.
    const isUsage = error instanceof LockstepError && error.code === 'Invalid';
    process.exit(isUsage ? ERROR_CODES.Usage.exitCode : ERROR_CODES.Failed.exitCode);
  }
}

async function runAgent(options: CommonOptions): Promise<void> {
  const config = await readConfig(options);
  const output = await openPinoLog({
    program: 'lockstep-agent',
    level: config.logLevel,
    fields: { host: config.host },
  });
  await runDaemon('agent', output, () => startDaemon(config, VERSION, output.log));
}

async function showStatus(options: StatusOptions): Promise<void> {
  endWhenNothingCanBeWritten('lockstep-agent');
  const { runDir } = await readConfig(options);
  const result = await runStatusCommand({
    disk: new LinuxDisk(),
    runDir,
    output: options.output,
    nowMs: Date.now(),
    bootId: await readBootId().catch(() => undefined),
    processStart: readProcessStart,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  });
  // First: a reader that goes ends the program.
  process.exitCode = result.exitCode;
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
}

async function readConfig({ config, ...flags }: CommonOptions): Promise<AgentConfig> {
  const file = config === undefined ? undefined : await readConfigFile(config);
  const { host, controller, root, logLevel } = flags;
  return loadAgentConfig({ host, controller, root, logLevel }, file, {
    hostname: hostname(),
    cwd: process.cwd(),
  });
}

async function readConfigFile(name: string): Promise<ConfigText> {
  try {
    return { name, text: await readFile(name, 'utf8') };
  } catch (cause) {
    throw new LockstepError(
      'Invalid',
      `--config ${name}: expected a readable file, found ${messageOf(cause)}`,
      { cause },
    );
  }
}
