// Makes drift on the running host, one deed after the other, and measures from outside how long each correction takes.
import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Action, ApiClient } from '../controller/cli/api-client.ts';
import { HEAL_LIMIT_MS, type Measured } from './render.ts';
import type { RunningDemo } from './running-demo.ts';
import { HOST, isFile, pidOf, type SampleService, type Sandbox } from './sandbox.ts';
import { measure, type Sight } from './stopwatch.ts';

/** Between two deeds, so that each is measured on a host at rest. */
const REST_MS = 300;

/** One thing done to the host, and what is to be seen then. */
interface Deed {
  readonly label: string;
  /** @returns from when it counts, on performance.now()'s clock. */
  readonly act: () => number | Promise<number>;
  readonly effects: readonly Effect[];
}

interface Effect extends Sight {
  /** `back after`: what its time is said to be. */
  readonly outcome: string;
}

/**
 * Rounds of drift on a host that is locked and at rest, until `forMs` are over: then nothing new is begun.
 * @param onMeasured gets each as it is known.
 */
export async function makeDrift(
  { sandbox, client }: RunningDemo,
  { forMs, signal }: { readonly forMs: number; readonly signal: AbortSignal },
  onMeasured: (measured: Measured) => void,
): Promise<void> {
  const round = planRound(sandbox, client);
  const endMs = performance.now() + forMs;
  const isOver = () => signal.aborted || performance.now() >= endMs;
  for (let index = 0; !isOver(); index += 1) {
    const deed = round[index % round.length];
    if (deed === undefined) return;
    const times = await measure(deed.act, deed.effects, HEAL_LIMIT_MS);
    for (const [at, { outcome }] of deed.effects.entries()) {
      onMeasured({ label: deed.label, outcome, elapsedMs: times[at] });
    }
    const restMs = Math.min(REST_MS, endMs - performance.now());
    if (restMs > 0) await setTimeout(restMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Begins and ends with a locked host. */
function planRound(sandbox: Sandbox, client: ApiClient): readonly Deed[] {
  const { volatile, persistent } = sandbox.flags;
  const flags = { folders: [dirname(volatile), dirname(persistent)] };
  const services = { folders: [...new Set(sandbox.services.map(({ pidFile }) => dirname(pidFile)))] };
  const isUp = (service: SampleService) => pidOf(service) !== undefined;
  return [
    removeFlag('volatile', volatile),
    removeFlag('persistent', persistent),
    changeHost(client, 'unlock', 'unlocked', [
      { ...flags, outcome: 'flags gone', isSeen: () => !isFile(volatile) && !isFile(persistent) },
      { ...services, outcome: 'services running', isSeen: () => sandbox.services.every(isUp) },
    ]),
    createFlag('volatile', volatile),
    createFlag('persistent', persistent),
    ...sandbox.services.map(killService),
    changeHost(client, 'lock', 'locked', [
      { ...flags, outcome: 'flags back', isSeen: () => isFile(volatile) && isFile(persistent) },
      { ...services, outcome: 'services stopped', isSeen: () => !sandbox.services.some(isUp) },
    ]),
  ];
}

function removeFlag(name: string, path: string): Deed {
  return {
    label: `${name} flag removed`,
    act: () => sinceNow(() => rmSync(path, { force: true })),
    effects: [{ outcome: 'back', isSeen: () => isFile(path), folders: [dirname(path)] }],
  };
}

function createFlag(name: string, path: string): Deed {
  return {
    label: `${name} flag created`,
    act: () => sinceNow(() => writeFileSync(path, '')),
    effects: [{ outcome: 'gone', isSeen: () => !isFile(path), folders: [dirname(path)] }],
  };
}

function killService(service: SampleService): Deed {
  let killed: number | undefined;
  const isAnotherUp = () => ![undefined, killed].includes(pidOf(service));
  return {
    label: `${service.name} killed`,
    act() {
      killed = pidOf(service);
      return sinceNow(() => killed !== undefined && process.kill(killed, 'SIGKILL'));
    },
    effects: [{ outcome: 'running again', isSeen: isAnotherUp, folders: [dirname(service.pidFile)] }],
  };
}

/** Counted from when the controller has answered. */
function changeHost(client: ApiClient, action: Action, label: string, effects: readonly Effect[]): Deed {
  return {
    label,
    async act() {
      await client.change(action, { names: [HOST], reason: 'a round of the demo' });
      return performance.now();
    },
    effects,
  };
}

/** Counted from before the deed: a fast agent may be done before its system call returns here. */
function sinceNow(deed: () => unknown): number {
  const startedMs = performance.now();
  deed();
  return startedMs;
}
