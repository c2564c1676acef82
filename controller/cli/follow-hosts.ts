// Hosts as they are and as they change, over as many connections as it takes: nothing is told twice, and what changed while there was none is made up for.
import type { Host } from '../../desired-state/host.ts';
import type { ApiClient, WatchQuery } from './api-client.ts';
import { refuseUnknown } from './not-found.ts';
import { reconnecting } from './reconnect.ts';
import type { Terminal } from './terminal.ts';

/** Kubernetes' words. A DELETED host is as it was last seen. */
export interface HostUpdate {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Host;
}

export interface FollowHosts {
  readonly client: ApiClient;
  readonly terminal: Pick<Terminal, 'note'>;
  readonly query: WatchQuery;
  readonly signal: AbortSignal;
}

/**
 * First all that are there, in one piece, then one update at a time; until `signal` aborts.
 * @throws LockstepError `NotFound` when one of the names is not there at first; `Unavailable` when there is no controller at first.
 */
export async function* followHosts({
  client,
  terminal,
  query,
  signal,
}: FollowHosts): AsyncGenerator<readonly HostUpdate[], void, undefined> {
  /** As they were last told. */
  const told = new Map<string, { readonly host: Host; readonly text: string }>();
  let isFirst = true;
  /** Those that the present connection told of before it was `synced`; undefined after that. */
  let seen: Set<string> | undefined;
  /** What is to be told with `synced`; kept when the connection breaks before that. */
  let waiting: HostUpdate[] = [];

  const connect = () => {
    seen = new Set();
    return client.watchHosts(query, signal);
  };
  for await (const news of reconnecting(connect, terminal, signal)) {
    if (news.type === 'synced') {
      const gone = [...told.keys()].filter((name) => seen?.has(name) === false);
      const updates = [...waiting, ...gone.flatMap(forget)];
      seen = undefined;
      waiting = [];
      if (isFirst) refuseUnknown((query.names ?? []).filter((name) => !told.has(name)));
      if (isFirst || updates.length > 0) yield updates;
      isFirst = false;
      continue;
    }
    const updates = news.type === 'host' ? note(news.host) : forget(news.name);
    if (news.type === 'host') seen?.add(news.host.metadata.name);
    if (seen !== undefined) waiting.push(...updates);
    else if (updates.length > 0) yield updates;
  }

  function note(host: Host): HostUpdate[] {
    const { name } = host.metadata;
    const text = JSON.stringify(host);
    const before = told.get(name);
    if (before?.text === text) return [];
    told.set(name, { host, text });
    return [{ type: before === undefined ? 'ADDED' : 'MODIFIED', object: host }];
  }

  function forget(name: string): HostUpdate[] {
    const before = told.get(name);
    told.delete(name);
    return before === undefined ? [] : [{ type: 'DELETED', object: before.host }];
  }
}
