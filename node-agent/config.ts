// The agent's configuration: defaults, then the YAML file, then the command line's flags, each winning over the one before.
// Pure but for the lazy import of the YAML parser: reading the file, the host's name and the working folder is main's.
import { resolve } from 'node:path/posix';
import { z } from 'zod';
import { durationSchema, parseDurationMs } from '../desired-state/duration.ts';
import { LockstepError } from '../desired-state/errors.ts';
import { hostNameSchema, ROLES, type Role, roleSchema } from '../desired-state/host.ts';
import { parseOrThrow } from '../desired-state/parse.ts';
import { underRoot } from './root-prefix.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** All paths are absolute; those of the host (flags, services, gates, stateDir, runDir) lie below `root` already. */
export interface AgentConfig {
  readonly host: string;
  /** The controller's unix socket; null: this host is alone. Not below `root`. */
  readonly controllerSocket: string | null;
  /** `/` where there is no sandbox. */
  readonly root: string;
  /** In the order of their sets: controller, worker, storage. */
  readonly roles: readonly Role[];
  readonly flags: { readonly volatile: string; readonly persistent: string };
  readonly services: { readonly scripts: string; readonly timeoutMs: number };
  readonly gates: string;
  readonly resyncIntervalMs: number;
  readonly bootGraceMs: number;
  readonly stateDir: string;
  readonly runDir: string;
  readonly logLevel: LogLevel;
}

/** What the command line said. `root` and the path in `controller` may be relative to the working folder. */
export interface AgentFlags {
  readonly host?: string | undefined;
  readonly controller?: string | undefined;
  readonly root?: string | undefined;
  readonly logLevel?: string | undefined;
}

/** The text of `--config`, and its name for messages. */
export interface ConfigText {
  readonly name: string;
  readonly text: string;
}

/** What the configuration falls back on. */
export interface Machine {
  /** As the kernel gives it: cut to its first label and lower-cased here. */
  readonly hostname: string;
  /** The working folder, absolute. */
  readonly cwd: string;
}

/** @throws LockstepError `Invalid`, naming the file (and line, where it is no YAML), the field, what was expected and what was found. */
export async function loadAgentConfig(
  flags: AgentFlags,
  file: ConfigText | undefined,
  machine: Machine,
): Promise<AgentConfig> {
  const fromFile = file === undefined ? {} : await parseConfigFile(file);
  const fromFlags = parseOrThrow(flagsSchema, flags, 'command line');
  const config = merge(fromFile, fromFlags, machine);
  refuseOverlaps(config, file?.name ?? 'command line');
  return config;
}

const SOCKET_PREFIX = 'unix:';
/** Far above any real file; a wrong --config must not fill the memory. */
const MAX_CONFIG_CHARACTERS = 1_048_576;

const absolutePathSchema = z
  .string()
  .max(4_000)
  .refine((path) => path.startsWith('/') && resolve(path) !== '/' && !path.includes('\0'), {
    error: 'expected an absolute path other than /',
  })
  .meta({ title: 'absolute path' });
const controllerSchema = z.string().refine((text) => /^unix:[^\0]+$/.test(text), {
  error: "expected unix:PATH, the controller's socket",
});
const levelSchema = z.enum(LOG_LEVELS);

function durationBetween(min: string, max: string): z.ZodType<number, string> {
  const minMs = parseDurationMs(min) ?? Number.NaN;
  const maxMs = parseDurationMs(max) ?? Number.NaN;
  const error = `expected a duration from ${min} to ${max}, such as 250ms, 5s or 2m`;
  return z
    .string({ error })
    .refine(
      (text) => {
        const ms = parseDurationMs(text);
        return ms !== undefined && ms >= minMs && ms <= maxMs;
      },
      { error },
    )
    .pipe(durationSchema)
    .meta({ title: `duration from ${min} to ${max}` });
}

/** The file of `--config`. Its descriptions are what docs/reference/config.md says of each field, their titles the types. */
export const fileSchema = z
  .strictObject({
    host: hostNameSchema.meta({ title: 'RFC 1123 label' }).describe('The name of this host.'),
    controller: controllerSchema
      .refine((text) => text.startsWith(`${SOCKET_PREFIX}/`), {
        error: 'expected unix:PATH with an absolute path',
      })
      .meta({ title: '`unix:` and an absolute path' })
      .describe(
        "The controller's socket. It does not lie below `root`. Without one the host is alone: it keeps itself in the state that it remembers.",
      ),
    root: z
      .string()
      .startsWith('/', { error: 'expected an absolute path' })
      .meta({ title: 'absolute path' })
      .describe(
        'A sandbox: every path below but `controller` is taken as inside this folder, and nothing outside is written.',
      ),
    roles: z
      .array(roleSchema)
      .min(1, { error: 'expected at least one role' })
      .refine((roles) => new Set(roles).size === roles.length, { error: 'expected each role once' })
      .describe(
        'What this host is; an all-in-one host has two. Each role has the service set and the gates of its name.',
      ),
    flags: z
      .strictObject({
        volatile: absolutePathSchema.describe('The flag file that a reboot clears.'),
        persistent: absolutePathSchema.describe('The flag file that stays. It is changed first, durably.'),
      })
      .partial(),
    services: z
      .strictObject({
        scripts: absolutePathSchema.describe('The folder of the service sets, one folder per role.'),
        timeout: durationBetween('100ms', '1h').describe(
          'A script that runs longer is ended with all its children.',
        ),
      })
      .partial(),
    gates: absolutePathSchema.describe(
      'The folder of the scripts that must pass before the first start after a boot; those of a role lie in its folder.',
    ),
    // Shorter would cost the host more than it heals; longer is no self-healing any more.
    resyncInterval: durationBetween('100ms', '5m').describe(
      'How often flags and services are looked at without any event, start to start.',
    ),
    bootGrace: durationBetween('0s', '5m').describe(
      'After a boot, a host that remembers that its services are enabled waits that long for a controller to say otherwise.',
    ),
    stateDir: absolutePathSchema.describe(
      'Where the agent remembers the desired state; it must outlive a reboot.',
    ),
    runDir: absolutePathSchema.describe('Where the agent keeps its status and what it knows of this boot.'),
    logLevel: levelSchema.describe('What is logged to stderr.'),
  })
  .partial();
