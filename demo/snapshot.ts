// What is known of the demo's host at one time: from the controller's watch, and from the agent's own status file.
import { watch } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Host } from '../desired-state/host.ts';
import { LinuxDisk } from '../node-agent/linux/disk.ts';
import { type AgentStatus, readStatusFile } from '../node-agent/status-file.ts';
import type { RunningDemo } from './running-demo.ts';
import { HOST } from './sandbox.ts';

export interface Snapshot {
  /** As the controller has it; undefined before it told. */
  readonly host: Host | undefined;
  /** As the agent published it last; undefined before it did. */
  readonly agent: AgentStatus | undefined;
}

/** A status file whose change was not told, and a watch that broke, are looked at again after this. */
const RETRY_MS = 1_000;

/** Tells each change until `signal` aborts. */
export async function watchSnapshots(
  demo: RunningDemo,
  signal: AbortSignal,
  onChange: (snapshot: Snapshot) => void,
): Promise<void> {
  let snapshot: Snapshot = { host: undefined, agent: undefined };
  const update = (change: Partial<Snapshot>) => {
    if (signal.aborted) return;
    snapshot = { ...snapshot, ...change };
    onChange(snapshot);
  };
  await Promise.all([
    watchHost(demo, signal, (host) => update({ host })),
    watchAgent(demo.sandbox.runDir, signal, (agent) => update({ agent })),
  ]);
}

async function watchHost(demo: RunningDemo, signal: AbortSignal, onHost: (host: Host | undefined) => void) {
  while (!signal.aborted) {
    try {
      for await (const news of demo.client.watchHosts({ names: [HOST] }, signal)) {
        if (news.type === 'host') onHost(news.host);
        else if (news.type === 'gone') onHost(undefined);
      }
    } catch {
      // The controller ended the watch: if it died, the demo ends; else it is asked again.
      await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function watchAgent(runDir: string, signal: AbortSignal, onAgent: (agent: AgentStatus) => void) {
  const disk = new LinuxDisk();
  let isLooking = false;
  let isAskedAgain = false;
  const look = async () => {
    isAskedAgain = true;
    if (isLooking) return;
    isLooking = true;
    while (isAskedAgain) {
      isAskedAgain = false;
      // What can't be read now stays as it was shown: it is read again after RETRY_MS.
      const agent = await readStatusFile(disk, runDir).catch(() => undefined);
      if (agent !== undefined) onAgent(agent);
    }
    isLooking = false;
  };
  const watcher = watch(runDir, () => void look());
  const timer = setInterval(() => void look(), RETRY_MS);
  await look();
  await new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', resolve, { once: true });
  });
  clearInterval(timer);
  watcher.close();
}
