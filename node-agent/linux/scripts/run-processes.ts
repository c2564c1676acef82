// The processes of one run: found by group, session, descent and the run id in their environment, and ended together.
import { errnoOf } from '../../../desired-state/errors.ts';
import { type Clock, sleep } from '../../../reconcilers/loop/clock.ts';
import {
  isAlive,
  listProcesses,
  type ProcessIdentity,
  type ProcessStat,
  readCommandLine,
  readEnvirons,
  readStat,
} from './processes.ts';
import { RUN_ID_VARIABLE } from './run-variables.ts';

export interface Run {
  readonly runId: string;
  /** The script itself: leader of its own session and process group. Undefined: not known, so who carries the run id is all that is known of it. */
  readonly leader: ProcessIdentity | undefined;
}

/** Between SIGTERM and SIGKILL, how often the living are counted, ms. */
const GRACE_POLL_MS = 10;
/** Rounds of SIGKILL before giving up, with a pause of 5, 10, ... 50 ms after each: about 2.7 s. What is left then sits in the kernel (state D). */
const MAX_KILL_ROUNDS = 60;
const KILL_PAUSE_STEP_MS = 5;
const MAX_KILL_PAUSE_MS = 50;

/**
 * Ends every process of a run: SIGTERM, `graceMs` to go by themselves (0: none), then SIGKILL until none is left.
 * A process that does all of this, leaves its parent's session and descent with an emptied environment, is not found.
 * @returns the pids that could not be ended within about 3 s (another user's, or stuck in the kernel).
 */
export async function endRun(run: Run, graceMs: number, clock: Clock): Promise<readonly number[]> {
  if (graceMs > 0) await terminate(await membersOf(run), graceMs, clock);
  let left: readonly ProcessStat[] = [];
  let emptyRounds = 0;
  for (let round = 1; round <= MAX_KILL_ROUNDS; round++) {
    left = await membersOf(run);
    // Twice: one that was forked while the first count went by would be seen by neither.
    if (left.length === 0 && ++emptyRounds === 2) return [];
    if (left.length === 0) continue;
    emptyRounds = 0;
    if (run.leader !== undefined) killGroup(run.leader);
    for (const member of left) signalProcess(member, 'SIGKILL');
    await pause(clock, Math.min(round * KILL_PAUSE_STEP_MS, MAX_KILL_PAUSE_MS));
  }
  return left.map(({ pid }) => pid);
}

/** The living processes of a run. @throws when /proc can't be listed. */
async function membersOf({ runId, leader }: Run): Promise<readonly ProcessStat[]> {
  // Nothing that started before its leader belongs to a run: most of a host is never looked into.
  const sinceTicks = leader?.startTicks ?? 0;
  const candidates = (await listProcesses()).filter((process) => process.startTicks >= sinceTicks);
  const known = withDescendants(
    candidates,
    leader === undefined ? [] : candidates.filter((process) => isOfLeader(process, leader)),
  );
  const others = candidates.filter(({ pid }) => !known.has(pid));
  const marked = await withRunId(others, runId);
  const members = withDescendants(candidates, [...candidates.filter(({ pid }) => known.has(pid)), ...marked]);
  return candidates.filter(({ pid }) => members.has(pid));
}

/**
 * The script of a run whose pid is not known (the agent was killed between starting it and noting that): the oldest process with this run id that
 * leads a session and was called with the script's path. A daemon that the script left behind leads one too, but was called otherwise.
 */
export async function findLeader(runId: string, path: string): Promise<ProcessIdentity | undefined> {
  const leaders = (await listProcesses()).filter(({ pid, session }) => session === pid);
  const ours = await withRunId(leaders, runId);
  for (const candidate of [...ours].sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)) {
    if ((await readCommandLine(candidate.pid)).includes(path)) return candidate;
  }
  return undefined;
}

/** Signals this very process, if it still lives and is ours to signal. */
export function signalProcess(target: ProcessIdentity, name: NodeJS.Signals): void {
  if (isAlive(target)) send(target.pid, name);
}

async function withRunId(processes: readonly ProcessStat[], runId: string): Promise<readonly ProcessStat[]> {
  const environs = await readEnvirons(processes);
  return processes.filter((_, index) => environs[index]?.has(`${RUN_ID_VARIABLE}=${runId}`));
}

/** The pids of `roots` and of all their children's children. */
function withDescendants(
  processes: readonly ProcessStat[],
  roots: readonly ProcessStat[],
): ReadonlySet<number> {
  const childrenOf = Map.groupBy(processes, ({ parent }) => parent);
  const reached = new Set<number>();
  const toVisit = [...roots];
  // Each process is visited at most once.
  for (let next = toVisit.pop(); next !== undefined; next = toVisit.pop()) {
    if (reached.has(next.pid)) continue;
    reached.add(next.pid);
    toVisit.push(...(childrenOf.get(next.pid) ?? []));
  }
  return reached;
}

async function terminate(members: readonly ProcessStat[], graceMs: number, clock: Clock): Promise<void> {
  for (const member of members) signalProcess(member, 'SIGTERM');
  const deadlineMs = clock.monotonicMs() + graceMs;
  while (clock.monotonicMs() < deadlineMs && members.some(isAlive)) await pause(clock, GRACE_POLL_MS);
}

/** One call for all that stayed in the group: none of them can fork meanwhile. Only while the leader, dead or alive, keeps its number taken. */
function killGroup({ pid, startTicks }: ProcessIdentity): void {
  if (readStat(pid)?.startTicks === startTicks) send(-pid, 'SIGKILL');
}

/** Is it the leader, or of its group or session? Its number stays taken as long as those have anybody left. */
function isOfLeader({ pid, startTicks, group, session }: ProcessStat, leader: ProcessIdentity): boolean {
  const isLeader = pid === leader.pid && startTicks === leader.startTicks;
  return isLeader || group === leader.pid || session === leader.pid;
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone meanwhile, or another user's: the next count tells.
    if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return sleep(clock, ms, new AbortController().signal);
}
