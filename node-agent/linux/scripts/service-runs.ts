// Runs of start and stop, each with its record: at most one at a time for a service, and those of an earlier life of the agent taken over.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../../desired-state/errors.ts';
import { ROLES, type Role } from '../../../desired-state/host.ts';
import { nowIso } from '../../../reconcilers/loop/clock.ts';
import type {
  ResumedRun,
  RunResult,
  Service,
  ServiceObservation,
  Verb,
} from '../../../reconcilers/services/service-driver.ts';
import { isAlive, type ProcessIdentity } from './processes.ts';
import { rebuiltRecord, recordedState, withEnd } from './recorded-state.ts';
import { followRun } from './resumed-run.ts';
import { findLeader } from './run-processes.ts';
import type { RunRecord, RunRecords } from './run-records.ts';
import { servicesWithProcesses, serviceVariables } from './run-variables.ts';
import { GRACE_MS, type RunContext, runScript } from './script-run.ts';
import { outputPathOf } from './vanished.ts';

export interface ServiceRunsOptions {
  readonly servicesDir: string;
  readonly runDir: string;
  /** Time limit of a run, ms. */
  readonly timeoutMs: number;
  readonly bootId: string;
  readonly records: RunRecords;
  readonly context: RunContext;
}

type RecordedState = Pick<ServiceObservation, 'state' | 'message'>;

export class ServiceRuns {
  readonly #options: ServiceRunsOptions;
  readonly #underWay = new Set<string>();
  /** Records that are damaged or gone and that are being made anew, by service id. */
  readonly #rebuilding = new Map<string, Promise<RecordedState>>();
  #searching: Promise<ReadonlySet<string>> | undefined;
  /** Services that have no record and no process: nothing was run of them since. */
  readonly #neverRun = new Set<string>();

  constructor(options: ServiceRunsOptions) {
    this.#options = options;
  }

  isUnderWay(id: string): boolean {
    return this.#underWay.has(id);
  }

  /**
   * Runs a service's script to its end, at most to the time limit. Never rejects.
   * @param isOnlyRecorded nothing but the record will tell what became of it: without one, a start is not begun, because it would be begun again at
   *   each look. A stop always is.
   */
  async run(service: Service, verb: Verb, isOnlyRecorded: boolean, signal: AbortSignal): Promise<RunResult> {
    if (this.#underWay.has(service.id)) {
      return { kind: 'not-run', message: 'another run of it is under way' };
    }
    this.#underWay.add(service.id);
    this.#neverRun.delete(service.id);
    try {
      return await this.#runRecorded(service, verb, isOnlyRecorded, signal);
    } finally {
      this.#underWay.delete(service.id);
    }
  }

  /** What the record says of a service that can't be asked. Never rejects. */
  async recordedState(service: Service): Promise<RecordedState> {
    const look = await this.#options.records.find(service);
    if (look.kind !== 'none') this.#neverRun.delete(service.id);
    switch (look.kind) {
      case 'none':
        if (this.#neverRun.has(service.id)) return recordedState(undefined);
        return this.#rebuildOnce(service, (hasProcess) => this.#replaceMissing(service, hasProcess));
      case 'found':
        return recordedState(look.record);
      case 'unreadable':
        return { state: 'unknown', message: `the record of its last run can't be read: ${look.message}` };
      case 'damaged':
        return this.#rebuildOnce(service, (hasProcess) =>
          this.#replaceDamaged(service, look.text, hasProcess),
        );
    }
  }

