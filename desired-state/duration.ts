// Durations as people write them in config files and on command lines: 250ms, 5s, 2m, 1h.
import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Longest delay a Node timer keeps (2^31-1 ms, about 24.8 days); longer ones would fire at once. */
const MAX_DURATION_MS = 2_147_483_647;

/** Whole milliseconds of `text` (`5s`, `250ms`, `2m`, `1h`, `1.5s`), as timers take them, or undefined when it is not a duration or less than half of one. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  const exactMs = Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
  const ms = Math.round(exactMs);
  const isTooShort = ms === 0 && exactMs > 0;
  return ms <= MAX_DURATION_MS && !isTooShort ? ms : undefined;
}

/** Zod schema: a duration's text in, milliseconds out. */
export const durationSchema = z.string().transform((text, ctx) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  ctx.issues.push({
    code: 'custom',
    message: 'expected a duration such as 250ms, 5s or 2m',
    input: text,
  });
  return z.NEVER;
});

/** A duration for people: 740ms, 4.2s, 3m12s, 5h2m, 3d4h. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1).replace(/\.0$/, '')}s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
}
