// All that is measured, in the order of the table.
import type { Measurement } from './bench.ts';
import { agentStart } from './rows/agent-start.ts';
import { idle } from './rows/idle.ts';
import { lock } from './rows/lock.ts';
import { manyScripts } from './rows/many-scripts.ts';
import { persistentFlag } from './rows/persistent-flag.ts';
import { service } from './rows/service.ts';
import { thousandHosts } from './rows/thousand-hosts.ts';
import { volatileFlag } from './rows/volatile-flag.ts';

export const MEASUREMENTS: readonly Measurement[] = [
  volatileFlag,
  persistentFlag,
  lock,
  service,
  agentStart,
  idle,
  manyScripts,
  thousandHosts,
];