type ConfigFile = z.infer<typeof fileSchema>;

const flagsSchema = z.strictObject({
  host: hostNameSchema.optional(),
  controller: controllerSchema.optional(),
  root: z.string().min(1).optional(),
  logLevel: levelSchema.optional(),
});

async function parseConfigFile(file: ConfigText): Promise<ConfigFile> {
  if (file.text.length > MAX_CONFIG_CHARACTERS) {
    throw new LockstepError(
      'Invalid',
      `${file.name}: expected a configuration of at most ${MAX_CONFIG_CHARACTERS} characters, found ${file.text.length}`,
    );
  }
  // Lazily: without a file the parser's memory is never spent.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(file.text, { prettyErrors: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    const what = problem.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '');
    throw new LockstepError(
      'Invalid',
      `${file.name}${line === undefined ? '' : `:${line}`}: expected YAML, found: ${what}`,
      { cause: problem },
    );
  }
  return parseOrThrow(fileSchema, toJs(file, () => document.toJS()) ?? {}, file.name);
}

/** Aliases are resolved here, and too many of them throw. */
function toJs(file: ConfigText, convert: () => unknown): unknown {
  try {
    return convert();
  } catch (cause) {
    throw new LockstepError('Invalid', `${file.name}: expected YAML, found: ${String(cause)}`, { cause });
  }
}

function merge(file: ConfigFile, flags: z.infer<typeof flagsSchema>, machine: Machine): AgentConfig {
  const root = resolve(machine.cwd, flags.root ?? file.root ?? '/');
  const controller = flags.controller ?? file.controller;
  const below = (path: string) => underRoot(root, path);
  return {
    host: flags.host ?? file.host ?? defaultHost(machine.hostname),
    controllerSocket:
      controller === undefined ? null : resolve(machine.cwd, controller.slice(SOCKET_PREFIX.length)),
    root,
    roles: ROLES.filter((role) => (file.roles ?? ['worker']).includes(role)),
    flags: {
      volatile: below(file.flags?.volatile ?? '/var/run/.node_locked'),
      persistent: below(file.flags?.persistent ?? '/etc/mtc/tmp/.node_locked'),
    },
    services: {
      scripts: below(file.services?.scripts ?? '/etc/services.d'),
      timeoutMs: file.services?.timeout ?? 60_000,
    },
    gates: below(file.gates ?? '/etc/goenabled.d'),
    resyncIntervalMs: file.resyncInterval ?? 5_000,
    bootGraceMs: file.bootGrace ?? 2_000,
    stateDir: below(file.stateDir ?? '/var/lib/lockstep'),
    runDir: below(file.runDir ?? '/run/lockstep'),
    logLevel: flags.logLevel ?? file.logLevel ?? 'info',
  };
}

function defaultHost(hostname: string): string {
  const name = hostname.split('.')[0]?.toLowerCase() ?? '';
  if (hostNameSchema.safeParse(name).success) return name;
  throw new LockstepError(
    'Invalid',
    `host: expected this machine's name to be an RFC 1123 label, found ${JSON.stringify(hostname)}: give one with --host or in the configuration`,
  );
}

/** A flag is a file: it can't be another one's place, nor the folder of anything. The two folders hold locks of the same name. */
function refuseOverlaps(config: AgentConfig, where: string): void {
  const flags = { 'flags.volatile': config.flags.volatile, 'flags.persistent': config.flags.persistent };
  const folders = {
    'services.scripts': config.services.scripts,
    gates: config.gates,
    stateDir: config.stateDir,
    runDir: config.runDir,
  };
  for (const [flagField, flag] of Object.entries(flags)) {
    for (const [field, path] of Object.entries({ ...flags, ...folders })) {
      if (field === flagField || !isAtOrBelow(path, flag)) continue;
      throw new LockstepError(
        'Invalid',
        `${where}: ${field}: expected a path that is neither ${flagField} (${flag}) nor inside it, found ${path}`,
      );
    }
  }
  if (config.stateDir === config.runDir) {
    throw new LockstepError(
      'Invalid',
      `${where}: runDir: expected another folder than stateDir, found ${config.runDir} for both`,
    );
  }
}

function isAtOrBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}/`);
}
