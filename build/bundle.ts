// Bundles one program with the packages that it uses. It writes nothing but chunks; start.cjs runs them.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type LogLevel, type RolldownLog, rolldown } from 'rolldown';
import { LockstepError } from '../desired-state/errors.ts';

/**
 * A program has chunks of its own, although the three share much: each one more that is read at start costs a part of a millisecond. Scripts in CommonJS: what modules import from Node is
 * read export by export, also what is loaded only when it is read. Not minified: a stack trace is for people, and V8 compiles nothing at start.
 * @param entry its main.ts, from `checkout`.
 * @param folder where `main.js` and the chunks that are loaded on demand go, absolute.
 * @returns the modules in them, from the checkout: `node_modules/zod/v4/core/core.js`.
 * @throws LockstepError `Failed` when a module can't be resolved or parsed.
 */
export async function bundle(checkout: string, entry: string, folder: string): Promise<readonly string[]> {
  const build = await rolldown({
    input: { main: entry },
    cwd: checkout,
    platform: 'node',
    tsconfig: false,
    onLog: refuseWarning,
  });
  try {
    const { output } = await build.write({
      dir: folder,
      format: 'cjs',
      entryFileNames: '[name].js',
      chunkFileNames: '[name].js',
      charset: 'ascii',
      // Licenses are in a file of their own.
      comments: false,
      // What start.cjs hands in, and the strictness that modules have. After the bundler is done with the chunk: it would take the function for one that nobody calls.
      postBanner: "(function (exports, require, module) { 'use strict';",
      postFooter: '})',
    });
    const chunks = output.filter((one) => one.type === 'chunk');
    for (const { fileName } of chunks) checkAscii(join(folder, fileName));
    return chunks.flatMap(({ moduleIds }) => moduleIds).map((id) => relative(checkout, id));
  } finally {
    await build.close();
  }
}

/** Optional parts of ws, in C++; it does without them. */
const ABSENT = ['bufferutil', 'utf-8-validate'];

/** What is only warned of here would fail on a host. */
function refuseWarning(level: LogLevel, { code, message }: RolldownLog): void {
  if (level !== 'warn') return;
  if (code === 'UNRESOLVED_IMPORT' && ABSENT.some((name) => message.includes(`'${name}'`))) return;
  throw new LockstepError('Failed', `expected a bundle without warnings, found: ${message}`);
}

/** start.cjs reads chunks as Latin-1. */
function checkAscii(file: string): void {
  const other = readFileSync(file).find((byte) => byte > 0x7f);
  if (other === undefined) return;
  throw new LockstepError('Failed', `${file}: expected ASCII, found a byte 0x${other.toString(16)}`);
}
