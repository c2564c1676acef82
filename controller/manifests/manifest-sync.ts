// Keeps the store as the manifests folder says: look at the folder, plan, apply, report; every 5 s and at every hint, so that it does not matter what made
// the two differ. It reaches the folder through ports only.
import { messageOf } from '../../desired-state/errors.ts';
import { ANNOTATIONS, API_VERSION } from '../../desired-state/host.ts';
import type { HostRecord, Store } from '../../desired-state/store/store.ts';
import { type Clock, nowIso, type Random } from '../../reconcilers/loop/clock.ts';
import { ControlLoop, type Outcome, type Pass } from '../../reconcilers/loop/control-loop.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { LoopMonitor } from '../../reconcilers/loop/loop-monitor.ts';
import type { Manifests } from '../api/api-ports.ts';
import type { ManifestFile, ManifestFileList } from '../api/schemas.ts';
import type { Hosts } from '../hosts.ts';
import { AbsentFiles } from './absent-files.ts';
import { applyPlan, ORIGIN, type Shortfall } from './apply-plan.ts';
import { FolderQuiet, QUIET_MS } from './folder-quiet.ts';
import type { FolderListing, ManifestFiles, ManifestWatch } from './manifest-files.ts';
import { type ManifestPlan, type PlannedFile, planManifests } from './manifest-plan.ts';
import { ManifestReadings } from './manifest-readings.ts';
import { type Finding, ManifestReports } from './manifest-reports.ts';

export interface ManifestSyncDeps {
  /** For people; the ports know where it is. */
  readonly folder: string;
  readonly files: ManifestFiles;
  readonly watch: ManifestWatch;
  readonly hosts: Hosts;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly monitor: LoopMonitor<'manifests'>;
  /** Lets everything else have its turn: a folder can be large. */
  readonly turn: () => Promise<void>;
}

/** As agents look at their hosts, ms. */
const RESYNC_INTERVAL_MS = 5_000;
/** Hints within that time are one, ms: a busy folder is looked at ten times a second at most. */
const HINT_INTERVAL_MS = 100;
/** While files are missing they are looked for that often, ms. */
const ABSENCE_LOOK_MS = 1_000;

export class ManifestSync implements Manifests {
  readonly #deps: ManifestSyncDeps;
  readonly #loop: ControlLoop<'manifests'>;
  readonly #readings: ManifestReadings;
  readonly #reports: ManifestReports;
  readonly #quiet = new FolderQuiet();
  readonly #absent = new AbsentFiles();
  #cancelHint: (() => void) | undefined;
  #message = 'not looked at yet';
  #rows: ReadonlyMap<string, ManifestFile> = new Map();

