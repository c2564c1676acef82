// A run that an earlier life of the agent began: followed in /proc, because only a parent is told of an end, and never learns its exit code.
import { type Clock, sleep } from '../../../reconcilers/loop/clock.ts';
import type { ResumedRun, RunResult, Service } from '../../../reconcilers/services/service-driver.ts';
import { readTail } from './output-files.ts';
import { isAlive, type ProcessIdentity } from './processes.ts';
import type { RunRecord } from './run-records.ts';
import { endAndReport, GRACE_MS, type RunContext } from './script-run.ts';

export interface LeftRun {
  readonly service: Service;
  readonly path: string;
  readonly outputPath: string;
  readonly record: RunRecord;
  readonly leader: ProcessIdentity;
  /** Of the whole run, its earlier part included, ms. */
  readonly limitMs: number;
}

const POLL_INTERVAL_MS = 100;

/** Follows a run to its end, its time limit or its abort. @param onEnd is told how it ended, and waited for. */
export function followRun(
  run: LeftRun,
  context: RunContext,
  onEnd: (result: RunResult) => Promise<void>,
): ResumedRun {
  const aborting = new AbortController();
  const follow = async () => {
    const result = await untilEnd(run, context, aborting.signal);
    await onEnd(result);
    return result;
  };
  return {
    service: run.service,
    verb: run.record.verb,
    ended: follow(),
    abort: () => aborting.abort(),
  };
}

async function untilEnd(run: LeftRun, context: RunContext, aborted: AbortSignal): Promise<RunResult> {
  const { clock, letGo } = context;
  const deadlineMs = clock.monotonicMs() + remainingMs(run, clock);
  const wake = AbortSignal.any([aborted, letGo]);
  while (isAlive(run.leader)) {
    if (letGo.aborted) return forEver();
    if (aborted.aborted || clock.monotonicMs() >= deadlineMs) {
      await endAndReport(run.path, { runId: run.record.runId, leader: run.leader }, GRACE_MS, context);
      if (aborted.aborted) return { kind: 'aborted' };
      return { kind: 'timed-out', afterMs: run.limitMs, tail: await readTail(run.outputPath, 0) };
    }
    await sleep(clock, POLL_INTERVAL_MS, wake);
  }
  return { kind: 'ended-unseen' };
}

/** By the wall clock, the only one that outlives the agent; never more than the whole limit, however it jumped. */
function remainingMs({ record, limitMs }: LeftRun, clock: Clock): number {
  const sinceMs = clock.now() - Date.parse(record.startedAt);
  return Math.min(Math.max(limitMs - sinceMs, 0), limitMs);
}

/** The run is left as it is, and its record says so: nobody is told that it ended. */
function forEver(): Promise<never> {
  return new Promise(() => undefined);
}
