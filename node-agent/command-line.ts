// The command line of lockstep-agent, and with daemon.ts its composition root: turns flags and configuration into a daemon or a status.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { ERROR_CODES, LockstepError, messageOf } from '../desired-state/errors.ts';
import { openPinoLog } from '../runtime/pino-log.ts';
import { runDaemon } from '../runtime/program.ts';
import { VERSION } from '../runtime/version.ts';
import { type AgentConfig, type ConfigText, LOG_LEVELS, loadAgentConfig } from './config.ts';
import { startDaemon } from './daemon.ts';
import { readBootId } from './linux/boot-id.ts';
import { LinuxDisk } from './linux/disk.ts';
import { readProcessStart } from './linux/process-start.ts';
import { runStatusCommand } from './status-command.ts';

const EXAMPLES = `
Examples:
  lockstep-agent --host compute-0 --controller unix:/var/lib/lockstep-controller/controller.sock
  lockstep-agent --host compute-0 --controller unix:.lockstep/controller/controller.sock --root .lockstep/root
  lockstep-agent status --root .lockstep/root`;

interface CommonOptions {
  readonly host?: string;
  readonly controller?: string;
  readonly root?: string;
  readonly config?: string;
  readonly logLevel?: string;
}

/** Reads the command line and does what it says; a daemon then runs until a signal ends it. */
export async function run(): Promise<void> {
  const program = new Command('lockstep-agent')
    .description('Keeps this host in its desired state: flag files and services.')
    .version(VERSION)
    .allowExcessArguments(false)
    .showHelpAfterError('(lockstep-agent --help says more)')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  addCommonOptions(program).action(runAgent);
  const status = program
    .command('status')
    .description('show what the agent of this host knows and does, also without a controller')
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table'),
    )
    .exitOverride();
  addCommonOptions(status).action(async (_, command: Command) => showStatus(command.optsWithGlobals()));
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

function addCommonOptions(command: Command): Command {
  return command
    .option('--host <name>', "this host's name (default: the machine's)")
    .option('--controller <address>', 'unix:PATH of the controller; without one the host is alone')
    .option('--root <dir>', 'confine flags, services, gates, stateDir and runDir to this folder')
    .option('--config <file>', 'YAML configuration; flags win over it')
    .addOption(new Option('--log-level <level>', 'what is logged to stderr').choices([...LOG_LEVELS]));
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

async function showStatus(options: CommonOptions & { readonly output: 'table' | 'json' }): Promise<void> {
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
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  process.exitCode = result.exitCode;
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
