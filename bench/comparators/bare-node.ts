// Starts the bare Node programs of bare/: as plain JavaScript, so that what strips types costs them neither time nor memory.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Program } from '../programs.ts';

type BareProgram =
  | 'flag-loop'
  | 'idle'
  | 'json-server'
  | 'json-table'
  | 'lock-server'
  | 'spawner'
  | 'starter'
  | 'supervisor';

/** Where `program` lies as JavaScript, for a spawn that is itself measured. */
export function bareScript(bench: Bench, program: BareProgram): string {
  const folder = join(bench.folders.disk, 'bare');
  const script = join(folder, `${program}.mjs`);
  mkdirSync(folder, { recursive: true });
  const source = readFileSync(join(import.meta.dirname, 'bare', `${program}.ts`), 'utf8');
  writeFileSync(script, stripTypeScriptTypes(source));
  return script;
}

export function startBare(bench: Bench, program: BareProgram, args: readonly string[]): Program {
  return bench.programs.start(process.execPath, [bareScript(bench, program), ...args]);
}
