// Writes what the plan of the manifests says, in batches. What one file's hosts fail by holds back no other file.
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import { MAX_HOSTS_PER_WRITE } from '../../desired-state/store/store.ts';
import type { Hosts } from '../hosts.ts';
import type { Origin } from '../spec-change.ts';
import type { ManifestApplication, ManifestPlan } from './manifest-plan.ts';

/** Who brings what the files say; of a host that one declares, the event names the file as its actor. */
export const ORIGIN: Origin = { actor: 'controller', network: 'manifests' };

/** What was not done. `files`: why, by file; `why`: one reason of all, undefined when everything was done. */
export interface Shortfall {
  readonly files: ReadonlyMap<string, string>;
  readonly why: string | undefined;
}

export interface ApplyDeps {
  readonly hosts: Hosts;
  /** Lets everything else have its turn. */
  readonly turn: () => Promise<void>;
}

type Plan = Pick<ManifestPlan, 'applications' | 'releases'>;

/** Never rejects. When `signal` aborts it ends early, and speaks only of what it came to. */
export async function applyPlan(
  { applications, releases }: Plan,
  deps: ApplyDeps,
  signal: AbortSignal,
): Promise<Shortfall> {
  const files = new Map<string, string>();
  const todo = chunks(applications);
  for (let batch = todo.shift(); batch !== undefined && !signal.aborted; batch = todo.shift()) {
    const error = await errorOf(deps.hosts.apply(batch, ORIGIN));
    await deps.turn();
    if (error === undefined) continue;
    const parts = byFile(batch);
    if (!isAboutHosts(error)) {
      // The store itself: it would not take the rest either.
      const why = messageOf(error);
      for (const { file } of [batch, ...todo].flat()) files.set(file, why);
      return { files, why };
    }
    if (parts.size > 1) todo.unshift(...parts.values());
    else for (const file of parts.keys()) files.set(file, messageOf(error));
  }
  const [why] = files.values();
  return { files, why: (await release(releases, deps, signal)) ?? why };
}

/** @returns why not all of it was done. */
async function release(
  releases: Plan['releases'],
  { hosts, turn }: ApplyDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const batch of chunks(releases)) {
    if (signal.aborted) return undefined;
    const error = await errorOf(
      hosts.release(
        batch.map(({ host }) => host),
        ORIGIN,
      ),
    );
    if (error !== undefined) return messageOf(error);
    await turn();
  }
  return undefined;
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error ?? new Error('unknown');
  }
}

/** Something about one host of the batch, or about others that write it. */
function isAboutHosts(error: unknown): boolean {
  return error instanceof LockstepError && (error.code === 'Invalid' || error.code === 'Conflict');
}

function byFile(batch: readonly ManifestApplication[]): ReadonlyMap<string, readonly ManifestApplication[]> {
  const parts = new Map<string, ManifestApplication[]>();
  for (const application of batch) {
    const part = parts.get(application.file);
    if (part === undefined) parts.set(application.file, [application]);
    else part.push(application);
  }
  return parts;
}

function chunks<T>(all: readonly T[]): (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / MAX_HOSTS_PER_WRITE) }, (_, index) =>
    all.slice(index * MAX_HOSTS_PER_WRITE, (index + 1) * MAX_HOSTS_PER_WRITE),
  );
}
