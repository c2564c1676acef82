// What `npm start -- ...` was told. Pure.
import { parseArgs } from 'node:util';
import { parseDurationMs } from '../desired-state/duration.ts';
import { LockstepError, messageOf } from '../desired-state/errors.ts';

export interface CommandLine {
  /** The sandbox's folder as it was given; undefined: .lockstep in the checkout. */
  readonly dir: string | undefined;
  /** Make drift for this long; undefined: stay and show until ended. */
  readonly driftMs: number | undefined;
  readonly isHelp: boolean;
}

export const USAGE = `Usage: npm start                  a controller and an agent in .lockstep/, shown until Ctrl-C
       npm start -- --for 20s     makes drift for that long and measures each correction

  --for DURATION   such as 20s, 1500ms or 2m
  --dir DIR        the sandbox's folder (default: .lockstep in the checkout)
  --help           this text
`;

/** @throws LockstepError `Usage`. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parse(args);
  const { dir, for: duration, help } = values;
  if (dir === '') throw new LockstepError('Usage', '--dir: expected a folder, found nothing');
  return { dir, driftMs: duration === undefined ? undefined : parseDrift(duration), isHelp: help === true };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { for: { type: 'string' }, dir: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (cause) {
    throw new LockstepError('Usage', messageOf(cause), { cause });
  }
}

function parseDrift(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new LockstepError(
    'Usage',
    `--for: expected a duration such as 20s, 1500ms or 2m, found ${JSON.stringify(text)}`,
  );
}
