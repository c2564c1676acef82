// Events as they happen, over as many connections as it takes: their ids say which of them were told.
import type { StoredEvent } from '../../desired-state/events.ts';
import type { ApiClient } from './api-client.ts';
import { reconnecting } from './reconnect.ts';
import type { Terminal } from './terminal.ts';

/** Of what happens between the first list and the watch that many at most. */
const MAX_BETWEEN = 1_000;
/** Of what happened while there was no connection the newest that many are made up for: as many as the API answers with. */
const MAX_MISSED = 10_000;

export interface FollowEvents {
  readonly client: ApiClient;
  readonly terminal: Pick<Terminal, 'note'>;
  /** Of all hosts when left out. */
  readonly host: string | undefined;
  /** How many of the newest to begin with. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/**
 * First the newest `limit`, in one piece, then each as it happens; until `signal` aborts.
 * @throws LockstepError `NotFound` for a host that was never there; `Unavailable` when there is no controller at first.
 */
export async function* followEvents({
  client,
  terminal,
  host,
  limit,
  signal,
}: FollowEvents): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  const query = host === undefined ? {} : { host };
  /** The newest that was told, over all connections. */
  let toldId: number | undefined;
  yield* reconnecting(connect, terminal, signal);

  async function* connect(): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    const isAnew = toldId === undefined || (await isSetBack(toldId));
    const newest = isAnew ? await client.events({ ...query, limit }) : [];
    let lastId = newest.at(-1)?.id ?? (isAnew ? 0 : (toldId ?? 0));
    toldId = lastId;
    // Also when there is none: it says that the controller answers.
    yield newest;
    const missed = isAnew ? MAX_BETWEEN : MAX_MISSED;
    for await (const event of client.watchEvents({ ...query, limit: missed }, signal)) {
      if (event.id <= lastId) continue;
      lastId = event.id;
      toldId = lastId;
      yield [event];
    }
  }

  /** A store that was brought back from a backup counts from there: what has been told says nothing about its events. */
  async function isSetBack(newestToldId: number): Promise<boolean> {
    const newest = (await client.events({ ...query, limit: 1 })).at(-1);
    if ((newest?.id ?? 0) >= newestToldId) return false;
    terminal.note('the events of the controller were set back: beginning anew');
    return true;
  }
}
