// A controller without a manifests folder: what an earlier one with a folder held is released, or nobody could ever change it.
import { ANNOTATIONS, API_VERSION } from '../../desired-state/host.ts';
import type { Store } from '../../desired-state/store/store.ts';
import type { Clock, Random } from '../../reconcilers/loop/clock.ts';
import { ControlLoop, type Outcome } from '../../reconcilers/loop/control-loop.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import type { LoopMonitor } from '../../reconcilers/loop/loop-monitor.ts';
import type { Manifests } from '../api/api-ports.ts';
import type { ManifestFileList } from '../api/schemas.ts';
import type { Hosts } from '../hosts.ts';
import { ORIGIN } from './apply-plan.ts';

export interface NoManifestsDeps {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly monitor: LoopMonitor<'manifests'>;
}

/** The longest wait before a release that failed is tried again, ms. */
const RETRY_CAP_MS = 5_000;

export class NoManifests implements Manifests {
  readonly #deps: NoManifestsDeps;
  readonly #loop: ControlLoop<'manifests'>;

  constructor(deps: NoManifestsDeps) {
    const { clock, random, log, monitor } = deps;
    this.#deps = deps;
    this.#loop = new ControlLoop({
      reconcilers: { manifests: () => this.#release() },
      clock,
      random,
      log,
      resyncIntervalMs: RETRY_CAP_MS,
      monitor,
    });
  }

  /** Releases, once; what the store does not take is tried again until it does. */
  start(): void {
    this.#loop.request('manifests');
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  list(): ManifestFileList {
    return { apiVersion: API_VERSION, kind: 'ManifestFileList', folder: null, message: '', items: [] };
  }

  async #release(): Promise<Outcome> {
    const { records } = await this.#deps.store.list();
    const held = records.filter(
      ({ annotations, deleted }) => !deleted && annotations[ANNOTATIONS.manifest] !== undefined,
    );
    await this.#deps.hosts.release(
      held.map(({ name }) => name),
      ORIGIN,
    );
    return { kind: 'settled', sentence: `no manifests folder: ${held.length} hosts released` };
  }
}
