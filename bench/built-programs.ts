// The programs as they are installed: built once for all measurements, in a process of its own, so that the bench is not larger for it.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { LockstepError } from '../desired-state/errors.ts';
import { makeDiskFolder } from './folders.ts';

const BUILD = join(import.meta.dirname, '../build/main.ts');

export class BuiltPrograms {
  readonly #signal: AbortSignal;
  #folder: string | undefined;
  #built: Promise<string> | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Where they are. @throws LockstepError `Failed` with what the build said. */
  bin(): Promise<string> {
    this.#folder ??= makeDiskFolder();
    this.#built ??= build(join(this.#folder, 'lockstep'), this.#signal);
    return this.#built;
  }

  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function build(folder: string, signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', BUILD, '--out', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  // That it was aborted: it is waited for all the same, because it removes what it made.
  child.once('error', () => undefined);
  const said = await text(child.stderr);
  const code = await closed;
  signal.throwIfAborted();
  if (code === 0) return join(folder, 'bin');
  throw new LockstepError('Failed', `npm run build: expected exit code 0, found ${code}: ${said.trim()}`);
}
