// The routes that change many hosts at once: lock, unlock, enable-services, disable-services.
import { API_VERSION } from '../../../desired-state/host.ts';
import type { Wish } from '../../spec-change.ts';
import { parseLabelSelector, type Targets } from '../../targets.ts';
import { type Route, route } from '../route.ts';
import { changeListSchema, type LockBody, lockBodySchema, servicesBodySchema } from '../schemas.ts';

const common = {
  method: 'POST',
  tag: 'actions',
  description:
    'In batches of 128 hosts, each of them all or nothing. What became of each host is told in the order of `names`, else by name. A host that a file of the manifests folder declares is refused. Of a host that is so already, a `reason` that is another one than the recorded one is recorded.',
  answers: {
    200: {
      kind: 'json',
      description: 'The store has it; the hosts follow: watch Ready.',
      schema: changeListSchema,
    },
  },
  problems: ['Refused', 'NotFound', 'Conflict'],
} as const;

export const actionRoutes: readonly Route[] = [
  lockRoute('lock', 'Lock hosts and disable their services.', { locked: true, servicesEnabled: false }),
  lockRoute('unlock', 'Unlock hosts and enable their services.', { locked: false, servicesEnabled: true }),
  servicesRoute('enable-services', 'enableServices', 'Enable the services of hosts.', {
    servicesEnabled: true,
  }),
  servicesRoute('disable-services', 'disableServices', 'Disable the services of hosts.', {
    servicesEnabled: false,
  }),
];

function lockRoute(action: 'lock' | 'unlock', summary: string, wish: Required<Wish>): Route {
  return route({
    ...common,
    path: `/v1/hosts/actions/${action}`,
    operationId: `${action}Hosts`,
    summary,
    takes: { body: lockBodySchema },
    async handle({ body, originOf }, { hosts }) {
      const { locked } = wish;
      const wanted = body.keepServices === true ? { locked } : wish;
      const items = await hosts.change(targetsOf(body), wanted, originOf(body.reason));
      return { status: 200, json: { apiVersion: API_VERSION, kind: 'ChangeList', items } };
    },
  });
}

function servicesRoute(action: string, operationId: string, summary: string, wish: Wish): Route {
  return route({
    ...common,
    path: `/v1/hosts/actions/${action}`,
    operationId,
    summary,
    takes: { body: servicesBodySchema },
    async handle({ body, originOf }, { hosts }) {
      const items = await hosts.change(targetsOf(body), wish, originOf(body.reason));
      return { status: 200, json: { apiVersion: API_VERSION, kind: 'ChangeList', items } };
    },
  });
}

function targetsOf({ names, labelSelector }: LockBody): Targets {
  if (names !== undefined) return { names };
  return labelSelector === undefined ? { all: true } : { labels: parseLabelSelector(labelSelector) };
}
