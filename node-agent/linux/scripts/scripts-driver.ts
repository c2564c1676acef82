// The ServiceDriver for folders of scripts: <servicesDir>/<set>/, called with start, stop and status. It puts the parts of this folder together;
// when to start or stop what is not decided here.
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { messageOf } from '../../../desired-state/errors.ts';
import { ROLES, type Role } from '../../../desired-state/host.ts';
import type { Clock } from '../../../reconcilers/loop/clock.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import type {
  ResumedRun,
  RunResult,
  Scope,
  Service,
  ServiceDriver,
  ServiceObservation,
  ServicesObservation,
  Verb,
} from '../../../reconcilers/services/service-driver.ts';
import type { Disk } from '../../disk.ts';
import { SaidOnce } from '../../said-once.ts';
import { endLeftovers } from './leftovers.ts';
import { HANGS, PatientLook } from './patient-look.ts';
import { PidWatch, watchedAtMost } from './pid-watch.ts';
import { readMaxOpenFiles } from './processes.ts';
import { MAX_ASKED_AT_ONCE } from './question-lane.ts';
import { RunRecords } from './run-records.ts';
import { serviceVariables } from './run-variables.ts';
import { type ScriptActions, ScriptActionsCache } from './script-actions.ts';
import type { RunContext } from './script-run.ts';
import {
  listNone,
  listSets,
  lookAtScript,
  type PassedOver,
  passOverFolder,
  type ScriptFile,
  type ScriptSet,
  type SetsListing,
  serviceOf,
} from './script-sets.ts';
import { ScriptShell } from './script-shell.ts';
import { ServiceRuns } from './service-runs.ts';
import { StandingAnswers } from './standing-answers.ts';
import { type StatusAnswer, StatusQuestions } from './status-questions.ts';
import { tidy } from './vanished.ts';

export interface ScriptsDriverOptions {
  /** Holds a folder for each set. */
  readonly servicesDir: string;
  /** Records go to its `services/`, output to its `output/`. */
  readonly runDir: string;
  readonly roles: readonly Role[];
  /** Time limit of a start or stop, ms. */
  readonly timeoutMs: number;
  /** Records of another boot count as none. */
  readonly bootId: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

/** Services observed at once by asking them: somewhat more than are asked at once, so that no question waits. All at once would hold up the event loop. */
const ASKED_AT_ONCE = MAX_ASKED_AT_ONCE + 8;
/** Services observed at once by reading their records. */
const READ_AT_ONCE = 16;

const RUNNING: StatusAnswer = { state: 'running', message: '' };
const UNDER_WAY = 'a start or stop of it is under way';

/** A script as it was listed, with what it says of itself, or why that can't be read. */
interface Listed {
  readonly service: Service;
  readonly script: ScriptFile;
  readonly actions: ScriptActions | { readonly trouble: string };
}

export class ScriptsDriver implements ServiceDriver {
  readonly #options: ScriptsDriverOptions;
  readonly #roles: readonly Role[];
  readonly #records: RunRecords;
  readonly #runs: ServiceRuns;
  readonly #looks: PatientLook;
  /** Apart: what is to be run waits for no listing. */
  readonly #looksToRun: PatientLook;
  readonly #shell: ScriptShell;
  readonly #questions: StatusQuestions;
  readonly #pidWatch: PidWatch;
  readonly #standing: StandingAnswers;
  readonly #actions = new ScriptActionsCache();
  readonly #saidSkipped = new SaidOnce();
  readonly #saidRecorded = new SaidOnce();
  readonly #listeners: (() => void)[] = [];
  readonly #closing = new AbortController();

  constructor(options: ScriptsDriverOptions) {
    const { servicesDir, runDir, timeoutMs, bootId, disk, clock, log } = options;
    this.#options = options;
    this.#roles = ROLES.filter((role) => options.roles.includes(role));
    const context: RunContext = { disk, clock, log, letGo: this.#closing.signal };
    this.#records = new RunRecords({ folder: join(runDir, 'services'), bootId, disk, log });
    this.#runs = new ServiceRuns({ servicesDir, runDir, timeoutMs, bootId, records: this.#records, context });
    this.#looks = new PatientLook(clock);
    this.#looksToRun = new PatientLook(clock);
    this.#shell = new ScriptShell({ log });
    this.#questions = new StatusQuestions(
      { ...context, starter: this.#shell },
      timeoutMs,
      availableParallelism(),
      () => this.#tellListeners(),
    );
    this.#pidWatch = new PidWatch({
      clock,
      log,
      maxProcesses: watchedAtMost(readMaxOpenFiles()),
      onEvent: () => this.#tellListeners(),
    });
    this.#standing = new StandingAnswers((pidFile) => this.#pidWatch.processOf(pidFile));
  }

