// Waits until every host has reached its goal, showing what each still lacks. The time limit bounds all of it, lost connections included.
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../../desired-state/errors.ts';
import type { ApiClient, HostNews } from './api-client.ts';
import { type Deadline, timedOut } from './deadline.ts';
import type { Goal } from './goal.ts';
import { oneLine, type Terminal } from './terminal.ts';

/** More hosts than that are watched among all others: their names would not fit the request's line. */
const MAX_NAMED_HOSTS = 128;
/** Before a lost connection is tried again, ms. */
const RECONNECT_MS = 250;

export interface AwaitHosts {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly goals: ReadonlyMap<string, Goal>;
  readonly deadline: Deadline;
  /** Called for each host when it gets there. */
  readonly onReached: (name: string) => void;
}

/** @throws LockstepError `TimedOut` saying what each host still lacks; `NotFound` when one is deleted meanwhile; what a goal throws. */
export async function awaitHosts({
  client,
  terminal,
  goals,
  deadline,
  onReached,
}: AwaitHosts): Promise<void> {
  const lacks = new Map([...goals.keys()].map((name) => [name, 'not seen yet']));
  const names = goals.size <= MAX_NAMED_HOSTS ? [...goals.keys()] : undefined;
  const { signal: limit } = deadline;
  try {
    while (lacks.size > 0 && !limit.aborted) {
      const seen = new Set<string>();
      try {
        for await (const news of client.watchHosts({ names }, limit)) {
          note(news, seen);
          if (lacks.size === 0) return;
        }
      } catch (error) {
        if (!(error instanceof LockstepError) || error.code !== 'Unavailable') throw error;
        show(error.message);
        await sleep(RECONNECT_MS);
      }
    }
  } finally {
    terminal.redraw(undefined);
  }
  const missing = [...lacks].map(([name, lack]) => `\n  host/${name}: ${oneLine(lack)}`);
  throw timedOut(deadline, `still waiting for${missing.join('')}`);

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
    const [first] = lacks;
    if (first !== undefined) show(`host/${first[0]}: ${first[1]}`);
  }

  function show(what: string): void {
    const whom = goals.size === 1 ? '' : `${lacks.size} of ${goals.size} hosts, `;
    terminal.redraw(`waiting for ${whom}${what}`);
  }
}
