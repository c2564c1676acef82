// What `npm run bench -- ...` was told. Pure.
import { parseArgs } from 'node:util';
import { LockstepError, messageOf } from '../desired-state/errors.ts';

export interface CommandLine {
  /** Names of measurements; empty: all. */
  readonly only: readonly string[];
  readonly isQuick: boolean;
  /** Where the page is written; undefined: nowhere, because it would not be a whole one. */
  readonly out: string | undefined;
  readonly isHelp: boolean;
}

/** The page that the README quotes, from the checkout. */
const PAGE = 'docs/performance.md';

export function usage(names: readonly string[]): string {
  return `Usage: npm run bench                      measures all of it and writes ${PAGE}: about 10 minutes on an idle machine
       npm run bench -- --only NAME       one measurement; may be given more than once
       npm run bench -- --quick           fewer repetitions: to see that it works, not how fast it is

  --only NAME   ${names.join(', ')}
  --quick       fewer repetitions
  --out FILE    writes the page there; with --only or --quick none is written otherwise
  --help        this text
`;
}

/** @param names of the measurements there are. @throws LockstepError `Usage`. */
export function parseCommandLine(args: readonly string[], names: readonly string[]): CommandLine {
  const { only = [], quick = false, out, help = false } = parse(args).values;
  for (const name of only) {
    if (names.includes(name)) continue;
    throw new LockstepError(
      'Usage',
      `--only: expected one of ${names.join(', ')}, found ${JSON.stringify(name)}`,
    );
  }
  if (out === '') throw new LockstepError('Usage', '--out: expected a file, found nothing');
  const isWhole = only.length === 0 && !quick;
  return { only, isQuick: quick, out: out ?? (isWhole ? PAGE : undefined), isHelp: help };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new LockstepError('Usage', messageOf(cause), { cause });
  }
}
