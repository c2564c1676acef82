// The agent's metrics in runDir, for the textfile collector of Prometheus' node_exporter. Written seldom, in the background and never synced: what it
// measures matters more than it. It has no timer: the agent's own passes, one per resync at least, are its occasions.
import { join } from 'node:path/posix';
import { messageOf } from '../../desired-state/errors.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import { writeAtomically } from '../atomic-write.ts';
import type { Disk } from '../disk.ts';

/** node_exporter takes files that end in .prom. */
const METRICS_NAME = 'lockstep-agent.prom';
/** node_exporter runs as another user. */
const METRICS_MODE = 0o644;
/** News is written this long after the write before at the soonest, ms: Prometheus' usual scrape interval. */
const NEWS_INTERVAL_MS = 15_000;
/** Without news, counters of routine passes and the time of writing are written this often, ms: a quarter of what rates are usually taken over. */
const ROUTINE_INTERVAL_MS = 60_000;

export function metricsPath(runDir: string): string {
  return join(runDir, METRICS_NAME);
}

export interface MetricsFileOptions {
  readonly disk: Disk;
  readonly runDir: string;
  /** Throws when a path must not be written: it resolves outside the sandbox root. */
  readonly guard: (path: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly render: () => Promise<string>;
}

export class MetricsFile {
  readonly #options: MetricsFileOptions;
  #writing: Promise<void> | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #writtenNews = -1;
  #isFailing = false;

  constructor(options: MetricsFileOptions) {
    this.#options = options;
  }

  /**
   * Writes in the background if it is time to; never throws. A failure is logged once, and tried again like news.
   * @param news rises when there is some.
   */
  touch(news: number): void {
    const sinceMs = this.#options.clock.monotonicMs() - this.#writtenAtMs;
    const isNews = news !== this.#writtenNews || this.#isFailing;
    if (this.#writing !== undefined || sinceMs < (isNews ? NEWS_INTERVAL_MS : ROUTINE_INTERVAL_MS)) return;
    this.#begin(news);
  }

  /** Resolves when what is being written is written, or has failed. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Writes a last time; never rejects. */
  async close(): Promise<void> {
    await this.#writing;
    this.#begin(this.#writtenNews);
    await this.#writing;
  }

  #begin(news: number): void {
    this.#writtenAtMs = this.#options.clock.monotonicMs();
    this.#writtenNews = news;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    const { disk, runDir, guard, log, render } = this.#options;
    const path = metricsPath(runDir);
    try {
      await guard(path);
      await writeAtomically(disk, path, await render(), { mode: METRICS_MODE });
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn({ path, why: messageOf(error) }, 'the metrics file was not written');
      this.#isFailing = true;
    }
  }
}
