// Tells what becomes of the manifests folder and its files, each transition once: in the log, and as events of the hosts that a file holds, or of none.
import { type HostEvent, NO_HOST } from '../../desired-state/events.ts';
import { MAX_HOSTS_PER_WRITE, type Store } from '../../desired-state/store/store.ts';
import { type Clock, nowIso } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';

/** A file, or the folder itself, as it stands after a look. */
export interface Finding {
  readonly what: 'file' | 'folder' | 'gone';
  readonly file: string;
  readonly state: 'good' | 'refused' | 'unknown';
  /** A sentence that names the file. */
  readonly message: string;
  /** The hosts that it holds, with their generations; without any its events are about no host. */
  readonly held: ReadonlyMap<string, number>;
}

export interface ManifestReportsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Lets everything else have its turn. */
  readonly turn: () => Promise<void>;
}

export class ManifestReports {
  readonly #deps: ManifestReportsDeps;
  /** The refusals that the log has, by file. */
  readonly #logged = new Map<string, string>();
  /** The refusals that the events have, by file. */
  readonly #recorded = new Map<string, Finding>();

  constructor(deps: ManifestReportsDeps) {
    this.#deps = deps;
  }

  /**
   * Tells what became another one than was told last.
   * @param findings each file once; a file that is left out is gone if `isComplete`.
   * @throws what the store throws: what it did not take is recorded next time, and not logged again.
   */
  async tell(findings: readonly Finding[], isComplete: boolean): Promise<void> {
    const all = isComplete ? [...findings, ...this.#goneBut(findings)] : findings;
    for (const finding of all) this.#logIfNew(finding);
    let batch: Notice[] = [];
    let size = 0;
    for (const finding of all) {
      const events = this.#eventsOf(finding);
      if (events.length === 0) continue;
      batch.push({ finding, events });
      size += events.length;
      if (size < MAX_HOSTS_PER_WRITE) continue;
      await this.#record(batch);
      batch = [];
      size = 0;
    }
    if (batch.length > 0) await this.#record(batch);
  }

  #goneBut(findings: readonly Finding[]): readonly Finding[] {
    const there = new Set(findings.map(({ file }) => file));
    const told = new Set([...this.#logged.keys(), ...this.#recorded.keys()]);
    return [...told]
      .filter((file) => !there.has(file))
      .map((file) => ({ what: 'gone', file, state: 'good', message: `${file}: gone`, held: new Map() }));
  }

  #logIfNew({ what, file, state, message, held }: Finding): void {
    const { log } = this.#deps;
    if (state === 'refused' && this.#logged.get(file) !== message) {
      this.#logged.set(file, message);
      log.warn({ file, detail: message, hosts: held.size }, WORDS[what].refusedLog);
    }
    if (state === 'good' && this.#logged.delete(file)) {
      log.info({ file, detail: message }, WORDS[what].goodLog);
    }
  }

  #eventsOf(finding: Finding): readonly HostEvent[] {
    const { what, file, state, message, held } = finding;
    const told = this.#recorded.get(file);
    const at = nowIso(this.#deps.clock);
    const eventsFor = (hosts: ReadonlyMap<string, number>, type: HostEvent['type'], reason: string) =>
      [...(hosts.size === 0 ? NOBODY : hosts)].map(([host, generation]): HostEvent => {
        return { host, type, reason, message, generation, at, firstAt: at, count: 1, actor: 'controller' };
      });
    if (state === 'refused' && told?.message !== message)
      return eventsFor(held, 'Warning', WORDS[what].refused);
    // Those who heard that it is refused hear that it is good again.
    if (state === 'good' && told !== undefined) {
      const now = new Map([...told.held].map(([host, before]) => [host, held.get(host) ?? before]));
      return eventsFor(now, 'Normal', WORDS[what].good);
    }
    return [];
  }

  async #record(batch: readonly Notice[]): Promise<void> {
    await this.#deps.store.appendEvents(batch.flatMap(({ events }) => events));
    for (const { finding } of batch) {
      if (finding.state === 'refused') this.#recorded.set(finding.file, finding);
      else this.#recorded.delete(finding.file);
    }
    await this.#deps.turn();
  }
}

interface Notice {
  readonly finding: Finding;
  readonly events: readonly HostEvent[];
}

const NOBODY: ReadonlyMap<string, number> = new Map([[NO_HOST, 0]]);

/** Event reasons and log lines. */
const WORDS = {
  file: {
    refused: 'ManifestRefused',
    good: 'ManifestAccepted',
    refusedLog: 'manifest refused',
    goodLog: 'manifest accepted',
  },
  folder: {
    refused: 'ManifestsUnreadable',
    good: 'ManifestsReadable',
    refusedLog: 'manifests folder not readable',
    goodLog: 'manifests folder readable again',
  },
  /** A file that was refused and is not there any more. */
  gone: {
    refused: 'ManifestRefused',
    good: 'ManifestGone',
    refusedLog: 'manifest refused',
    goodLog: 'manifest gone',
  },
} as const;
