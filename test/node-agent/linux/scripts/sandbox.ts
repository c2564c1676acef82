// A host in a temporary folder, with real scripts and real processes. Whatever its scripts started is ended, by pid, when the test is over.
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Role } from '../../../../desired-state/host.ts';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import {
  isAlive,
  listProcesses,
  readEnvirons,
  readStat,
} from '../../../../node-agent/linux/scripts/processes.ts';
import { serviceOf } from '../../../../node-agent/linux/scripts/script-sets.ts';
import type { ScriptStart } from '../../../../node-agent/linux/scripts/script-starter.ts';
import {
  ScriptsDriver,
  type ScriptsDriverOptions,
} from '../../../../node-agent/linux/scripts/scripts-driver.ts';
import type { Log } from '../../../../reconcilers/loop/log.ts';
import type { Service, ServicesObservation } from '../../../../reconcilers/services/service-driver.ts';
import { nodeClock } from '../../../../runtime/node-clock.ts';
import type { FakeClock } from '../../../support/fake-clock.ts';

/** Far above what anything here takes: reached only when a test fails. */
const DEADLINE_MS = 50_000;

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export class Sandbox {
  readonly root = mkdtempSync('/tmp/ls-scripts-');
  readonly servicesDir = join(this.root, 'services.d');
  readonly runDir = join(this.root, 'run');
  readonly gatesDir = join(this.root, 'goenabled.d');
  readonly lines: LogLine[] = [];
  readonly log: Log = {
    debug: (fields, message) => this.#note('debug', fields, message),
    info: (fields, message) => this.#note('info', fields, message),
    warn: (fields, message) => this.#note('warn', fields, message),
    error: (fields, message) => this.#note('error', fields, message),
  };

  constructor() {
    onTestFinished(async () => {
      await endProcessesOf(this.runDir);
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  driver(options: Partial<ScriptsDriverOptions> = {}): ScriptsDriver {
    const driver = new ScriptsDriver({
      servicesDir: this.servicesDir,
      runDir: this.runDir,
      roles: ['worker'],
      timeoutMs: 30_000,
      bootId: 'boot-1',
      disk: new LinuxDisk(),
      clock: nodeClock,
      log: this.log,
      ...options,
    });
    onTestFinished(() => driver.close());
    return driver;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  /** Writes a shell script to a set. @returns the service. */
  service(set: Role, name: string, body: string): Service {
    this.script(`services.d/${set}/${name}`, body);
    return serviceOf(set, name);
  }

  script(path: string, body: string, mode = 0o755): string {
    return this.file(path, `#!/bin/sh\n${body}\n`, mode);
  }

  /** A script of its own, to be asked for its status. */
  scriptStart(body: string, name = 'x'): ScriptStart {
    return {
      path: this.script(name, body),
      args: ['status'],
      runId: randomUUID(),
      variables: { LOCKSTEP_RUN_DIR: this.runDir },
    };
  }

  file(path: string, content: string, mode = 0o644): string {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    chmodSync(full, mode);
    return full;
  }

  /** The content of a file, trimmed; '' while it is not there. */
  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8').trim() : '';
  }

  /** The pid that a script wrote to a file; waits for it. */
  async pid(name: string): Promise<number> {
    await until(() => /^\d+$/.test(this.read(name)));
    return Number(this.read(name));
  }

  #note(level: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level, fields, message });
  }
}

/** A daemon with a pid file and a `status`, as distributions ship them; it also counts its starts and stops. */
export function daemonScript(sandbox: Sandbox, name: string): string {
  const pidFile = sandbox.path(`${name}.pid`);
  return `# pidfile: ${pidFile}
pid=$(cat ${pidFile} 2>/dev/null)
alive() { case "$(cut -d' ' -f3 /proc/\${pid:-none}/stat 2>/dev/null)" in ''|Z) return 1;; esac; }
echo "$1" >>${sandbox.path(`${name}.calls`)}
case "$1" in
  start) alive && exit 0; setsid sleep 1000 & echo $! >${pidFile};;
  stop) alive && kill $pid; rm -f ${pidFile};;
  status) alive || exit 3;;
esac`;
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${DEADLINE_MS} ms: ${condition}`);
    await setTimeout(10);
  }
}

/** Moves the clock, never faster than real time, until `promise` is settled: what is due then happens while real processes do their part. */
export async function drive<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  void promise.finally(() => {
    isSettled = true;
  });
  await until(async () => {
    await clock.advance(10);
    return isSettled;
  });
  return promise;
}

/** Zombies are dead: process 1 may take its time to collect them. */
export function lives(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !stat.isZombie;
}

export function kill(pid: number): void {
  const stat = readStat(pid);
  if (stat !== undefined && isAlive(stat)) process.kill(pid, 'SIGKILL');
}

/** State by service id. */
export function states({ services }: ServicesObservation): Readonly<Record<string, string>> {
  return Object.fromEntries(services.map(({ service, state }) => [service.id, state]));
}

export const never = new AbortController().signal;

async function endProcessesOf(runDir: string): Promise<void> {
  await until(async () => {
    const processes = await listProcesses();
    const environs = await readEnvirons(processes);
    const ours = processes.filter((_, index) => environs[index]?.has(`LOCKSTEP_RUN_DIR=${runDir}`));
    for (const { pid } of ours) kill(pid);
    return ours.length === 0;
  });
}
