// What every command of the CLI shares: the controller to ask, the terminal to write to, the clock, and its common options.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../../desired-state/duration.ts';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import { hostNameSchema, type Labels, MAX_REASON } from '../../desired-state/host.ts';
import { parseLabelSelector, selectorOf } from '../targets.ts';
import type { ApiClient } from './api-client.ts';
import type { Limit } from './deadline.ts';
import type { Terminal } from './terminal.ts';

export interface Cli {
  readonly terminal: Terminal;
  /** The controller that the command line asks for; each call to it ends by `limit`. @throws LockstepError `Usage` for a bad address. */
  client(limit?: Limit): ApiClient;
  /** Does `work` to its end though nobody reads any more what it prints: what changes many hosts must not stop in the middle. */
  whole<T>(work: () => Promise<T>): Promise<T>;
  /** Standard input, for a command that reads it. */
  stdin(): AsyncIterable<Uint8Array>;
  /** Wall clock, ms since the epoch. */
  now(): number;
}

/** Which hosts a command speaks of, as the API takes it. */
export type TargetBody =
  | { readonly names: string[] }
  | { readonly labelSelector: string }
  | { readonly all: true };

export interface TargetOptions {
  readonly selector?: Labels;
  readonly all?: true;
}

/** Adds `[names...]`, -l and --all. */
export function addTargets(command: Command): Command {
  return command
    .argument('[names...]', 'hosts', parseNames)
    .addOption(labelOption('-l, --selector <key=value,...>', 'the hosts that have these labels'))
    .option('--all', 'every host');
}

/** @throws LockstepError `Usage` unless exactly one of names, labels and --all is given. */
export function readTargets(names: readonly string[], { selector, all }: TargetOptions): TargetBody {
  const given = [names.length > 0, selector !== undefined, all === true].filter(Boolean).length;
  if (given !== 1) {
    const found = given === 0 ? 'none' : 'several';
    throw new LockstepError(
      'Usage',
      `expected one of NAME..., -l key=value and --all, found ${found} of them`,
    );
  }
  if (names.length > 0) return { names: [...names] };
  return selector === undefined ? { all: true } : { labelSelector: selectorOf(selector) };
}

/** An option that may be given several times; its labels add up, each key once. */
export function labelOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string, before: Labels | undefined): Labels => {
    // As one text: a key that is there twice is refused however it is given.
    const all = before === undefined ? text : `${selectorOf(before)},${text}`;
    return orInvalidArgument(() => parseLabelSelector(all));
  });
}

export function timeoutOption(): Option {
  return new Option('--timeout <duration>', 'give up waiting after that long (250ms, 30s, 5m; 0s: look once)')
    .default(30_000, '30s')
    .argParser((text) => {
      const ms = parseDurationMs(text);
      if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 250ms, 30s or 5m.');
      return ms;
    });
}

export function outputOption(...choices: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to show it').choices(choices).default('table');
}

export function reasonOption(): Option {
  return new Option('--reason <text>', 'why, for whoever looks at the host later').argParser((text) => {
    if (text !== '' && text.length <= MAX_REASON) return text;
    throw new InvalidArgumentError(`Expected 1 to ${MAX_REASON} characters, found ${text.length}.`);
  });
}

/** What the CLI prints before a host's name. */
export const HOST_PREFIX = 'host/';

/** For commander: one host name, or host/NAME as it is printed. @throws InvalidArgumentError unless it is an RFC 1123 label. */
export function parseName(text: string): string {
  const name = text.startsWith(HOST_PREFIX) ? text.slice(HOST_PREFIX.length) : text;
  if (hostNameSchema.safeParse(name).success) return name;
  throw new InvalidArgumentError(
    'Expected a host name: lower-case letters, digits and -, at most 63 (an RFC 1123 label).',
  );
}

/** For commander: one more name of a list. */
export function parseNames(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), parseName(text)];
}

/**
 * For commander: the kind of what is asked for, which is host or hosts, or host/NAME as this program prints it.
 * @returns the names in it. @throws LockstepError `Usage` for anything else.
 */
export function parseKind(text: string): readonly string[] {
  if (text === 'host' || text === 'hosts') return [];
  if (text.startsWith(HOST_PREFIX)) return [parseName(text)];
  throw new LockstepError('Usage', `expected host or hosts, found ${JSON.stringify(text)}`);
}

function orInvalidArgument<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
