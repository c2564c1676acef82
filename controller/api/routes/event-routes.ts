// The route of events: who changed what, when and why, and what agents corrected.
import { eventListSchema } from '../../../desired-state/events.ts';
import { API_VERSION } from '../../../desired-state/host.ts';
import { type Route, route } from '../route.ts';
import { eventsQuerySchema } from '../schemas.ts';

export const eventRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/events',
    operationId: 'listEvents',
    tag: 'events',
    summary: 'List the newest events.',
    description:
      'In the order in which the controller took them, newest last; `at` is when they happened: an agent tells of its own later, one a second. Of each host the newest 1,000 are kept; those of a deleted host too.',
    takes: { query: eventsQuerySchema },
    answers: { 200: { kind: 'json', description: 'The events.', schema: eventListSchema } },
    problems: ['NotFound'],
    async handle({ query: { host, limit } }, { hosts }) {
      const items = await hosts.events({ host, limit });
      return { status: 200, json: { apiVersion: API_VERSION, kind: 'EventList', items } };
    },
  }),
];
