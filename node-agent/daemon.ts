// A running agent: every adapter for a Linux host built and put together, and taken down in order. With main.ts, the composition root.
import type { Log } from '../reconcilers/loop/log.ts';
import { observeLateness } from '../runtime/lateness.ts';
import { nodeClock } from '../runtime/node-clock.ts';
import { readProcessUsage } from '../runtime/process-usage.ts';
import type { Daemon } from '../runtime/program.ts';
import { HostAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import type { Disk } from './disk.ts';
import { watchLock } from './instance-lock.ts';
import { readBootId } from './linux/boot-id.ts';
import { ChokidarFlagWatch } from './linux/flag-watch.ts';
import { ScriptGates } from './linux/gates.ts';
import { readProcessStart } from './linux/process-start.ts';
import { QuickDisk } from './linux/quick-disk.ts';
import { ScriptsDriver } from './linux/scripts/scripts-driver.ts';
import { LOCK_FILE_NAMES, takeInstanceLocks } from './linux/single-instance.ts';
import { WebSocketTransport } from './linux/websocket-transport.ts';
import { AgentMetrics } from './metrics/agent-metrics.ts';
import { MetricsFile } from './metrics/metrics-file.ts';
import { rootGuard } from './root-prefix.ts';
import { StatusFile } from './status-file.ts';

/** @throws LockstepError `Conflict` when another agent holds the same folders, `Refused` when they lead out of the root, `Failed` without /proc. */
export async function startDaemon(config: AgentConfig, agentVersion: string, log: Log): Promise<Daemon> {
  const disk = new QuickDisk();
  const guard = rootGuard(disk, config.root);
  const { pid } = process;
  // Beside each other: they look at different things, and a start waits for all of them.
  const [bootId, pidStartTicks] = await Promise.all([
    readBootId(),
    readProcessStart(pid),
    checkRoot(disk, config, guard),
  ]);
  const { runDir, stateDir, resyncIntervalMs } = config;
  const metrics = new AgentMetrics({
    clock: nodeClock,
    resyncIntervalMs,
    agentVersion,
    readUsage: readProcessUsage,
  });
  const clock = observeLateness(nodeClock, (stalledMs) => metrics.stalled(stalledMs));
  const lock = await takeInstanceLocks({ disk, folders: [runDir, stateDir], guard, pid, log });
  const statusFile = new StatusFile({ disk, runDir, guard, pidStartTicks, log });
  const render = () => metrics.text();
  const metricsFile = new MetricsFile({ disk, runDir, guard, clock, log, render });
  const scripts = {
    runDir,
    roles: config.roles,
    timeoutMs: config.services.timeoutMs,
    bootId,
    disk,
    clock,
    log,
  };
  const gates = new ScriptGates({ ...scripts, gatesDir: config.gates });
  const agent = await HostAgent.start(
    {
      ...config,
      bootId,
      agentVersion,
      pid,
      lockFileNames: LOCK_FILE_NAMES,
    },
    {
      disk,
      guard,
      clock,
      random: Math.random,
      log,
      transports:
        config.controllerSocket === null
          ? []
          : [new WebSocketTransport({ socketPath: config.controllerSocket })],
      services: new ScriptsDriver({ ...scripts, servicesDir: config.services.scripts }),
      gates,
      flagWatch: new ChokidarFlagWatch({ paths: [config.flags.volatile, config.flags.persistent], log }),
      publish(status, isNews) {
        statusFile.publish(status, isNews);
        metrics.published(status, isNews);
        metricsFile.touch(metrics.news);
      },
      monitor: metrics,
    },
  );
  const lockWatch = watchLock({ lock, clock, resyncIntervalMs });
  return {
    failed: lockWatch.lost,
    // Flags, services and runs in flight stay as they are.
    async stop() {
      await Promise.all([agent.stop(), gates.close(), lockWatch.stop()]);
      metrics.stopped();
      await Promise.all([statusFile.settled(), metricsFile.close()]);
      lock.release();
    },
  };
}

/**
 * Makes the sandbox, and refuses to start where what the agent keeps or runs would lie outside of it. A flag whose folder leads out is not touched, and
 * reported: that may be mended while the agent runs.
 */
async function checkRoot(
  disk: Disk,
  config: AgentConfig,
  guard: (path: string) => Promise<void>,
): Promise<void> {
  if (config.root !== '/') await disk.makeFolder(config.root);
  for (const folder of [config.runDir, config.stateDir, config.services.scripts, config.gates]) {
    await guard(`${folder}/anything`);
  }
}