  constructor(deps: ManifestSyncDeps) {
    const { clock, random, log, monitor } = deps;
    this.#deps = deps;
    this.#readings = new ManifestReadings(deps);
    this.#reports = new ManifestReports(deps);
    this.#loop = new ControlLoop({
      reconcilers: { manifests: (pass) => this.#pass(pass) },
      clock,
      random,
      log,
      resyncIntervalMs: RESYNC_INTERVAL_MS,
      monitor,
    });
  }

  start(): void {
    this.#deps.watch.start(() => this.#hint());
    this.#loop.start();
    this.#loop.request('manifests');
  }

  /** Ends what runs; all stays as it is. */
  async stop(): Promise<void> {
    await Promise.all([this.#loop.stop(), this.#deps.watch.close()]);
    this.#cancelHint?.();
  }

  list(): ManifestFileList {
    return {
      apiVersion: API_VERSION,
      kind: 'ManifestFileList',
      folder: this.#deps.folder,
      message: this.#message,
      items: [...this.#rows.values()],
    };
  }

  #hint(): void {
    this.#cancelHint ??= this.#deps.clock.setTimer(HINT_INTERVAL_MS, () => {
      this.#cancelHint = undefined;
      this.#loop.hint('manifests');
    });
  }

  async #pass({ signal }: Pass): Promise<Outcome> {
    const listing = await this.#deps.files.list(signal);
    if (listing.kind === 'problem') return await this.#without(listing.why);
    this.#deps.watch.follow(listing.folders);
    if (!this.#quiet.isQuiet(listing, this.#deps.clock.monotonicMs())) return this.#waitForQuiet(listing);
    const { plan, records, isAwaitingFiles } = await this.#look(listing, signal);
    const shortfall = await applyPlan(plan, this.#deps, signal);
    if (signal.aborted) return { kind: 'settled', sentence: 'stopped' };
    for (const { file, verdict } of plan.files) {
      if (verdict === 'accepted' && !shortfall.files.has(file)) this.#readings.applied(file);
    }
    this.#message = '';
    this.#show(plan.files.map((file) => rowOf(file, shortfall)));
    await this.#reports.tell(
      [this.#folderFinding('good'), ...plan.files.map((file) => findingOf(file, shortfall, records))],
      true,
    );
    const outcome = outcomeOf(plan, shortfall);
    if (outcome.kind !== 'settled' || !isAwaitingFiles) return outcome;
    return { ...outcome, kind: 'look-again', afterMs: ABSENCE_LOOK_MS };
  }

  /** Nothing is known of the files: everything stays as it is. */
  async #without(why: string): Promise<Outcome> {
    this.#deps.watch.follow([]);
    this.#absent.forget();
    this.#message = why;
    await this.#reports.tell([this.#folderFinding('refused')], false);
    return { kind: 'settled', sentence: `manifests folder: ${why}` };
  }

  /** Shows what is new or gone already, and looks again. */
  #waitForQuiet(listing: FolderListing): Outcome {
    const stay = [...listing.files, ...listing.unreadable].map(({ file }): ShownFile => {
      const shown = this.#rows.get(file);
      return shown ?? { file, state: 'Pending', message: `${file}: not read yet`, hosts: [] };
    });
    this.#message = '';
    this.#show(stay.sort((a, b) => (a.file < b.file ? -1 : 1)));
    return { kind: 'look-again', afterMs: QUIET_MS, sentence: 'the manifests folder is being changed' };
  }

  async #look(listing: FolderListing, signal: AbortSignal): Promise<Look> {
    const { store, clock, turn } = this.#deps;
    const readings = await this.#readings.update(listing, signal);
    const records = await this.#records(store);
    await turn();
    const named = [...records.values()].flatMap(({ annotations }) => annotations[ANNOTATIONS.manifest] ?? []);
    const gone = this.#absent.of(named, readings, clock.monotonicMs());
    const plan = planManifests([...readings, ...gone], records, ORIGIN, nowIso(clock));
    return { plan, records, isAwaitingFiles: gone.length > 0 };
  }

  async #records(store: Store): Promise<ReadonlyMap<string, HostRecord>> {
    try {
      const { records } = await store.list();
      return new Map(records.map((record) => [record.name, record]));
    } catch (error) {
      const message = `the store does not answer, tried again: ${messageOf(error)}`;
      this.#show(
        [...this.#rows.values()].map((row) => (row.state === 'Refused' ? row : pending(row, message))),
      );
      throw error;
    }
  }

  #show(files: readonly ShownFile[]): void {
    const at = nowIso(this.#deps.clock);
    this.#rows = new Map(
      files.map((file) => {
        const before = this.#rows.get(file.file);
        return [
          file.file,
          { ...file, hosts: [...file.hosts], since: before?.state === file.state ? before.since : at },
        ];
      }),
    );
  }

  #folderFinding(state: Finding['state']): Finding {
    const { folder } = this.#deps;
    const message = `${folder}: ${state === 'good' ? 'can be read' : this.#message}`;
    return { what: 'folder', file: folder, state, message, held: new Map() };
  }
}

interface Look {
  readonly plan: ManifestPlan;
  readonly records: ReadonlyMap<string, HostRecord>;
  /** Files are missing that may come back. */
  readonly isAwaitingFiles: boolean;
}

type ShownFile = Omit<ManifestFile, 'since' | 'hosts'> & { readonly hosts: readonly string[] };

const STATES = { accepted: 'Applied', refused: 'Refused', pending: 'Pending' } as const;

function rowOf({ file, verdict, reason, hosts }: PlannedFile, shortfall: Shortfall): ShownFile {
  const shown = { file, state: STATES[verdict], message: reason, hosts };
  const why = shortfall.files.get(file);
  return why === undefined ? shown : pending(shown, `${file}: not applied yet, tried again: ${why}`);
}

function pending<T extends ShownFile>(shown: T, message: string): T {
  return { ...shown, state: 'Pending', message };
}

function findingOf(
  { file, verdict, reason, held }: PlannedFile,
  shortfall: Shortfall,
  records: ReadonlyMap<string, HostRecord>,
): Finding {
  const isDone = verdict === 'accepted' && !shortfall.files.has(file);
  const state = verdict === 'refused' ? 'refused' : isDone ? 'good' : 'unknown';
  const generations = new Map(held.map((host) => [host, records.get(host)?.generation ?? 0]));
  return { what: 'file', file, state, message: reason, held: generations };
}

function outcomeOf({ files }: ManifestPlan, { why }: Shortfall): Outcome {
  if (why !== undefined) return { kind: 'retry', sentence: `the store did not take all manifests: ${why}` };
  const count = (verdict: PlannedFile['verdict']) => files.filter((file) => file.verdict === verdict).length;
  const pendingFiles = count('pending');
  const sentence = `manifests: ${count('accepted')} applied, ${count('refused')} refused, ${pendingFiles} pending`;
  if (pendingFiles > 0) return { kind: 'look-again', afterMs: QUIET_MS, sentence };
  return { kind: 'settled', sentence };
}
