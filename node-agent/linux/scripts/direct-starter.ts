// Starts scripts from this very process: those that are few, and whose output or signal counts.
import { type ChildProcess, spawn } from 'node:child_process';
import { identityOf } from './processes.ts';
import {
  baseEnvironment,
  ownVariables,
  SCRIPTS_FOLDER,
  type ScriptEnd,
  type ScriptStarter,
} from './script-starter.ts';
import { spawnTurn } from './spawn-turn.ts';

export const DIRECT_STARTER: ScriptStarter = {
  turn: spawnTurn,
  start(script, output) {
    const stream = output ?? 'ignore';
    const child = spawn(script.path, script.args, {
      detached: true,
      stdio: ['ignore', stream, stream],
      cwd: SCRIPTS_FOLDER,
      env: { ...baseEnvironment(), ...ownVariables(script) },
    });
    // A child that ended already can still be asked: Node collects it later, in a turn of its own.
    const leader = child.pid === undefined ? undefined : identityOf(child.pid);
    // From the spawn to here all is in one turn: what the child has to tell comes later.
    return {
      leader: async () => leader,
      ended: endOf(child),
      letGo: () => child.unref(),
    };
  },
};

/** `exit` and not `close`: a daemon keeps the output open. */
function endOf(child: ChildProcess): Promise<ScriptEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ kind: 'not-run', message: error.message }));
    child.once('exit', (exitCode, signal) => resolve({ kind: 'exited', exitCode, signal }));
  });
}
