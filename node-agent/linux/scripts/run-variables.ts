// What a run carries in its environment, and so all that it starts, wherever that goes: how its processes are found again.
import { ROLES } from '../../../desired-state/host.ts';
import type { Service, Verb } from '../../../reconcilers/services/service-driver.ts';
import { type Environ, listProcesses, readEnvirons } from './processes.ts';

/** Every process of one run has it, and no other one. */
export const RUN_ID_VARIABLE = 'LOCKSTEP_RUN_ID';

const SERVICE_PREFIX = 'LOCKSTEP_SERVICE=';
const GATE_PREFIX = 'LOCKSTEP_GATE=';

/** For a start, stop or status of a service. `runDir` tells the agents on one machine apart. */
export function serviceVariables(
  runDir: string,
  { set, name }: Service,
  verb: Verb | 'status',
): Readonly<Record<string, string>> {
  return { LOCKSTEP_RUN_DIR: runDir, LOCKSTEP_SET: set, LOCKSTEP_SERVICE: name, LOCKSTEP_VERB: verb };
}

/** For a gate. */
export function gateVariables(runDir: string, gateId: string): Readonly<Record<string, string>> {
  return { LOCKSTEP_RUN_DIR: runDir, LOCKSTEP_GATE: gateId };
}

/** Does it belong to a run that the agent of `runDir` began only for its answer: a status or a gate? */
export function isAnswerOnly(environ: Environ, runDir: string): boolean {
  return (
    isOf(environ, runDir) &&
    (environ.has('LOCKSTEP_VERB=status') || findValue(environ, GATE_PREFIX) !== undefined)
  );
}

/** The ids of the services that a living process was started by, with start or stop, under the agent of `runDir`. @throws when /proc can't be listed. */
export async function servicesWithProcesses(runDir: string): Promise<ReadonlySet<string>> {
  const environs = await readEnvirons(await listProcesses());
  return new Set(environs.flatMap((environ) => serviceIn(environ, runDir) ?? []));
}

function serviceIn(environ: Environ, runDir: string): string | undefined {
  if (!isOf(environ, runDir) || isAnswerOnly(environ, runDir)) return undefined;
  const set = ROLES.find((role) => environ.has(`LOCKSTEP_SET=${role}`));
  const name = findValue(environ, SERVICE_PREFIX);
  return set === undefined || name === undefined ? undefined : `${set}/${name}`;
}

function isOf(environ: Environ, runDir: string): boolean {
  return environ.has(`LOCKSTEP_RUN_DIR=${runDir}`);
}

function findValue(environ: Environ, prefix: string): string | undefined {
  return [...environ].find((entry) => entry.startsWith(prefix))?.slice(prefix.length);
}
