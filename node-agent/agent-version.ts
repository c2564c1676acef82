// The agent's version, as package.json has it: for hello, status and --version. For the composition root only: it reads a file.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { LockstepError, messageOf } from '../desired-state/errors.ts';
import { parseOrThrow } from '../desired-state/parse.ts';

const packageSchema = z.object({ version: z.string().min(1).max(64) });

/** @throws LockstepError when package.json beside the sources can't be read or names no version. */
export function readAgentVersion(packageFile = new URL('../package.json', import.meta.url)): string {
  return parseOrThrow(packageSchema, readJson(packageFile), packageFile.pathname).version;
}

function readJson(file: URL): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new LockstepError(
      'Failed',
      `${file.pathname}: expected the package's JSON, found ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
