// The routes about the controller itself: is it alive, can it serve, how does it do, and what can be asked of it.
import { LockstepError, messageOf } from '../../../desired-state/errors.ts';
import { type Route, route } from '../route.ts';
import { okSchema, openApiSchema } from '../schemas.ts';

const tag = 'controller';

export const serverRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/healthz',
    operationId: 'checkAlive',
    tag,
    summary: 'Is the controller alive?',
    takes: {},
    answers: { 200: { kind: 'json', description: 'It answers.', schema: okSchema } },
    problems: [],
    async handle() {
      return { status: 200, json: { status: 'ok' } };
    },
  }),
  route({
    method: 'GET',
    path: '/readyz',
    operationId: 'checkReady',
    tag,
    summary: 'Can the controller serve?',
    description: '`Unavailable` while nothing would last that is written to its store.',
    takes: {},
    answers: { 200: { kind: 'json', description: 'It can.', schema: okSchema } },
    problems: [],
    async handle(_asked, { store }) {
      try {
        await store.check();
      } catch (cause) {
        throw new LockstepError('Unavailable', `nothing can be stored: ${messageOf(cause)}`, { cause });
      }
      return { status: 200, json: { status: 'ok' } };
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    operationId: 'getMetrics',
    tag,
    summary: 'The metrics of the controller, for Prometheus.',
    takes: {},
    answers: {
      200: { kind: 'text', description: "Prometheus' text exposition format.", mediaType: 'text/plain' },
    },
    problems: [],
    async handle(_asked, { metrics }) {
      return { status: 200, text: await metrics.text(), mediaType: metrics.contentType };
    },
  }),
  route({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    tag,
    summary: 'This document.',
    takes: {},
    answers: {
      200: { kind: 'json', description: 'The OpenAPI document of the API.', schema: openApiSchema },
    },
    problems: [],
    async handle(_asked, { document }) {
      return { status: 200, json: document() };
    },
  }),
];
