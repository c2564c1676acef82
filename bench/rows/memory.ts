// Rows: the resident memory of one agent. Measured with the volatile flag's deletions, which are what it is put to.
import type { Row } from '../row.ts';

/** The issue: from a checkout, so running from .ts. */
const TARGETS = [{ statistic: 'value', atMost: 2.8 }] as const;

export const memoryAfterStart: Row = {
  id: 'memory-after-start',
  what: "agent's resident memory, settled after its start, as a multiple of bare Node's",
  unit: 'x',
  targets: TARGETS,
  comparators: ['bare Node with one timer'],
  method:
    'VmRSS of the agent from the checkout (running from .ts), 5 s after it was in sync, over that of a bare Node that does nothing, started beside it; of the built agent, too. It is not its first start: that ' +
    'one compiles all sources, which the compile cache keeps for the next. Libraries and ' +
    'their compiled code are most of it: zod alone is some 18 MiB.',
};

export const memoryAfterDeletions: Row = {
  id: 'memory-after-deletions',
  what: "agent's resident memory after the volatile flag's deletions, as a multiple of bare Node's",
  unit: 'x',
  targets: TARGETS,
  comparators: ['bare Node with one timer', 'bare Node fs.watch loop, after its deletions'],
  method:
    'The same agent and the same bare Node after the deletions of the row above; nothing is collected by force. What it grew by is garbage that V8 had no reason to collect ' +
    'yet, and buffers of the thread pool.',
};
