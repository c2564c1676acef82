// `lockstep-agent status`: shows what the agent of this host knows and does, from its status file, with or without a controller, and whether it runs.
import { formatDuration } from '../desired-state/duration.ts';
import { messageOf } from '../desired-state/errors.ts';
import type { Disk } from './disk.ts';
import { readStatusFile, type StoredAgentStatus, statusPath } from './status-file.ts';
import { describeAgentStatus } from './status-text.ts';

export interface StatusCommandOptions {
  readonly disk: Disk;
  readonly runDir: string;
  readonly output: 'table' | 'json';
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
  /** The current boot's id; undefined where it can't be read. */
  readonly bootId: string | undefined;
  /** See readProcessStart: null when there is no such process. */
  readonly processStart: (pid: number) => Promise<number | null>;
  /** Width of the terminal, in characters; undefined: no terminal, lines are not cut. 0: not known. */
  readonly columns: number | undefined;
}

export interface StatusCommandResult {
  /** 0: the agent runs. 1: it does not, or nothing is known. */
  readonly exitCode: 0 | 1;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never throws: what went wrong is in the result. */
export async function runStatusCommand(options: StatusCommandOptions): Promise<StatusCommandResult> {
  try {
    const status = await readStatusFile(options.disk, options.runDir);
    if (status === undefined) return failed(nothingKnown(options.runDir));
    return show(status, await whyNotRunning(status, options), options);
  } catch (error) {
    return failed(messageOf(error));
  }
}

function show(
  status: StoredAgentStatus,
  notRunning: string | undefined,
  { output, nowMs, columns }: StatusCommandOptions,
): StatusCommandResult {
  const stdout =
    output === 'json'
      ? `${JSON.stringify(status, null, 2)}\n`
      : describeAgentStatus(status, { isRunning: notRunning === undefined, nowMs, columns });
  if (notRunning === undefined) return { exitCode: 0, stdout, stderr: '' };
  const age = formatDuration(Math.max(0, nowMs - Date.parse(status.updatedAt)));
  return {
    ...failed(`lockstep-agent is not running: ${notRunning}; this is what it last knew, ${age} ago`),
    stdout,
  };
}

/** Undefined when it runs. */
async function whyNotRunning(
  { pid, pidStartTicks, bootId }: StoredAgentStatus,
  { processStart, bootId: currentBootId }: StatusCommandOptions,
): Promise<string | undefined> {
  if (currentBootId !== undefined && currentBootId !== bootId) return 'the host was rebooted since';
  const startTicks = await processStart(pid);
  if (startTicks === null) return `its process ${pid} is gone`;
  if (pidStartTicks !== null && startTicks !== pidStartTicks) {
    return `its process ${pid} is gone, another one has that pid now`;
  }
  return undefined;
}

function nothingKnown(runDir: string): string {
  return `expected the status of lockstep-agent at ${statusPath(runDir)}, found nothing: it has not run here since the host started; if it runs with another --root or --config, give the same here`;
}

function failed(message: string): StatusCommandResult {
  return { exitCode: 1, stdout: '', stderr: `${message}\n` };
}
