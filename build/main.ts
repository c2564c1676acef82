// `npm run build`: the folder that is installed on a host, dist/lockstep or another one. It ends all that it started, also when it is ended itself.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ERROR_CODES, LockstepError, messageOf } from '../desired-state/errors.ts';
import { buildFolder } from './folder.ts';

const CHECKOUT = resolve(import.meta.dirname, '..');
const USAGE = `Usage: npm run build                    writes dist/lockstep: the programs and their Node, to be copied to a host as it is
       npm run build -- --out DIR      writes DIR instead

What an earlier build left there is replaced.
`;
/** As shells tell it: 128 + SIGINT. */
const INTERRUPTED = 130;

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => ended.abort());
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const { out, isHelp } = parseCommandLine(args);
    if (isHelp) {
      process.stdout.write(USAGE);
      return 0;
    }
    // Whatever the builder's is: the folder is for every user of a host.
    process.umask(0o022);
    await buildFolder({ checkout: CHECKOUT, out, signal: ended.signal });
    process.stdout.write(`${out}\n`);
    return 0;
  } catch (error) {
    if (ended.signal.aborted) return INTERRUPTED;
    process.stderr.write(`lockstep build: ${messageOf(error)}\n`);
    const isUsage = error instanceof LockstepError && error.code === 'Usage';
    if (isUsage) process.stderr.write(USAGE);
    return ERROR_CODES[isUsage ? 'Usage' : 'Failed'].exitCode;
  }
}

/** @throws LockstepError `Usage`. */
function parseCommandLine(args: readonly string[]): { readonly out: string; readonly isHelp: boolean } {
  try {
    const { out = resolve(CHECKOUT, 'dist/lockstep'), help = false } = parseArgs({
      args: [...args],
      options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    }).values;
    if (out === '') throw new Error('--out: expected a folder, found nothing');
    return { out: resolve(out), isHelp: help };
  } catch (cause) {
    throw new LockstepError('Usage', messageOf(cause), { cause });
  }
}
