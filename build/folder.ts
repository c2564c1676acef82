// The folder that is installed on a host: programs, what they are made of, and their Node. It is made beside its place, tried out, and then put there.
import {
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LockstepError, messageOf } from '../desired-state/errors.ts';
import { VERSION } from '../runtime/version.ts';
import { bundle } from './bundle.ts';
import { launcher, PROGRAMS } from './launcher.ts';
import { thirdPartyLicenses } from './licenses.ts';
import { warmUp } from './warm-up.ts';

export interface Build {
  /** Absolute. */
  readonly checkout: string;
  /** Where the folder is to be, absolute. What an earlier build left there is replaced. */
  readonly out: string;
  /** Aborts when the build is to end. */
  readonly signal: AbortSignal;
}

/** @throws LockstepError `Usage` when something else is at `out`, `Failed` when what is built does not work. */
export async function buildFolder({ checkout, out, signal }: Build): Promise<void> {
  checkPlace(out);
  const folder = makeBeside(out);
  try {
    await fill(folder, checkout);
    await warmUp(folder, signal);
    // mkdtemp's are their owner's alone.
    chmodSync(folder, 0o755);
    swap(folder, out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Nothing that somebody may still want, such as a home or a checkout, is replaced. */
function checkPlace(out: string): void {
  if (!existsSync(out) || existsSync(join(out, 'lib/lockstep.cjs'))) return;
  if (statSync(out).isDirectory() && readdirSync(out).length === 0) return;
  throw new LockstepError(
    'Usage',
    `${out}: expected nothing, or what an earlier build left, found something else: choose another folder with --out, or remove it`,
  );
}

/** On the same file system, so that it can be renamed. */
function makeBeside(out: string): string {
  const above = dirname(out);
  try {
    if (!existsSync(above)) mkdirSync(above);
    return mkdtempSync(join(above, `.${basename(out)}-`));
  } catch (cause) {
    throw new LockstepError(
      'Failed',
      `${above}: expected a folder that can be written, found: ${messageOf(cause)}: choose another one with --out`,
      { cause },
    );
  }
}

async function fill(folder: string, checkout: string): Promise<void> {
  const [bin, lib] = [join(folder, 'bin'), join(folder, 'lib')];
  mkdirSync(bin);
  mkdirSync(lib);
  const modules: string[] = [];
  for (const program of PROGRAMS) {
    modules.push(...(await bundle(checkout, program.entry, join(lib, program.name))));
    copyFileSync(join(import.meta.dirname, 'start.cjs'), join(lib, `${program.name}.cjs`));
    writeFileSync(join(bin, program.name), launcher(program), { mode: 0o755 });
  }
  const node = `node_modules/node-linux-${process.arch}`;
  // A file of its own, by reference where the file system can: a link would share its permissions with the checkout's.
  copyFileSync(join(checkout, node, 'bin/node'), join(lib, 'node'), constants.COPYFILE_FICLONE);
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), thirdPartyLicenses(checkout, modules, [node]));
  copyFileSync(join(checkout, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(join(checkout, 'deploy'), join(folder, 'deploy'), { recursive: true });
  const about = {
    name: 'lockstep',
    version: VERSION,
    license: 'Apache-2.0',
    private: true,
    type: 'commonjs',
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(about, undefined, 2)}\n`);
}

/** Programs that run from the old one go on with what they have open; for a moment there is none. */
function swap(folder: string, out: string): void {
  const old = `${folder}-old`;
  if (existsSync(out)) renameSync(out, old);
  renameSync(folder, out);
  rmSync(old, { recursive: true, force: true });
}
