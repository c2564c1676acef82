// systemd, the machine's or one of the bench's own: a path unit that makes a flag again, and a service that is started again. Units of this run only, below /run, taken away at the end.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bench } from '../bench.ts';
import { startOwnSystemd } from './own-systemd.ts';

/** A systemctl that hangs is given up after this, ms. */
const SYSTEMCTL_LIMIT_MS = 20_000;

export class SystemdUnits {
  readonly #folder: string;
  /** `--user` where we are not root. */
  readonly #manager: readonly string[];
  /** What systemctl finds its manager by, besides the bench's own environment. */
  readonly #environment: Readonly<Record<string, string>>;
  readonly #prefix = `lockstep-bench-${process.pid}`;
  readonly #files: string[] = [];
  readonly #started: string[] = [];

  /** A sentence where systemd does not run and can't be started, or has no manager for this user. */
  static async find(bench: Bench): Promise<SystemdUnits | string> {
    if (readFileSync('/proc/1/comm', 'utf8').trim() !== 'systemd') {
      const own = await startOwnSystemd(bench);
      if (own === undefined)
        return 'not available here (systemd is not process 1, and can not be started beside it)';
      return new SystemdUnits(own.unitFolder, ['--user'], own.environment);
    }
    if (process.getuid?.() === 0) return new SystemdUnits('/run/systemd/system', []);
    const runtimeDir = process.env.XDG_RUNTIME_DIR;
    if (runtimeDir === undefined || !existsSync(join(runtimeDir, 'systemd'))) {
      return 'not available here (neither root nor in a session of systemd)';
    }
    return new SystemdUnits(join(runtimeDir, 'systemd/user'), ['--user']);
  }

  private constructor(
    folder: string,
    manager: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#folder = folder;
    this.#manager = manager;
    this.#environment = environment;
  }

  /** Makes `flag`, which has to be there, whenever it was deleted. Resolves when that is armed; rejects when systemd refuses it. */
  async restoreFlag(flag: string): Promise<void> {
    const unit = `${this.#prefix}-flag`;
    this.#write(`${unit}.path`, ['[Path]', `PathChanged=${flag}`, 'TriggerLimitIntervalSec=0']);
    this.#write(`${unit}.service`, [
      '[Unit]',
      'StartLimitIntervalSec=0',
      '[Service]',
      'Type=oneshot',
      `ExecStart=/bin/sh -c 'test -e ${flag} || echo locked >${flag}'`,
    ]);
    await this.#start([`${unit}.service`, `${unit}.path`]);
  }

  /** Runs a process that follows `logFile`, its pid in `pidFile`, and runs it again when it ends. Rejects when systemd refuses it. */
  async keepRunning(pidFile: string, logFile: string): Promise<void> {
    const unit = `${this.#prefix}-sample.service`;
    this.#write(unit, [
      '[Unit]',
      'StartLimitIntervalSec=0',
      '[Service]',
      'Restart=always',
      'RestartSec=0',
      `ExecStart=/bin/sh -c 'echo $$$$ >${pidFile}; exec tail -n 0 -f ${logFile}'`,
    ]);
    await this.#start([unit]);
  }

  /** Stops and removes what was made. Never throws. */
  async remove(): Promise<void> {
    if (this.#started.length > 0) await this.#systemctl('stop', ...this.#started).catch(() => undefined);
    for (const file of this.#files) rmSync(file, { force: true });
    await this.#systemctl('daemon-reload').catch(() => undefined);
  }

  #write(name: string, lines: readonly string[]): void {
    mkdirSync(this.#folder, { recursive: true });
    const file = join(this.#folder, name);
    this.#files.push(file);
    writeFileSync(file, `${lines.join('\n')}\n`);
  }

  async #start(units: readonly string[]): Promise<void> {
    await this.#systemctl('daemon-reload');
    this.#started.push(...units.toReversed());
    await this.#systemctl('start', ...units);
  }

  async #systemctl(...args: readonly string[]): Promise<void> {
    const env = { ...process.env, ...this.#environment };
    await promisify(execFile)('systemctl', [...this.#manager, ...args], { timeout: SYSTEMCTL_LIMIT_MS, env });
  }
}
