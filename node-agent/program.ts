// The command line of lockstep-agent: its commands, options and help. It runs nothing: what each command does is handed in.
import { Command, Option } from 'commander';
import { VERSION } from '../runtime/version.ts';
import { LOG_LEVELS } from './config.ts';

export interface CommonOptions {
  readonly host?: string;
  readonly controller?: string;
  readonly root?: string;
  readonly config?: string;
  readonly logLevel?: string;
}

export interface StatusOptions extends CommonOptions {
  readonly output: 'table' | 'json';
}

/** What the commands do. */
export interface AgentCommands {
  run(options: CommonOptions): Promise<void>;
  status(options: StatusOptions): Promise<void>;
}

const HELP = `
Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage or configuration.

Examples:
  lockstep-agent --host compute-0 --controller unix:/var/lib/lockstep-controller/controller.sock
  lockstep-agent --host compute-0 --controller unix:.lockstep/controller/controller.sock --root .lockstep/root
  lockstep-agent status --root .lockstep/root`;

const STATUS_HELP = `
Exit codes: 0 the agent runs, 1 it does not (what it last knew is shown all the same) or nothing is known, 2 wrong usage or configuration.

Examples:
  lockstep-agent status
  lockstep-agent status --root .lockstep/root -o json`;

/** @returns the program; parsing throws CommanderError for wrong usage and for help, and whatever a command throws. */
export function buildProgram(commands: AgentCommands): Command {
  const program = new Command('lockstep-agent')
    .description('Keeps this host in its desired state: flag files and services.')
    .version(VERSION)
    .allowExcessArguments(false)
    .showHelpAfterError('(lockstep-agent --help says more)')
    .addHelpText('after', HELP)
    .exitOverride();
  addCommonOptions(program).action((options: CommonOptions) => commands.run(options));
  const status = program
    .command('status')
    .description('show what the agent of this host knows and does, also without a controller')
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table'),
    )
    .addHelpText('after', STATUS_HELP)
    .exitOverride();
  addCommonOptions(status).action((_, command: Command) => commands.status(command.optsWithGlobals()));
  return program;
}

function addCommonOptions(command: Command): Command {
  return command
    .option('--host <name>', "this host's name (default: the machine's)")
    .option('--controller <address>', 'unix:PATH of the controller; without one the host is alone')
    .option('--root <dir>', 'confine flags, services, gates, stateDir and runDir to this folder')
    .option('--config <file>', 'YAML configuration; flags win over it')
    .addOption(new Option('--log-level <level>', 'what is logged to stderr').choices([...LOG_LEVELS]));
}
