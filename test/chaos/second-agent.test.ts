// I6 on the real programs: of two agents on the same folders one ends, also when its lock files were deleted under the one that runs.
import { describe, expect, it } from 'vitest';
import { linesOf } from './fixtures/log-lines.ts';
import { daemonsOf } from './fixtures/processes.ts';
import { Sandbox, UNLOCKED } from './fixtures/sandbox.ts';
import { daemon } from './fixtures/scripts.ts';
import { removeTree } from './fixtures/trees.ts';
import { until, within } from './fixtures/wait.ts';

/** An unlocked host with a service that runs, and its agent. */
async function startUnlocked(sandbox: Sandbox): Promise<void> {
  sandbox.service('worker', '10-web', daemon(sandbox, '10-web'));
  await sandbox.startBoth();
  await sandbox.askAndWait('unlock', UNLOCKED);
}

function removeLocks(sandbox: Sandbox): void {
  removeTree(sandbox.runDir);
  removeTree(sandbox.stateDir);
}

describe('I6: a second agent', () => {
  it('ends once the first has taken the locks again that were deleted under it', async () => {
    const sandbox = new Sandbox();
    await startUnlocked(sandbox);
    removeLocks(sandbox);
    await until('the locks are taken again', () => sandbox.isLockedBy(sandbox.agentPid));
    await sandbox.startSecondAgent();
    await sandbox.untilReady(UNLOCKED);
    const { stderr } = await sandbox.endAgent('SIGTERM');
    expect(linesOf(stderr, 'lock against a second agent taken again')).toHaveLength(2);
  });

  it('that got in while the locks were deleted stays; the first one ends with 1, says who holds what, and leaves all as it is', async () => {
    const sandbox = new Sandbox();
    await startUnlocked(sandbox);
    const services = daemonsOf(sandbox.folder, '10-web');
    const { agent: first, agentPid: firstPid } = sandbox;
    // So that the second is there first.
    process.kill(firstPid, 'SIGSTOP');
    removeLocks(sandbox);
    const second = sandbox.startAgent();
    await until('the second agent has the locks', () => sandbox.isLockedBy(sandbox.agentPid));
    process.kill(firstPid, 'SIGCONT');
    const { code, stderr } = await within('the first agent ends', first.end);
    expect(code).toBe(1);
    const [line] = linesOf(stderr, "agent can't go on");
    expect(line?.detail).toContain(
      `${sandbox.runDir}: expected to be the only agent on this folder, found that another agent (pid ${second.pid}) holds agent.lock: `,
    );
    await sandbox.untilReady(UNLOCKED);
    await sandbox.startSecondAgent();
    expect(sandbox.isLockedBy(sandbox.agentPid)).toBe(true);
    expect(sandbox.presence()).toBe('neither');
    expect(daemonsOf(sandbox.folder, '10-web')).toEqual(services);
    expect((await sandbox.endAgent('SIGTERM')).code).toBe(0);
  });
});
