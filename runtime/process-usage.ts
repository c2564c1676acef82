// What this process costs, as the kernel counts it.

export interface ProcessUsage {
  readonly residentBytes: number;
  /** User and system time since the start, seconds. */
  readonly cpuSeconds: number;
}

/** Two system calls: for the moment at which metrics are written or scraped, not for a loop. */
export function readProcessUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1_000_000 };
}
