// The routes of hosts: declare, list, show, apply and delete them. Nothing is decided here.
import { LockstepError } from '../../../desired-state/errors.ts';
import { hostListSchema, hostSchema } from '../../../desired-state/host.ts';
import { parseLabelSelector } from '../../targets.ts';
import { type Route, route } from '../route.ts';
import {
  applyBodySchema,
  changeSchema,
  declareBodySchema,
  hostPlanSchema,
  listQuerySchema,
  nameParamsSchema,
  removeQuerySchema,
  tableSchema,
} from '../schemas.ts';

const tag = 'hosts';

export const hostRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hosts',
    operationId: 'listHosts',
    tag,
    summary: 'List hosts, by name.',
    description:
      'With `Accept: application/json;as=Table` what is to be shown of them, which is all that `lockstep get hosts` asks for.',
    takes: { query: listQuerySchema },
    answers: {
      200: {
        kind: 'json',
        description: 'Every host, or those with all labels.',
        schema: hostListSchema,
        forms: { Table: tableSchema },
      },
    },
    problems: [],
    async handle({ query: { labelSelector }, form }, { hosts }) {
      const selector = labelSelector === undefined ? {} : parseLabelSelector(labelSelector);
      if (form === 'Table') return { status: 200, json: await hosts.table(selector), form };
      return { status: 200, json: await hosts.list(selector) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/hosts',
    operationId: 'declareHost',
    tag,
    summary: 'Declare a host.',
    description:
      'Makes the host known before its agent connects, brings a deleted one back, or merges labels into those of a known one. A known host is never changed by it: use an action, or apply.',
    takes: { body: declareBodySchema },
    answers: {
      200: { kind: 'json', description: 'The host was there already.', schema: changeSchema },
      201: { kind: 'json', description: 'The host is now there.', schema: changeSchema },
    },
    problems: ['Refused', 'Conflict'],
    async handle({ body, originOf }, { hosts }) {
      const change = await hosts.declare(body, originOf());
      return { status: change.outcome === 'declared' ? 201 : 200, json: change };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/hosts/{name}',
    operationId: 'getHost',
    tag,
    summary: 'Show a host.',
    takes: { params: nameParamsSchema },
    answers: { 200: { kind: 'json', description: 'The host.', schema: hostSchema } },
    problems: ['NotFound'],
    async handle({ params: { name } }, { hosts }) {
      return { status: 200, json: await hosts.get(name) };
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/hosts/{name}',
    operationId: 'applyHost',
    tag,
    summary: 'Make a host as its manifest says.',
    description:
      'What `lockstep apply` does for each host. With metadata.generation the host is changed only if it is at that generation.',
    takes: { params: nameParamsSchema, body: applyBodySchema },
    answers: {
      200: { kind: 'json', description: 'The host is as its manifest says.', schema: changeSchema },
      201: { kind: 'json', description: 'The host was not there and now is.', schema: changeSchema },
    },
    problems: ['Refused', 'Conflict'],
    async handle({ params: { name }, body: { manifest, reason }, originOf }, { hosts }) {
      const found = manifest.metadata.name;
      if (found !== name) {
        throw new LockstepError(
          'Invalid',
          `request body: manifest.metadata.name: expected ${name} as in the path, found ${found}`,
        );
      }
      const [change] = await hosts.apply([{ manifest, isExplicit: true }], originOf(reason));
      if (change === undefined) throw new Error(`no word on what became of host ${name}`);
      return { status: change.outcome === 'declared' ? 201 : 200, json: change };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/hosts/{name}',
    operationId: 'deleteHost',
    tag,
    summary: 'Delete a host.',
    description:
      'What it was and its events are kept, and its agent keeps what it has: to declare it again brings it back as it was. Refused while the agent is, or may be, connected, unless `force`.',
    takes: { params: nameParamsSchema, query: removeQuerySchema },
    answers: { 204: { kind: 'empty', description: 'The host is gone.' } },
    problems: ['Refused', 'NotFound', 'Conflict'],
    async handle({ params: { name }, query: { force = false }, originOf }, { hosts }) {
      await hosts.remove(name, { force }, originOf());
      return { status: 204 };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/hosts/{name}/plan',
    operationId: 'planHost',
    tag,
    summary: 'Ask the agent of a host what it would do now.',
    description:
      'Step by step and why, and what is held back. The agent looks at its host and changes nothing. `Unavailable` when it is not connected or does not answer in time.',
    takes: { params: nameParamsSchema },
    answers: {
      200: { kind: 'json', description: 'The plan; empty when nothing is to do.', schema: hostPlanSchema },
    },
    problems: ['NotFound'],
    async handle({ params: { name } }, { plans }) {
      return { status: 200, json: await plans.planOf(name) };
    },
  }),
];