  /** Forgets every service that is not in `ids`. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#neverRun) if (!ids.has(id)) this.#neverRun.delete(id);
  }

  /** Takes over the runs that an earlier life of the agent left, and notes the end of those that ended meanwhile. Never rejects. */
  async resume(): Promise<readonly ResumedRun[]> {
    const resumed = await Promise.all(ROLES.map((set) => this.#resumeSet(set)));
    return resumed.flat();
  }

  async #runRecorded(
    service: Service,
    verb: Verb,
    isOnlyRecorded: boolean,
    signal: AbortSignal,
  ): Promise<RunResult> {
    const { records, context, runDir, timeoutMs } = this.#options;
    let record: RunRecord = { ...this.#blankRecord(), verb, leader: null, end: null };
    const isWritten = await records.save(service, record);
    const result: RunResult =
      isWritten || verb === 'stop' || !isOnlyRecorded
        ? await runScript(
            {
              path: this.#pathOf(service),
              args: [verb],
              runId: record.runId,
              variables: serviceVariables(runDir, service, verb),
              outputPath: outputPathOf(runDir, service.set, service.name),
              limitMs: timeoutMs,
              graceMs: GRACE_MS,
            },
            context,
            signal,
            async (leader) => {
              record = { ...record, leader };
              await records.save(service, record);
            },
          )
        : { kind: 'not-run', message: `no record of it could be written below ${runDir}` };
    await records.save(service, withEnd(record, result));
    return result;
  }

  /**
   * By what is left of the service's runs. Two looks at once, a pass' and a plan's, would take each other's draft of the new record away.
   * @param rebuild is told whether a process of the service lives.
   */
  #rebuildOnce(
    service: Service,
    rebuild: (hasProcess: boolean) => Promise<RecordedState>,
  ): Promise<RecordedState> {
    const rebuilding =
      this.#rebuilding.get(service.id) ??
      this.#rebuild(service, rebuild).finally(() => this.#rebuilding.delete(service.id));
    this.#rebuilding.set(service.id, rebuilding);
    return rebuilding;
  }

  async #rebuild(
    service: Service,
    rebuild: (hasProcess: boolean) => Promise<RecordedState>,
  ): Promise<RecordedState> {
    try {
      const alive = await this.#findProcesses();
      return await rebuild(alive.has(service.id));
    } catch (error) {
      return {
        state: 'unknown',
        message: `its record is damaged or gone, and /proc can't be read: ${messageOf(error)}`,
      };
    }
  }

  /** One search for all services that are rebuilt at once. */
  #findProcesses(): Promise<ReadonlySet<string>> {
    this.#searching ??= servicesWithProcesses(this.#options.runDir).finally(() => {
      this.#searching = undefined;
    });
    return this.#searching;
  }

  async #replaceDamaged(service: Service, text: string, hasProcess: boolean): Promise<RecordedState> {
    const record = rebuiltRecord(this.#blankRecord(), 'damaged', hasProcess);
    await this.#options.records.replaceDamaged(service, text, record);
    return recordedState(record);
  }

  /** Somebody removed it, or the agent is new here: what runs is not started once more. */
  async #replaceMissing(service: Service, hasProcess: boolean): Promise<RecordedState> {
    if (!hasProcess) {
      this.#neverRun.add(service.id);
      return recordedState(undefined);
    }
    const look = await this.#options.records.find(service);
    // It was run while its processes were looked for.
    if (look.kind === 'found') return recordedState(look.record);
    const record = rebuiltRecord(this.#blankRecord(), 'gone', hasProcess);
    this.#options.context.log.warn(
      { service: service.id },
      'the record of a run is gone, and a process that it started is alive: made anew',
    );
    await this.#options.records.save(service, record);
    return recordedState(record);
  }

  async #resumeSet(set: Role): Promise<readonly ResumedRun[]> {
    const { records, context } = this.#options;
    try {
      const services = await records.list(set);
      const resumed = await Promise.all(services.map((service) => this.#resumeOne(service)));
      return resumed.filter((run) => run !== undefined);
    } catch (error) {
      context.log.error(
        { set, error: messageOf(error) },
        'runs that were left under way could not be looked for',
      );
      return [];
    }
  }

  async #resumeOne(service: Service): Promise<ResumedRun | undefined> {
    const { records, context, runDir, timeoutMs } = this.#options;
    const look = await records.find(service);
    if (look.kind !== 'found' || look.record.end !== null) return undefined;
    const { record } = look;
    const fields = { service: service.id, verb: record.verb };
    const leader = await this.#livingLeader(service, record);
    if (leader === undefined) {
      context.log.info(fields, 'a run ended unseen while no agent was there');
      await records.save(service, withEnd(record, { kind: 'ended-unseen' }));
      return undefined;
    }
    context.log.info({ ...fields, pid: leader.pid }, 'a run of an earlier agent goes on');
    this.#underWay.add(service.id);
    const left = {
      service,
      path: this.#pathOf(service),
      outputPath: outputPathOf(runDir, service.set, service.name),
      record: { ...record, leader },
      leader,
      limitMs: timeoutMs,
    };
    return followRun(left, context, async (result) => {
      await records.save(service, withEnd(left.record, result));
      this.#underWay.delete(service.id);
    });
  }

  async #livingLeader(service: Service, { leader, runId }: RunRecord): Promise<ProcessIdentity | undefined> {
    if (leader === null) return findLeader(runId, this.#pathOf(service));
    return isAlive(leader) ? leader : undefined;
  }

  #blankRecord(): Pick<RunRecord, 'bootId' | 'runId' | 'startedAt'> {
    const { bootId, context } = this.#options;
    return { bootId, runId: randomUUID(), startedAt: nowIso(context.clock) };
  }

  #pathOf({ set, name }: Service): string {
    return join(this.#options.servicesDir, set, name);
  }
}
