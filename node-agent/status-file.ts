// What the agent knows and does, in runDir/status.json: for people and programs on this host, also without any controller. Never an input of a decision.
import { join } from 'node:path/posix';
import { z } from 'zod';
import { errnoOf, LockstepError, messageOf } from '../desired-state/errors.ts';
import { generationSchema } from '../desired-state/generation.ts';
import { API_VERSION, hostNameSchema, roleSchema, statusSchema } from '../desired-state/host.ts';
import { parseOrThrow } from '../desired-state/parse.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import { writeAtomically } from './atomic-write.ts';
import type { Disk } from './disk.ts';

const STATUS_NAME = 'status.json';
/** Any local program may read it, whatever the umask. */
const STATUS_MODE = 0o644;
/** Far above the status of a host with thousands of services. */
const MAX_STATUS_BYTES = 33_554_432;

const timeSchema = z.iso.datetime();

/** null: left as it is. `source`: where what is desired is known from (design.md, "What an agent knows"). */
const desiredSchema = z.object({
  generation: generationSchema,
  locked: z.boolean().nullable(),
  servicesEnabled: z.boolean().nullable(),
  source: z.enum(['controller', 'remembered', 'flags', 'fresh-install', 'nothing']),
  message: z.string(),
});

const agentStatusSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('AgentStatus'),
  host: hostNameSchema,
  pid: z.int().min(1),
  startedAt: timeSchema,
  /** When anything in it last changed. */
  updatedAt: timeSchema,
  agentVersion: z.string(),
  bootId: z.string(),
  roles: z.array(roleSchema),
  desired: desiredSchema,
  acknowledgedGeneration: generationSchema,
  links: z.array(
    z.object({
      network: z.string(),
      state: z.enum(['connected', 'disconnected']),
      since: timeSchema,
      message: z.string(),
    }),
  ),
  status: statusSchema,
  operations: z.array(z.object({ service: z.string(), verb: z.enum(['start', 'stop']), since: timeSchema })),
  blocked: z.array(z.string()),
  /** Newest last. */
  corrections: z.array(z.object({ at: timeSchema, message: z.string(), latencyMs: z.number().min(0) })),
});
export type AgentStatus = z.infer<typeof agentStatusSchema>;

/** As it is on the disk: `pidStartTicks` tells this process from a later one of the same pid (readProcessStart); null: unknown. */
const storedStatusSchema = agentStatusSchema.extend({ pidStartTicks: z.int().min(0).nullable() });
export type StoredAgentStatus = z.infer<typeof storedStatusSchema>;

export function statusPath(runDir: string): string {
  return join(runDir, STATUS_NAME);
}

export interface StatusFileOptions {
  readonly disk: Disk;
  readonly runDir: string;
  /** Throws when a path must not be written: it resolves outside the sandbox root. */
  readonly guard: (path: string) => Promise<void>;
  readonly pidStartTicks: number | null;
  readonly log: Log;
}

export class StatusFile {
  readonly #options: StatusFileOptions;
  /** The newest not yet begun to be written: at most one waits. */
  #waiting: AgentStatus | undefined;
  #writing: Promise<void> | undefined;
  #isNews = false;
  #isFailing = false;

  constructor(options: StatusFileOptions) {
    this.#options = options;
  }

  /**
   * Replaces the file in the background, the newest winning; never throws. A failure is logged once, and the next publish tries again.
   * @param isNews false: only where the file is gone, or could not be written.
   */
  publish(status: AgentStatus, isNews: boolean): void {
    if (!isNews && this.#waiting !== undefined) return;
    this.#waiting = status;
    this.#isNews ||= isNews;
    this.#writing ??= this.#writeWaiting();
  }

  /** Resolves when all that was published is written, or has failed. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeWaiting(): Promise<void> {
    for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
      const isNews = this.#isNews;
      this.#waiting = undefined;
      this.#isNews = false;
      if (isNews || this.#isFailing || (await this.#isGone())) await this.#write(next);
    }
    this.#writing = undefined;
  }

  async #isGone(): Promise<boolean> {
    const { disk, runDir } = this.#options;
    return (await disk.kindOf(statusPath(runDir)).catch(() => 'absent')) === 'absent';
  }

  async #write(status: AgentStatus): Promise<void> {
    const { disk, runDir, guard, pidStartTicks, log } = this.#options;
    const path = statusPath(runDir);
    const stored: StoredAgentStatus = { ...status, pidStartTicks };
    try {
      await guard(path);
      await writeAtomically(disk, path, `${JSON.stringify(stored)}\n`, { mode: STATUS_MODE });
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn({ path, why: messageOf(error) }, 'the status file was not written');
      this.#isFailing = true;
    }
  }
}

/**
 * What the agent last published; undefined when there is nothing.
 * @throws LockstepError `Invalid` when what is there is no status; the Node system error when it can't be read.
 */
export async function readStatusFile(disk: Disk, runDir: string): Promise<StoredAgentStatus | undefined> {
  const path = statusPath(runDir);
  const text = await disk.read(path, MAX_STATUS_BYTES).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseOrThrow(storedStatusSchema, parseJson(text, path), path);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LockstepError(
      'Invalid',
      `${path}: expected the agent's status as JSON, found ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
