// The GateDriver for folders of scripts: <gatesDir>/ for every host, <gatesDir>/<role>/ for each of its roles, called without arguments.
import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import { ROLES, type Role } from '../../desired-state/host.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';
import type { Gate, GateDriver } from '../../reconcilers/gates/gate-driver.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { RunResult } from '../../reconcilers/services/service-driver.ts';
import { writeAtomically } from '../atomic-write.ts';
import type { Disk } from '../disk.ts';
import { SaidOnce } from '../said-once.ts';
import { HANGS, PatientLook } from './scripts/patient-look.ts';
import { gateVariables } from './scripts/run-variables.ts';
import { GRACE_MS, runScript } from './scripts/script-run.ts';
import { listScripts, lookAtScript, type PassedOver } from './scripts/script-sets.ts';
import { gateOutputFolder } from './scripts/vanished.ts';

export interface ScriptGatesOptions {
  readonly gatesDir: string;
  /** The record goes to its `gates.json`, output to its `output/gates/`. */
  readonly runDir: string;
  readonly roles: readonly Role[];
  /** Time limit of one gate, ms. */
  readonly timeoutMs: number;
  readonly bootId: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

const passedSchema = z.object({ bootId: z.string() });
const MAX_RECORD_BYTES = 4_096;

export class ScriptGates implements GateDriver {
  readonly #options: ScriptGatesOptions;
  readonly #roles: readonly Role[];
  readonly #looks: PatientLook;
  readonly #said = new SaidOnce();
  readonly #running = new Set<Promise<RunResult>>();
  readonly #closing = new AbortController();
  /** Gates are ended when the agent ends, never let go. */
  readonly #never = new AbortController().signal;

  constructor(options: ScriptGatesOptions) {
    this.#options = options;
    this.#looks = new PatientLook(options.clock);
    this.#roles = ROLES.filter((role) => options.roles.includes(role));
  }

  /**
   * A file that others could have written is listed, so that it fails by name when it is run (and it never is): a gate that is passed over would be a
   * gate that passed. A folder that others can write fails the listing for the same reason.
   */
  async list(): Promise<readonly Gate[]> {
    const { gatesDir } = this.#options;
    const folders = [gatesDir, ...this.#roles.map((role) => join(gatesDir, role))];
    const listed = await this.#looks.within(() => this.#listFolders(folders));
    if (listed === undefined) throw new LockstepError('Failed', `${gatesDir}: ${HANGS}`);
    this.#announce(listed.flatMap(({ skipped }) => skipped));
    return listed.flatMap(({ paths }) => paths.map((path) => ({ id: path.slice(gatesDir.length + 1) })));
  }

  async run(gate: Gate, signal: AbortSignal): Promise<RunResult> {
    const { gatesDir, runDir, timeoutMs, disk, clock, log } = this.#options;
    const path = join(gatesDir, gate.id);
    const found = await this.#looks.within(() => lookAtScript(path));
    if (found === undefined) return { kind: 'not-run', message: HANGS };
    if (found.kind === 'gone') return { kind: 'not-run', message: 'it is gone' };
    if (found.kind === 'skipped') return { kind: 'not-run', message: found.skipped.reason };
    const call = {
      path,
      args: [],
      runId: randomUUID(),
      variables: gateVariables(runDir, gate.id),
      outputPath: join(gateOutputFolder(runDir), `${gate.id}.log`),
      limitMs: timeoutMs,
      graceMs: GRACE_MS,
    };
    const running = runScript(call, { disk, clock, log, letGo: this.#never }, this.#orClosing(signal));
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }

  async hasPassed(): Promise<boolean> {
    const path = this.#recordPath();
    try {
      const text = await this.#options.disk.read(path, MAX_RECORD_BYTES);
      return parseOrThrow(passedSchema, JSON.parse(text), path).bootId === this.#options.bootId;
    } catch {
      return false;
    }
  }

  async recordPassed(): Promise<void> {
    const { disk, bootId, log } = this.#options;
    try {
      await writeAtomically(disk, this.#recordPath(), JSON.stringify({ bootId }), {
        mode: 0o644,
      });
    } catch (error) {
      log.warn(
        { error: messageOf(error) },
        'that the gates passed could not be recorded: they will be run again',
      );
    }
  }

  /** Ends the gates that are under way, with their children: without the agent nobody would keep their time limit. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #listFolders(folders: readonly string[]): Promise<readonly ListedFolder[]> {
    const listed: ListedFolder[] = [];
    for (const folder of folders) listed.push(await this.#listFolder(folder));
    return listed;
  }

  async #listFolder(folder: string): Promise<ListedFolder> {
    const { gatesDir } = this.#options;
    const { scripts, skipped, isWhole } = await listScripts(folder);
    if (!isWhole) {
      const reason = skipped.find(({ path }) => path === folder)?.reason ?? '';
      throw new LockstepError(
        'Failed',
        `${folder}: expected a folder whose gates can all be trusted: ${reason}`,
      );
    }
    const isSetOfRole = ({ path }: PassedOver) =>
      folder === gatesDir && ROLES.some((role) => basename(path) === role);
    const unsafe = skipped.filter((one) => one.unsafe);
    return {
      paths: [...scripts, ...unsafe].map(({ path }) => path).sort(),
      skipped: skipped.filter((one) => !one.unsafe && !isSetOfRole(one)),
    };
  }

  #announce(skipped: readonly PassedOver[]): void {
    for (const { path, reason } of this.#said.news(skipped, (one) => `${one.path}\0${one.reason}`)) {
      this.#options.log.info({ path, reason }, 'no gate: passed over');
    }
  }

  #orClosing(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }

  #recordPath(): string {
    return join(this.#options.runDir, 'gates.json');
  }
}

interface ListedFolder {
  /** In their order. */
  readonly paths: readonly string[];
  readonly skipped: readonly PassedOver[];
}
