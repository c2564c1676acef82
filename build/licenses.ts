// THIRD-PARTY-LICENSES: what is in the folder that is not Lockstep's, each with its license.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LockstepError } from '../desired-state/errors.ts';
import { parseOrThrow } from '../desired-state/parse.ts';

/**
 * @param modules what is bundled, from `checkout`, as bundle.ts gives it.
 * @param others further packages, from `checkout`; they come last.
 * @throws LockstepError `Failed` for a package that does not say its license.
 */
export function thirdPartyLicenses(
  checkout: string,
  modules: readonly string[],
  others: readonly string[],
): string {
  const bundled = [...new Set(modules.flatMap((path) => packageOf(path) ?? []))].sort();
  return [...bundled, ...others].map((path) => describe(join(checkout, path))).join(`${'-'.repeat(80)}\n`);
}

/** `node_modules/@a/b` of a module in it; undefined for one of ours. */
function packageOf(module: string): string | undefined {
  return /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(module)?.[0];
}

const packageSchema = z.object({ name: z.string(), version: z.string(), license: z.string().optional() });
const LICENSE_FILE = /^(licen[cs]e|copying)(\.\w+)?$/i;

function describe(folder: string): string {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { name, version, license } = parseOrThrow(packageSchema, JSON.parse(text), `${folder}/package.json`);
  const file = readdirSync(folder).find((one) => LICENSE_FILE.test(one));
  if (file === undefined && license === undefined) {
    throw new LockstepError('Failed', `${folder}: expected a license, found none: it can't be bundled`);
  }
  const terms = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  return `${name} ${version}${license === undefined ? '' : `, ${license}`}\n${terms}`;
}
