// What a run carries in its environment, and so all that it starts, wherever that goes: how its processes are found again.
import type { Role } from '../../../desired-state/host.ts';
import { ROLES } from '../../../desired-state/host.ts';
import type { Service, Verb } from '../../../reconcilers/services/service-driver.ts';
import { type Environ, listProcesses, readEnvirons } from './processes.ts';

/** Every process of one run has it, and no other one. */
export const RUN_ID_VARIABLE = 'LOCKSTEP_RUN_ID';

/** For a start, stop or status of a service. `runDir` tells the agents on one machine apart. */
export function serviceVariables(
  runDir: string,
  { set, name }: Service,
  verb: Verb | 'status',
): Readonly<Record<string, string>> {
  return { LOCKSTEP_RUN_DIR: runDir, LOCKSTEP_SET: set, LOCKSTEP_SERVICE: name, LOCKSTEP_VERB: verb };
}

/** The ids of the services that a living process was started by, with start or stop, under the agent of `runDir`. @throws when /proc can't be listed. */
export async function servicesWithProcesses(runDir: string): Promise<ReadonlySet<string>> {
  const environs = await readEnvirons(await listProcesses());
  return new Set(environs.flatMap((environ) => serviceIn(environ, runDir) ?? []));
}

function serviceIn(environ: Environ, runDir: string): string | undefined {
  if (!environ.has(`LOCKSTEP_RUN_DIR=${runDir}`) || environ.has('LOCKSTEP_VERB=status')) return undefined;
  const set = ROLES.find((role: Role) => environ.has(`LOCKSTEP_SET=${role}`));
  const prefix = 'LOCKSTEP_SERVICE=';
  const name = [...environ].find((entry) => entry.startsWith(prefix))?.slice(prefix.length);
  return set === undefined || name === undefined ? undefined : `${set}/${name}`;
}
