// For each operation of the API: requests that get each of the answers that the document promises.
import type { Agents } from '../../../controller/agents.ts';
import type { AgentGateway } from '../../../controller/gateway/agent-gateway.ts';
import { claimOnline } from '../../../controller/host-status.ts';
import type { Hosts } from '../../../controller/hosts.ts';
import { LockstepError } from '../../../desired-state/errors.ts';
import { API_VERSION } from '../../../desired-state/host.ts';
import type { Manifest } from '../../../desired-state/manifest.ts';
import { statusOf } from '../fixtures/agent-end.ts';
import type { FlakyStore } from '../fixtures/flaky-store.ts';
import { SocketAgent } from '../fixtures/socket-agent.ts';

export interface World {
  readonly socketPath: string;
  readonly store: FlakyStore;
  readonly hosts: Hosts;
  readonly agents: Agents;
  readonly gateway: AgentGateway;
}

/** What is there before the request. It may return what ends with the test. */
type Given = (world: World) => Promise<unknown>;

export interface Case {
  readonly status: number;
  /** In the place of {name}; `a` when left out. */
  readonly name?: string;
  /** With its `?`. */
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The form that the answer must have. */
  readonly form?: string;
  readonly given?: Given;
  /** What happens while a stream is open; the events that it must tell. */
  readonly meanwhile?: Given;
  readonly events?: readonly string[];
}

const ALICE = { actor: 'alice', network: 'local' };
const UNLOCKED = { locked: false, servicesEnabled: true };
const AT = '2026-01-01T00:00:00.000Z';

/** A host of which everything is known that can be. */
const declared: Given = async ({ hosts, agents }) => {
  await hosts.declare({ name: 'a', labels: { site: 'lab' } }, ALICE);
  await agents.report(
    'a',
    statusOf(1, {
      lastPlan: { at: AT, generation: 1, steps: ['create volatile: it is missing'], blocked: ['x'] },
    }),
  );
  await agents.setOnline('a', claimOnline('Connected', 1));
  await agents.recordEvent('a', {
    type: 'event',
    event: { type: 'Warning', reason: 'FlagRestored', message: 'volatile', generation: 1, latencyMs: 0.4 },
    at: AT,
    firstAt: AT,
    count: 2,
  });
};
const offline: Given = async (world) => {
  await declared(world);
  await world.agents.setOnline('a', claimOnline('Disconnected', 1));
};
const unknown: Given = async () => {};
const byFile: Given = ({ hosts }) =>
  hosts.apply([{ manifest: manifestOf('a'), file: 'site/a.yaml', isExplicit: true }], ALICE);
const inConflict: Given = async (world) => {
  await offline(world);
  world.store.failing.add('writeSpecs');
  world.store.failure = new LockstepError('Conflict', 'the store has it otherwise');
};
const storeAway: Given = async (world) => {
  await declared(world);
  world.store.failing.add('all');
};
const broken: Given = async (world) => {
  await storeAway(world);
  world.store.failure = new TypeError('secret');
};
const planning: Given = async ({ socketPath }) => {
  const agent = await SocketAgent.connect(socketPath, 'a');
  void agent
    .until(() => agent.heard.some(({ type }) => type === 'plan-request'))
    .then(() => {
      const request = agent.heard.find((message) => message.type === 'plan-request');
      if (request === undefined) return;
      agent.send({
        type: 'plan',
        id: request.id,
        steps: ['stop worker/50-app: locked'],
        blocked: ['start: x'],
      });
    });
  return agent;
};

export function manifestOf(name: string): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'Host',
    metadata: { name, labels: { site: 'lab' }, annotations: { note: 'rack 3' } },
    spec: UNLOCKED,
  };
}

const away: readonly Case[] = [
  { status: 503, given: storeAway },
  { status: 500, given: broken },
];
const big = { 'content-type': 'application/json', 'content-length': '1048577' };
const badBody: readonly Case[] = [
  { status: 400, body: { nonsense: true } },
  { status: 400, body: '{"name":' },
  { status: 413, headers: big, body: '{' },
  { status: 415, headers: { 'content-type': 'application/yaml' }, body: 'name: a' },
];
const storeDown = (body: unknown): readonly Case[] => away.map((one) => ({ ...one, body }));

