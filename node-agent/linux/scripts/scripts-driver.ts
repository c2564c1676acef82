// The ServiceDriver for folders of scripts: <servicesDir>/<set>/, called with start, stop and status. It puts the parts of this folder together;
// when to start or stop what is not decided here.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../../desired-state/errors.ts';
import type { Role } from '../../../desired-state/host.ts';
import { type Clock, nowIso } from '../../../reconcilers/loop/clock.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import type {
  ResumedRun,
  RunResult,
  Service,
  ServiceDriver,
  ServiceObservation,
  ServicesObservation,
  Verb,
} from '../../../reconcilers/services/service-driver.ts';
import type { Disk } from '../../disk.ts';
import { PidWatch } from './pid-watch.ts';
import { isAlive, type ProcessIdentity } from './processes.ts';
import { recordedState, rebuiltRecord, withEnd } from './recorded-state.ts';
import { followRun } from './resumed-run.ts';
import { findLeader } from './run-processes.ts';
import { type RunRecord, RunRecords } from './run-records.ts';
import { servicesWithProcesses, serviceVariables } from './run-variables.ts';
import { SaidOnce } from './said-once.ts';
import { type ScriptActions, ScriptActionsCache } from './script-actions.ts';
import { GRACE_MS, type RunContext, runScript } from './script-run.ts';
import { listSets, lookAtScript, type ScriptFile, type ScriptSet, serviceOf } from './script-sets.ts';
import { StatusQuestions } from './status-questions.ts';
import { outputPathOf, tidy } from './vanished.ts';

export interface ScriptsDriverOptions {
  /** Holds a folder for each set. */
  readonly servicesDir: string;
  /** Records go to `services/`, output to `output/`. */
  readonly runDir: string;
  readonly roles: readonly Role[];
  /** Time limit of a start or stop, ms. */
  readonly timeoutMs: number;
  readonly bootId: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

interface Listed {
  readonly service: Service;
  readonly script: ScriptFile;
  /** Undefined: it could not be read, and why is in `trouble`. */
  readonly actions: ScriptActions | undefined;
  readonly trouble: string;
}
