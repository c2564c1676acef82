// What services and gates leave in runDir: output files are kept short, and output and record of a service whose script is gone are removed once no process
// that it started lives: a daemon would go on writing into a file that nobody sees, and a script that comes back would be started twice.
import { basename, join } from 'node:path';
import { ROLES, type Role } from '../../../desired-state/host.ts';
import type { Service } from '../../../reconcilers/services/service-driver.ts';
import type { Disk } from '../../disk.ts';
import { removeIfThere, trimOutput } from './output-files.ts';
import type { RunRecords } from './run-records.ts';
import { servicesWithProcesses } from './run-variables.ts';
import { type ScriptSet, serviceOf } from './script-sets.ts';

const EXTENSION = '.log';

export interface TidyOptions {
  readonly runDir: string;
  readonly disk: Disk;
  readonly records: RunRecords;
  /** A run of it is under way. */
  readonly isBusy: (id: string) => boolean;
}

/** Where the output of the gates goes: a file for each, those of a role in a folder of its name. */
export function gateOutputFolder(runDir: string): string {
  return join(runDir, 'output', 'gates');
}

/** Where the output of a service's runs goes. */
export function outputPathOf(runDir: string, set: Role, name: string): string {
  return join(runDir, 'output', set, name + EXTENSION);
}

/** @throws when something can't be read or removed: to be tried again at the next look. */
export async function tidy(sets: readonly ScriptSet[], options: TidyOptions): Promise<void> {
  await trimGates(gateOutputFolder(options.runDir), options.disk);
  const vanished: Service[] = [];
  for (const set of sets) vanished.push(...(await tidySet(set, options)));
  if (vanished.length === 0) return;
  const alive = await servicesWithProcesses(options.runDir);
  for (const service of vanished) if (!alive.has(service.id)) await remove(service, options);
}

/** What a gate left behind may go on printing when the gate has passed. */
async function trimGates(folder: string, disk: Disk): Promise<void> {
  const names = await disk.list(folder);
  const roles = ROLES.filter((role) => names.includes(role)).map((role) => join(folder, role));
  const paths = names.map((name) => join(folder, name));
  for (const role of roles) paths.push(...(await disk.list(role)).map((name) => join(role, name)));
  for (const path of paths) if (path.endsWith(EXTENSION)) await trimOutput(path);
}

/** @returns the services of the set that left something behind and have no script any more. */
async function tidySet(set: ScriptSet, options: TidyOptions): Promise<readonly Service[]> {
  const { runDir, disk, records, isBusy } = options;
  const outputs = (await disk.list(join(runDir, 'output', set.set)))
    .filter((name) => name.endsWith(EXTENSION))
    .map((name) => name.slice(0, -EXTENSION.length));
  for (const name of outputs) await trimOutput(outputPathOf(runDir, set.set, name));
  if (!set.isWhole) return [];
  const there = new Set([
    ...set.scripts.map(({ name }) => name),
    ...set.skipped.map(({ path }) => basename(path)),
  ]);
  const recorded = (await records.list(set.set)).map(({ name }) => name);
  return [...new Set([...outputs, ...recorded])]
    .filter((name) => !there.has(name))
    .map((name) => serviceOf(set.set, name))
    .filter(({ id }) => !isBusy(id));
}

async function remove(service: Service, { runDir, disk, records }: TidyOptions): Promise<void> {
  await records.forget(service);
  await removeIfThere(disk, outputPathOf(runDir, service.set, service.name));
}