const action = (body: object): readonly Case[] => [
  { status: 200, given: declared, body: { names: ['a'], reason: 'disk swap', ...body } },
  { status: 200, given: declared, body: { labelSelector: 'site=lab', ...body } },
  { status: 200, given: unknown, body: { all: true, ...body } },
  { status: 403, given: byFile, body: { all: true } },
  { status: 404, body: { names: ['b'] } },
  { status: 409, given: inConflict, body: { all: true } },
  ...badBody,
  ...storeDown({ all: true }),
];
/** So that each action has something to do. */
const unlocked = (cases: readonly Case[]): readonly Case[] =>
  cases.map((one) => ({
    ...one,
    given: async (world) => {
      await world.hosts.declare({ name: 'a', spec: UNLOCKED, labels: { site: 'lab' } }, ALICE);
      await (one.given === declared ? unknown : (one.given ?? unknown))(world).catch(() => {});
    },
  }));

/** What kubectl says for its own. */
const asTable = { accept: 'application/json;as=Table, application/json' };

/** By operationId. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  listHosts: [
    { status: 200, given: declared },
    { status: 200, given: declared, query: '?labelSelector=site%3Dlab' },
    { status: 200, given: ({ hosts }) => hosts.declare({ name: 'new' }, ALICE) },
    { status: 200, given: declared, query: '?labelSelector=site%3Dlab', headers: asTable, form: 'Table' },
    { status: 200, given: unknown, headers: asTable, form: 'Table' },
    { status: 400, query: '?colour=red' },
    { status: 400, query: '?colour=red', headers: asTable },
    { status: 400, query: '?labelSelector=site' },
    ...away,
  ],
  declareHost: [
    { status: 201, body: { name: 'a', spec: UNLOCKED, labels: { site: 'lab', empty: '' } } },
    { status: 200, given: declared, body: { name: 'a', labels: { rack: '3' } } },
    { status: 403, given: byFile, body: { name: 'a', labels: { rack: '3' } } },
    { status: 409, given: declared, body: { name: 'a', spec: UNLOCKED } },
    ...badBody,
    ...storeDown({ name: 'a' }),
  ],
  getHost: [
    { status: 200, given: declared },
    { status: 400, name: 'A%20b' },
    { status: 400, name: '%E0%A4%A' },
    { status: 404, given: unknown },
    ...away,
  ],
  applyHost: [
    { status: 201, body: { manifest: manifestOf('a'), reason: 'new' } },
    { status: 200, given: declared, body: { manifest: { ...manifestOf('a'), status: { any: 'thing' } } } },
    { status: 400, body: { manifest: manifestOf('b') } },
    {
      status: 403,
      given: byFile,
      body: { manifest: { ...manifestOf('a'), spec: { locked: true, servicesEnabled: true } } },
    },
    {
      status: 409,
      given: declared,
      body: { manifest: { ...manifestOf('a'), metadata: { name: 'a', generation: 7 } } },
    },
    ...badBody,
    ...storeDown({ manifest: manifestOf('a') }),
  ],
  deleteHost: [
    { status: 204, given: offline },
    { status: 204, given: declared, query: '?force=true' },
    { status: 204, given: declared, query: '?force=' },
    { status: 400, given: declared, query: '?force=maybe' },
    { status: 403, given: declared },
    { status: 403, given: declared, query: '?force=false' },
    { status: 403, given: byFile, query: '?force=true' },
    { status: 404 },
    { status: 409, given: inConflict },
    ...away,
  ],
  planHost: [
    { status: 200, given: planning },
    { status: 400, name: 'A' },
    { status: 404 },
    { status: 503, given: offline },
    ...away,
  ],
  lockHosts: unlocked(action({ keepServices: true })),
  unlockHosts: action({ keepServices: false }),
  enableServices: action({}),
  disableServices: unlocked(action({})),
  listEvents: [
    { status: 200, given: declared },
    { status: 200, given: declared, query: '?host=a&limit=1' },
    { status: 200, query: '?host=-' },
    { status: 400, query: '?limit=0' },
    { status: 404, query: '?host=nobody' },
    ...away,
  ],
  watchHosts: [
    {
      status: 200,
      given: offline,
      query: '?names=a,b&labelSelector=site%3Dlab',
      meanwhile: ({ hosts }) => hosts.remove('a', { force: false }, ALICE),
      events: ['host', 'synced', 'gone'],
    },
    {
      status: 200,
      given: storeAway,
      events: ['error'],
    },
    { status: 400, query: '?names=A' },
    { status: 400, query: '?labelSelector=site' },
  ],
  watchEvents: [
    {
      status: 200,
      given: declared,
      query: '?host=a&limit=2',
      meanwhile: async ({ store }) => store.failing.add('all'),
      events: ['event', 'error'],
    },
    { status: 400, query: '?limit=many' },
    { status: 404, query: '?host=nobody' },
    ...away,
  ],
  listManifests: [{ status: 200 }],
  checkAlive: [{ status: 200 }],
  checkReady: [{ status: 200 }, { status: 503, given: storeAway }],
  getMetrics: [{ status: 200 }],
  getOpenApi: [{ status: 200 }],
};
