// Ends what an earlier life of the agent was running for itself when it was killed: status questions and gates. Nobody waits for their answer any more,
// and nobody keeps their time limit. Starts and stops are not touched: those are taken over (service-runs.ts).
import { messageOf } from '../../../desired-state/errors.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import { listProcesses, readEnvirons, readStat } from './processes.ts';
import { signalProcess } from './run-processes.ts';
import { isAnswerOnly } from './run-variables.ts';

/** What forks while it is counted is found the next time; a status that does nothing but fork is not worth more. */
const ROUNDS = 5;

/** Only processes older than this one: what this agent began itself goes on. Never rejects. */
export async function endLeftovers(runDir: string, log: Log): Promise<void> {
  try {
    const ownStart = readStat(process.pid)?.startTicks ?? 0;
    for (let round = 0; round < ROUNDS; round++) {
      const older = (await listProcesses()).filter(({ startTicks }) => startTicks < ownStart);
      const environs = await readEnvirons(older);
      const left = older.filter((_, index) => isAnswerOnly(environs[index] ?? new Set(), runDir));
      if (left.length === 0) return;
      log.info({ pids: left.map(({ pid }) => pid) }, 'ending status questions and gates of an earlier agent');
      for (const process of left) signalProcess(process, 'SIGKILL');
    }
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'what an earlier agent left running could not be looked for');
  }
}
