import { describe, expect, it } from 'vitest';
import {
  rebuiltRecord,
  recordedState,
  withEnd,
} from '../../../../node-agent/linux/scripts/recorded-state.ts';
import type { RunRecord } from '../../../../node-agent/linux/scripts/run-records.ts';
import type { RunResult } from '../../../../reconcilers/services/service-driver.ts';

const start: RunRecord = {
  bootId: 'boot-1',
  verb: 'start',
  runId: 'run-1',
  startedAt: '2026-01-02T03:04:05.000Z',
  leader: { pid: 42, startTicks: 1 },
  end: null,
};
const stop: RunRecord = { ...start, verb: 'stop' };
const failed: RunResult = { kind: 'failed', exitCode: 7, signal: null, tail: 'no disk\n', durationMs: 1 };

describe('what a record says of a service without status', () => {
  it.each<[string, RunRecord | undefined, string, string]>([
    ['none', undefined, 'stopped', ''],
    ['a start that succeeded', withEnd(start, { kind: 'succeeded', durationMs: 1 }), 'running', ''],
    ['a stop that succeeded', withEnd(stop, { kind: 'succeeded', durationMs: 1 }), 'stopped', ''],
    [
      'a start that failed',
      withEnd(start, failed),
      'incomplete',
      'its last start failed with exit code 7: no disk',
    ],
    [
      'a stop that failed',
      withEnd(stop, failed),
      'incomplete',
      'its last stop failed with exit code 7: no disk',
    ],
    ['an aborted start', withEnd(start, { kind: 'aborted' }), 'incomplete', 'its last start was aborted'],
    ['an aborted stop', withEnd(stop, { kind: 'aborted' }), 'incomplete', 'its last stop was aborted'],
    [
      'a start whose end nobody saw',
      start,
      'incomplete',
      'its last start ended unseen, during a restart of the agent',
    ],
    [
      'a stop whose end nobody saw',
      stop,
      'incomplete',
      'its last stop ended unseen, during a restart of the agent',
    ],
    [
      'a damaged one and a process',
      rebuiltRecord(start, 'damaged', true),
      'running',
      'its record was damaged; a process that it started is alive',
    ],
    [
      'one that is gone, and a living process',
      rebuiltRecord(start, 'gone', true),
      'running',
      'its record was gone; a process that it started is alive',
    ],
    [
      'a damaged one and no process',
      rebuiltRecord(start, 'damaged', false),
      'incomplete',
      'its last start left a damaged record and no process',
    ],
  ])('%s', (_, record, state, message) => {
    expect(recordedState(record)).toEqual({ state, message });
  });
});
