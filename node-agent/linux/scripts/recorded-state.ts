// What the record of its last run says of a service whose script has no `status`. Pure.
import {
  describeRun,
  type RunResult,
  type ServiceObservation,
} from '../../../reconcilers/services/service-driver.ts';
import type { RunRecord } from './run-records.ts';

/** The end of an aborted or failed message is the tail of the output; the record's schema holds this much, characters. */
const MAX_MESSAGE = 2_048;

/**
 * A verb that did not succeed, or whose end nobody saw, leaves the service incomplete: whichever verb is wanted is run again.
 * @param record of a run that is not under way; undefined: it was never run since the boot.
 */
export function recordedState(record: RunRecord | undefined): Pick<ServiceObservation, 'state' | 'message'> {
  if (record === undefined) return { state: 'stopped', message: '' };
  const { verb, end } = record;
  if (end?.succeeded === true)
    return { state: verb === 'start' ? 'running' : 'stopped', message: end.message };
  return {
    state: 'incomplete',
    message: `its last ${verb} ${end?.message ?? describeRun({ kind: 'ended-unseen' })}`,
  };
}

/** `record` with how its run ended. */
export function withEnd(record: RunRecord, result: RunResult): RunRecord {
  const succeeded = result.kind === 'succeeded';
  return {
    ...record,
    end: { succeeded, message: succeeded ? '' : describeRun(result).slice(0, MAX_MESSAGE) },
  };
}

/**
 * In the place of a record that was damaged, or is gone. What is left of the service's runs says which way to err: a process of one says that it was started,
 * so that it is not started twice and a stop reaches it; without any it is incomplete, so that it does not stay down for ever.
 */
export function rebuiltRecord(
  base: Pick<RunRecord, 'bootId' | 'runId' | 'startedAt'>,
  what: 'damaged' | 'gone',
  hasProcess: boolean,
): RunRecord {
  const why = hasProcess
    ? `its record was ${what}; a process that it started is alive`
    : 'left a damaged record and no process';
  return { ...base, verb: 'start', leader: null, end: { succeeded: hasProcess, message: why } };
}
