// Most of a program's start is Node reading sources: it may keep what it made of them, which makes the next start a third to a half faster.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/** To be called before anything big is imported. The cache is in our own folder: whoever can write there can change the sources too. Where it can't be written, nothing is kept. */
export function keepCompiled(): void {
  enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/lockstep'));
}
