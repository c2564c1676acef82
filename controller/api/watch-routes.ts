// Server-sent events: hosts as they are and then as they change, and events as they happen. Bounded in number; each client gets the newest
// state of a host rather than every one in between.
import type { FastifyInstance } from 'fastify';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';
import type { HostRecord, Store } from '../../desired-state/store/store.ts';
import { type Clock, sleep } from '../../reconcilers/loop/clock.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import { toHost } from '../host-view.ts';
import type { Hosts } from '../hosts.ts';
import { matchesLabels, parseLabelSelector } from '../targets.ts';
import { EventStream } from './event-stream.ts';
import { eventsQuerySchema, watchQuerySchema } from './schemas.ts';

/** Streams at a time; those beyond are refused. */
const MAX_STREAMS = 64;
/** How often the store is asked for new events, ms: the port tells of hosts only. */
const EVENTS_INTERVAL_MS = 200;
/** New events told in one round at most; of more the oldest are left out. */
const MAX_EVENTS_PER_ROUND = 1_000;

export interface WatchDeps {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export function addWatchRoutes(api: FastifyInstance, deps: WatchDeps): void {
  const { hosts, store, clock, log } = deps;
  const stopping = new AbortController();
  let streams = 0;
  api.addHook('preClose', async () => stopping.abort());

  /** `tell` runs until the client is gone; the stream ends with it. */
  async function stream(reply: StreamReply, tell: (to: EventStream) => Promise<void>): Promise<void> {
    if (streams >= MAX_STREAMS) {
      throw new LockstepError(
        'Unavailable',
        `expected at most ${MAX_STREAMS} watches, found one more: try again later`,
      );
    }
    reply.hijack();
    streams += 1;
    const to = new EventStream(reply.raw, clock, stopping.signal);
    try {
      await tell(to);
    } catch (error) {
      log.warn({ error }, 'watch ended');
      await to.send('error', { detail: messageOf(error) });
    } finally {
      streams -= 1;
      to.end();
    }
  }

  api.get('/v1/watch', async (request, reply) => {
    const { names, labelSelector } = parseOrThrow(watchQuerySchema, request.query, 'query');
    const selector = labelSelector === undefined ? {} : parseLabelSelector(labelSelector);
    const wanted = names === undefined ? undefined : new Set(names);
    const isWanted = ({ name, labels }: HostRecord) =>
      (wanted === undefined || wanted.has(name)) && matchesLabels(labels, selector);
    await stream(reply, async (to) => {
      const shown = new Set<string>();
      const tell = async (record: HostRecord) => {
        if (!record.deleted && isWanted(record)) {
          shown.add(record.name);
          await to.send('host', toHost(record));
        } else if (shown.delete(record.name)) {
          await to.send('gone', { name: record.name });
        }
      };
      const { revision, records } = await store.list();
      for (const record of records) await tell(record);
      await to.send('synced', {});
      for await (const record of store.watch(revision, to.gone)) await tell(record);
    });
    return reply;
  });

  api.get('/v1/events/watch', async (request, reply) => {
    const { host, limit } = parseOrThrow(eventsQuerySchema, request.query, 'query');
    const initial = await hosts.events({ host, limit });
    await stream(reply, async (to) => {
      let afterId = 0;
      for (let events = initial; !to.gone.aborted; ) {
        for (const event of events) await to.send('event', event);
        afterId = events.at(-1)?.id ?? afterId;
        await sleep(clock, EVENTS_INTERVAL_MS, to.gone);
        events = await hosts.events({ host, limit: MAX_EVENTS_PER_ROUND, afterId });
      }
    });
    return reply;
  });
}

interface StreamReply {
  readonly raw: ConstructorParameters<typeof EventStream>[0];
  hijack(): unknown;
}
