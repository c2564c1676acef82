// The streams: hosts as they are and then as they change, and events as they happen. A client gets the newest state of a host rather than every one in between.
import { storedEventSchema } from '../../../desired-state/events.ts';
import { hostSchema } from '../../../desired-state/host.ts';
import type { HostRecord } from '../../../desired-state/store/store.ts';
import { sleep } from '../../../reconcilers/loop/clock.ts';
import { toHost } from '../../host-view.ts';
import { matchesLabels, parseLabelSelector } from '../../targets.ts';
import { type Route, route, streamOf } from '../route.ts';
import { eventsQuerySchema, goneSchema, syncedSchema, watchQuerySchema } from '../schemas.ts';

const tag = 'watches';

/** How often the store is asked for new events, ms: the port tells of hosts only. */
const EVENTS_INTERVAL_MS = 200;
/** New events told in one round at most; of more the oldest are left out. */
const MAX_EVENTS_PER_ROUND = 1_000;

const HOST_NEWS = {
  host: { description: 'A host as it now is.', schema: hostSchema },
  gone: { description: 'A host that is no longer there, or no longer matches.', schema: goneSchema },
  synced: { description: 'All that was there when the watch began has been told.', schema: syncedSchema },
} as const;

const EVENT_NEWS = {
  event: { description: 'An event.', schema: storedEventSchema },
} as const;

export const watchRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/watch',
    operationId: 'watchHosts',
    tag,
    summary: 'Watch hosts.',
    description:
      'First every host as it is, then `synced`, then each host as it changes. Several changes of a host may be told as the last one only.',
    takes: { query: watchQuerySchema },
    answers: { 200: { kind: 'events', description: 'The hosts, until the client goes.', events: HOST_NEWS } },
    problems: [],
    async handle({ query: { names, labelSelector } }, { store }) {
      const selector = labelSelector === undefined ? {} : parseLabelSelector(labelSelector);
      const wanted = names === undefined ? undefined : new Set(names);
      const isWanted = ({ name, labels }: HostRecord) =>
        (wanted === undefined || wanted.has(name)) && matchesLabels(labels, selector);
      const stream = streamOf(HOST_NEWS, async (to) => {
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
      return { status: 200, stream };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/events/watch',
    operationId: 'watchEvents',
    tag,
    summary: 'Watch events.',
    description:
      'First the newest `limit` events, then each as it comes, in the order in which the controller took them; `at` is when they happened.',
    takes: { query: eventsQuerySchema },
    answers: {
      200: { kind: 'events', description: 'The events, until the client goes.', events: EVENT_NEWS },
    },
    problems: ['NotFound'],
    async handle({ query: { host, limit } }, { hosts, clock }) {
      const initial = await hosts.events({ host, limit });
      const stream = streamOf(EVENT_NEWS, async (to) => {
        let afterId = 0;
        for (let events = initial; !to.gone.aborted; ) {
          for (const event of events) await to.send('event', event);
          afterId = events.at(-1)?.id ?? afterId;
          await sleep(clock, EVENTS_INTERVAL_MS, to.gone);
          events = await hosts.events({ host, limit: MAX_EVENTS_PER_ROUND, afterId });
        }
      });
      return { status: 200, stream };
    },
  }),
];
