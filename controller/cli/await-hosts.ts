// Waits until every host has reached its goal, showing what each still lacks. The time limit bounds all of it, lost connections included.
import { LockstepError } from '../../desired-state/errors.ts';
import type { ApiClient, HostNews } from './api-client.ts';
import { type Deadline, timedOut } from './deadline.ts';
import type { Goal } from './goal.ts';
import { reconnecting } from './reconnect.ts';
import { oneLine, type Terminal } from './terminal.ts';

/** More hosts than that are watched among all others: their names would not fit the request's line. */
const MAX_NAMED_HOSTS = 128;

export interface AwaitHosts {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly goals: ReadonlyMap<string, Goal>;
  readonly deadline: Deadline;
  /** Called for each host when it gets there. */
  readonly onReached: (name: string) => void;
}

/**
 * Looks once at least, whatever the limit; with nothing to wait for it is done at once.
 * @throws LockstepError `TimedOut` saying what each host still lacks, and that the controller is not there; `NotFound` when a host is deleted meanwhile; what a goal throws.
 */
export async function awaitHosts({
  client,
  terminal,
  goals,
  deadline,
  onReached,
}: AwaitHosts): Promise<void> {
  const lacks = new Map([...goals.keys()].map((name) => [name, 'not seen yet']));
  if (lacks.size === 0) return;
  const names = goals.size <= MAX_NAMED_HOSTS ? [...goals.keys()] : undefined;
  const { signal, looked } = untilLooked(deadline);
  /** Why nothing is heard of the controller; undefined while it is. */
  let silence: string | undefined;
  const progress = {
    note(line: string) {
      terminal.note(line);
      show();
    },
  };
  try {
    for await (const { news, seen } of reconnecting(connect, progress, signal, { isThere: true })) {
      note(news, seen);
      if (lacks.size === 0) return;
      if (news.type === 'synced') looked();
    }
  } finally {
    terminal.redraw(undefined);
  }
  const unheard = silence === undefined ? '' : `without word from the controller (${silence}), `;
  const missing = [...lacks].map(([name, lack]) => `\n  host/${name}: ${oneLine(lack)}`);
  throw timedOut(deadline.waiting, `${unheard}still waiting for${missing.join('')}`);

  async function* connect() {
    const seen = new Set<string>();
    silence ??= `no answer at unix:${client.socketPath}`;
    try {
      for await (const news of client.watchHosts({ names }, signal)) {
        silence = undefined;
        yield { news, seen };
      }
    } catch (error) {
      if (error instanceof LockstepError) silence = error.message;
      throw error;
    }
  }

  /** @param seen the hosts that this connection told of so far. */
  function note(news: HostNews, seen: Set<string>): void {
    if (news.type !== 'host') {
      const gone = news.type === 'gone' ? [news.name] : [...lacks.keys()].filter((name) => !seen.has(name));
      if (gone.some((name) => lacks.has(name))) {
        throw new LockstepError('NotFound', `host ${gone.join(', ')}: deleted while waiting for it`);
      }
      return;
    }
    const { name } = news.host.metadata;
    seen.add(name);
    const before = lacks.get(name);
    if (before === undefined) return;
    const lack = goals.get(name)?.(news.host);
    if (lack === undefined) {
      lacks.delete(name);
      onReached(name);
    } else if (lack !== before) {
      lacks.set(name, lack);
      if (!terminal.redraws) terminal.note(`host/${name}: waiting: ${oneLine(lack)}`);
    }
    show();
  }

  function show(): void {
    const [first] = lacks;
    if (first === undefined) return;
    const whom = goals.size === 1 ? '' : `${lacks.size} of ${goals.size} hosts, `;
    terminal.redraw(`waiting for ${whom}host/${first[0]}: ${first[1]}`);
  }
}

/** @returns `signal`: aborts when the time to wait is over, but not before `looked` was called or an answer is overdue. */
function untilLooked({ waiting, answers }: Deadline) {
  const stop = new AbortController();
  const end = () => stop.abort();
  let hasLooked = false;
  waiting.signal.addEventListener('abort', () => {
    if (hasLooked) end();
  });
  answers.signal.addEventListener('abort', end);
  if (answers.signal.aborted) end();
  return {
    signal: stop.signal,
    looked() {
      hasLooked = true;
      if (waiting.signal.aborted) end();
    },
  };
}