  async observe(signal: AbortSignal, scope: Scope): Promise<ServicesObservation> {
    const { sets, skipped, listed } = await this.#list();
    this.#announce(listed, skipped);
    this.#pidWatch.watch(pidFilesOf(listed));
    const services = await this.#observeAll(listed, scope, signal);
    if (!signal.aborted) await this.#tidy(sets);
    return { services, skipped: skipped.map(({ path, ...why }) => ({ name: this.#nameOf(path), ...why })) };
  }

  async run(service: Service, verb: Verb, signal: AbortSignal): Promise<RunResult> {
    this.#questions.forget(service.id);
    this.#standing.forget(service.id);
    try {
      const look = await this.#looksToRun.within(() => this.#lookToRun(service));
      if (look === undefined) return { kind: 'not-run', message: HANGS };
      if (look.kind === 'not-run') return look;
      return await this.#runs.run(service, verb, !look.hasStatus, signal);
    } catch (error) {
      return { kind: 'not-run', message: messageOf(error) };
    }
  }

  resume(): Promise<readonly ResumedRun[]> {
    void endLeftovers(this.#options.runDir, this.#options.log);
    return this.#runs.resume();
  }

  onEvent(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Runs in flight go on without limit or abort: the next life of the agent finds them by their records. */
  async close(): Promise<void> {
    const ended = this.#questions.close();
    this.#closing.abort();
    this.#pidWatch.close();
    await ended;
    this.#shell.close();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Whatever hangs, it is over in time: then nothing is known of any set. */
  async #list(): Promise<SetsListing & { readonly listed: readonly Listed[] }> {
    const { servicesDir } = this.#options;
    const listing = await this.#looks.within(async () => {
      const { sets, skipped } = await listSets(servicesDir, this.#roles);
      return { sets, skipped, listed: await this.#readActions(sets) };
    });
    return listing ?? { ...listNone(this.#roles, passOverFolder(servicesDir, HANGS)), listed: [] };
  }

  /** Who can write it, and whether it is there, may have changed since it was listed. */
  async #lookToRun(service: Service) {
    const found = await lookAtScript(this.#pathOf(service));
    if (found.kind === 'gone') return { kind: 'not-run', message: 'its script is gone' } as const;
    if (found.kind === 'skipped') return { kind: 'not-run', message: found.skipped.reason } as const;
    const { hasStatus } = await this.#actions.read(found.script);
    return { kind: 'found', hasStatus } as const;
  }

  async #readActions(sets: readonly ScriptSet[]): Promise<readonly Listed[]> {
    const scripts = sets.flatMap((set) =>
      set.scripts.map((script) => ({ script, service: serviceOf(set.set, script.name) })),
    );
    this.#actions.keepOnly(scripts.map(({ script }) => script));
    const listed: Listed[] = [];
    // One after the other: each is read once, and one that hangs keeps a thread that flags need too.
    for (const { script, service } of scripts) {
      listed.push({ script, service, actions: await this.#actionsOf(script) });
    }
    return listed;
  }

  async #actionsOf(script: ScriptFile): Promise<Listed['actions']> {
    try {
      return await this.#actions.read(script);
    } catch (error) {
      return { trouble: messageOf(error) };
    }
  }

  async #observeAll(
    listed: readonly Listed[],
    scope: Scope,
    signal: AbortSignal,
  ): Promise<readonly ServiceObservation[]> {
    const ids = new Set(listed.map(({ service }) => service.id));
    this.#questions.keepOnly(ids);
    this.#standing.keepOnly(ids);
    this.#runs.keepOnly(ids);
    const known = new Map<string, StatusAnswer>();
    for (const one of listed) {
      const answer = this.#knownUnasked(one, scope);
      if (answer !== undefined) known.set(one.service.id, answer);
      if (scope === 'all' && answer !== undefined) this.#askAgain(one);
    }
    const unknown = listed.filter(({ service }) => !known.has(service.id));
    const look = this.#questions.beginLook(unknown.length, signal);
    const seen = new Map<string, ServiceObservation>();
    const observe = async (some: readonly Listed[], atOnce: number) => {
      const waiting = some.values();
      const observeNext = async () => {
        for (const one of waiting) seen.set(one.service.id, await this.#observeOne(one, look.signal));
      };
      await Promise.all(Array.from({ length: atOnce }, observeNext));
    };
    try {
      const asked = unknown.filter(({ actions }) => isAsked(actions));
      const recorded = unknown.filter(({ actions }) => !isAsked(actions));
      const inTurn = this.#questions.inTurn(asked, ({ service }) => service.id);
      await Promise.all([observe(inTurn, ASKED_AT_ONCE), observe(recorded, READ_AT_ONCE)]);
      return listed.map(
        ({ service }) => seen.get(service.id) ?? this.#unasked(service, known.get(service.id)),
      );
    } finally {
      look.done();
    }
  }

  /** What is known of a service that this look does not ask: that it runs as it did, or that it was asked in vain, which would hold up the look. */
  #knownUnasked({ service, actions }: Listed, scope: Scope): StatusAnswer | undefined {
    if (scope === 'changed' && this.#standing.isRunning(service.id, pidFileOf(actions))) return RUNNING;
    return isAsked(actions) ? this.#questions.inVain(service.id) : undefined;
  }

  /** Beside the look. */
  #askAgain({ service, script }: Listed): void {
    if (this.#runs.isUnderWay(service.id)) return;
    this.#questions.askAgain(service.id, this.#statusCall(service, script));
  }

  #statusCall(service: Service, { path }: ScriptFile) {
    return {
      path,
      runId: randomUUID(),
      variables: serviceVariables(this.#options.runDir, service, 'status'),
    };
  }

  /** Of one that was not asked: a start or stop of it may have begun since. */
  #unasked(service: Service, answer: StatusAnswer | undefined): ServiceObservation {
    return answer === undefined || this.#runs.isUnderWay(service.id)
      ? unknownOf(service, UNDER_WAY)
      : { service, ...answer, recorded: false };
  }

  async #observeOne({ service, script, actions }: Listed, signal: AbortSignal): Promise<ServiceObservation> {
    // What is seen in the middle of a start or stop says nothing of its outcome, and may be old news once it has ended.
    const busy = unknownOf(service, UNDER_WAY);
    if (this.#runs.isUnderWay(service.id)) return busy;
    if ('trouble' in actions) return unknownOf(service, `its script can't be read: ${actions.trouble}`);
    if (!actions.hasStatus) {
      const recorded = await this.#runs.recordedState(service);
      return this.#runs.isUnderWay(service.id) ? busy : { service, ...recorded, recorded: true };
    }
    const call = this.#statusCall(service, script);
    const answer = await this.#standing.asking(service.id, pidFileOf(actions), () =>
      this.#questions.ask(service.id, call, signal),
    );
    return this.#runs.isUnderWay(service.id) ? busy : { service, ...answer, recorded: false };
  }

  async #tidy(sets: readonly ScriptSet[]): Promise<void> {
    const { runDir, disk, log } = this.#options;
    try {
      await tidy(sets, { runDir, disk, records: this.#records, isBusy: (id) => this.#runs.isUnderWay(id) });
    } catch (error) {
      log.debug({ error: messageOf(error) }, 'what services left in runDir could not be tidied up');
    }
  }

  #announce(listed: readonly Listed[], skipped: readonly PassedOver[]): void {
    const { log } = this.#options;
    for (const { path, reason, unsafe, hidesServices } of this.#saidSkipped.news(skipped, keyOf)) {
      if (unsafe) log.error({ path, reason }, 'not run: others could have written it');
      else if (hidesServices) log.warn({ path, reason }, 'not looked at: there may be services in it');
      else log.info({ path, reason }, 'no service: passed over');
    }
    const recorded = listed.filter(({ actions }) => 'hasStatus' in actions && !actions.hasStatus);
    for (const { service } of this.#saidRecorded.news(recorded, (one) => one.service.id)) {
      log.info(
        { service: service.id },
        'its script has no status: known from the record of its last run, so a death or a start by hand goes unseen',
      );
    }
  }

  #pathOf({ set, name }: Service): string {
    return join(this.#options.servicesDir, set, name);
  }

  /** Of what lies where services do: as theirs. */
  #nameOf(path: string): string {
    return relative(this.#options.servicesDir, path) || path;
  }
}

function unknownOf(service: Service, message: string): ServiceObservation {
  return { service, state: 'unknown', message, recorded: false };
}

/** A service that is known by its record is not watched: a look would find nothing new. */
function pidFilesOf(listed: readonly Listed[]): ReadonlySet<string> {
  const pidFiles = listed.map(({ actions }) => pidFileOf(actions));
  return new Set(pidFiles.filter((path) => path !== undefined));
}

function isAsked(actions: Listed['actions']): boolean {
  return 'hasStatus' in actions && actions.hasStatus;
}

function pidFileOf(actions: Listed['actions']): string | undefined {
  return 'hasStatus' in actions && actions.hasStatus ? actions.pidFile : undefined;
}

function keyOf({ path, reason }: PassedOver): string {
  return `${path}\0${reason}`;
}
