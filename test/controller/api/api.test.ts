import { beforeEach, describe, expect, it } from 'vitest';
import { tableSchema } from '../../../controller/api/schemas.ts';
import { buildApi } from '../../../controller/api/server.ts';
import { Hosts } from '../../../controller/hosts.ts';
import { NO_HOST } from '../../../desired-state/events.ts';
import { hostListSchema, hostSchema } from '../../../desired-state/host.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeApiParts } from '../fixtures/api-parts.ts';
import { FlakyStore } from '../fixtures/flaky-store.ts';
import { RecordingLog } from '../fixtures/recording-log.ts';

let store: FlakyStore;
let log: RecordingLog;
let api: ReturnType<typeof buildApi>;

beforeEach(() => {
  store = new FlakyStore(new MemoryStore());
  log = new RecordingLog();
  const clock = new FakeClock();
  const hosts = new Hosts({ store, clock, log });
  api = buildApi({ hosts, store, clock, log, network: 'local', ...fakeApiParts() });
});

type Method = 'GET' | 'POST' | 'DELETE';

async function ask(
  method: Method,
  url: string,
  payload?: object | string,
  headers: Record<string, string> = {},
) {
  const json = { 'content-type': 'application/json', ...headers };
  const answer = await api.inject({
    method,
    url,
    headers: payload === undefined ? headers : json,
    ...(payload === undefined ? {} : { payload }),
  });
  return {
    status: answer.statusCode,
    type: answer.headers['content-type'],
    body: answer.body === '' ? undefined : answer.json(),
  };
}

describe('hosts', () => {
  it('are declared, listed by label, shown and deleted', async () => {
    const declared = await ask('POST', '/v1/hosts', { name: 'a', labels: { site: 'lab' } });
    expect(declared).toMatchObject({ status: 201, body: { outcome: 'declared', generation: 1 } });
    expect((await ask('POST', '/v1/hosts', { name: 'a' })).status).toBe(200);
    await ask('POST', '/v1/hosts', { name: 'b', spec: { locked: false, servicesEnabled: true } });
    const all = hostListSchema.parse((await ask('GET', '/v1/hosts')).body);
    expect(all.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    const some = await ask('GET', '/v1/hosts?labelSelector=site%3Dlab');
    expect(some.body.items).toHaveLength(1);
    expect(hostSchema.parse((await ask('GET', '/v1/hosts/b')).body).spec.locked).toBe(false);
    expect((await ask('DELETE', '/v1/hosts/b')).status).toBe(204);
    expect(await ask('GET', '/v1/hosts/b')).toMatchObject({ status: 404, body: { code: 'NotFound' } });
  });

  it('are shown as a table to who asks for one, and as themselves to anybody else', async () => {
    await ask('POST', '/v1/hosts', { name: 'a', labels: { site: 'lab' } });
    await ask('POST', '/v1/hosts', { name: 'b' });
    const listed = async (accept: string) => {
      const answer = await api.inject({ url: '/v1/hosts?labelSelector=site%3Dlab', headers: { accept } });
      expect(answer.headers.vary).toBe('accept');
      return { type: answer.headers['content-type'], body: answer.json() };
    };
    const { type, body } = await listed('application/json;as=Table, application/json');
    expect(type).toBe('application/json;as=Table; charset=utf-8');
    expect(tableSchema.parse(body).rows.map(({ cells }) => cells[0])).toEqual(['a']);
    for (const accept of ['*/*', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'text/html']) {
      const plain = await listed(accept);
      expect(plain.type).toBe('application/json; charset=utf-8');
      expect(hostListSchema.parse(plain.body).items).toHaveLength(1);
    }
  });

  it.each([
    ['lock', { keepServices: true }, { locked: true, servicesEnabled: true }],
    ['lock', {}, { locked: true, servicesEnabled: false }],
    ['disable-services', {}, { locked: false, servicesEnabled: false }],
  ])('are changed by %s %j', async (action, extra, spec) => {
    await ask('POST', '/v1/hosts', { name: 'a', spec: { locked: false, servicesEnabled: true } });
    const answer = await ask('POST', `/v1/hosts/actions/${action}`, { names: ['a'], ...extra });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        apiVersion: 'lockstep/v1',
        kind: 'ChangeList',
        items: [{ name: 'a', outcome: 'changed', generation: 2, spec }],
      },
    });
  });

  it('say who changed them, from the lockstep-actor header', async () => {
    await ask('POST', '/v1/hosts', { name: 'a' }, { 'lockstep-actor': encodeURIComponent('Zoë\u0007') });
    await ask(
      'POST',
      '/v1/hosts/actions/unlock',
      { all: true, reason: 'fixed' },
      { 'lockstep-actor': '%broken' },
    );
    await ask('POST', '/v1/hosts/actions/lock', { all: true });
    const { body } = await ask('GET', '/v1/events?host=a');
    expect(body.items.map(({ actor }: { actor: string }) => actor)).toEqual(['Zoë?', '%broken', 'unknown']);
    expect((await ask('GET', '/v1/events?limit=1')).body.items).toHaveLength(1);
  });
});

describe('events', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const event = { type: 'Normal', message: '', generation: 0, firstAt: at, count: 1, actor: 'x' } as const;
  const reasons = async (query: string): Promise<readonly string[]> =>
    (await ask('GET', `/v1/events${query}`)).body.items.map(({ reason }: { reason: string }) => reason);

  it('about the controller itself can be asked for alone, also where there are none', async () => {
    expect(await reasons('?host=-')).toEqual([]);
    await store.appendEvents([
      { ...event, host: NO_HOST, reason: 'ManifestRefused', at },
      { ...event, host: 'a', reason: 'Locked', at },
    ]);
    expect(await reasons('?host=-')).toEqual(['ManifestRefused']);
    expect(await reasons('')).toEqual(['ManifestRefused', 'Locked']);
  });

  it('are told in the order in which they were taken, whenever they happened', async () => {
    await store.appendEvents([{ ...event, host: 'a', reason: 'Locked', at: '2026-01-01T00:00:01.000Z' }]);
    await store.appendEvents([{ ...event, host: 'a', reason: 'FlagRestored', at }]);
    expect(await reasons('')).toEqual(['Locked', 'FlagRestored']);
  });
});

describe('bad requests change nothing and say what was expected and found', () => {
  it.each<[string, Method, string, object | string, RegExp]>([
    [
      'an unknown field',
      'POST',
      '/v1/hosts',
      { name: 'x', lables: {} },
      /request body: .*unknown field "lables"/,
    ],
    [
      'a field of the spec that is unknown',
      'POST',
      '/v1/hosts',
      { name: 'x', spec: { locked: true, servicesEnabled: true, colour: 'red' } },
      /spec: unknown field "colour"/,
    ],
    [
      'a spec that is not whole',
      'POST',
      '/v1/hosts',
      { name: 'x', spec: { locked: true } },
      /spec\.servicesEnabled: expected boolean/,
    ],
    [
      'a name that is a path',
      'POST',
      '/v1/hosts',
      { name: '../x' },
      /name: expected an RFC 1123 label.*found "\.\.\/x"/,
    ],
    [
      'a label that is none',
      'POST',
      '/v1/hosts',
      { name: 'x', labels: { 'a b': 'c' } },
      /labels.*expected a label key/,
    ],
    ['no target', 'POST', '/v1/hosts/actions/lock', {}, /exactly one of names, labelSelector and all/],
    ['two targets', 'POST', '/v1/hosts/actions/lock', { all: true, names: ['a'] }, /exactly one of/],
    [
      'a selector that is none',
      'POST',
      '/v1/hosts/actions/lock',
      { labelSelector: 'site' },
      /expected key=value/,
    ],
    [
      'keepServices where it means nothing',
      'POST',
      '/v1/hosts/actions/enable-services',
      { all: true, keepServices: true },
      /unknown field "keepServices"/,
    ],
    ['no JSON', 'POST', '/v1/hosts/actions/lock', '{"all":', /^request body: expected JSON, found: /],
    [
      'a key that nothing can be called',
      'POST',
      '/v1/hosts',
      '{"name":"x","__proto__":{}}',
      /^request body: expected neither a key __proto__ .*, found one/,
    ],
    [
      'a body where none is taken',
      'DELETE',
      '/v1/hosts/a',
      { force: true },
      /^request body: expected none, found one$/,
    ],
    ['an array', 'POST', '/v1/hosts/actions/lock', [], /expected object/],
    ['a query field that is unknown', 'GET', '/v1/hosts?label=a', '', /query: .*unknown field "label"/],
    [
      'a limit that is no number',
      'GET',
      '/v1/events?limit=many',
      '',
      /^query: limit: expected a whole number, found "many"$/,
    ],
    [
      'events of what is no host',
      'GET',
      '/v1/events?host=-a',
      '',
      /^query: host: expected an RFC 1123 label .*found "-a"$/,
    ],
  ])('%s', async (_name, method, url, payload, expected) => {
    await ask('POST', '/v1/hosts', { name: 'a', spec: { locked: false, servicesEnabled: true } });
    const writes = store.calls.get('writeSpecs');
    const answer = await ask(method, url, payload === '' ? undefined : payload);
    expect(answer).toMatchObject({ status: 400, body: { code: 'Invalid', status: 400 } });
    expect(answer.type).toMatch('application/problem+json');
    expect(answer.body.detail).toMatch(expected);
    expect(store.calls.get('writeSpecs')).toBe(writes);
  });

  it.each([{}, { 'content-type': 'application/json' }])(
    'no body at all, with headers %j',
    async (headers) => {
      const answer = await api.inject({ method: 'POST', url: '/v1/hosts', headers });
      expect(answer.statusCode).toBe(400);
      expect(answer.json().detail).toBe('request body: expected a JSON object, found none');
    },
  );

  it('a body over 1 MiB', async () => {
    const answer = await ask('POST', '/v1/hosts', { name: 'a', labels: { big: 'x'.repeat(1_048_576) } });
    expect(answer).toMatchObject({ status: 413, body: { code: 'Invalid' } });
  });

  it('a body of another media type', async () => {
    const answer = await ask('POST', '/v1/hosts', 'name: a', { 'content-type': 'application/yaml' });
    expect(answer).toMatchObject({ status: 415, body: { code: 'Invalid' } });
  });

  it('a route that there is none of', async () => {
    expect(await ask('GET', '/v1/pods')).toMatchObject({ status: 404, body: { code: 'Invalid' } });
  });
});

describe('problems carry the code that decides the exit code', () => {
  beforeEach(async () => {
    await ask('POST', '/v1/hosts', { name: 'a' });
  });

  it('NotFound, before anything changes', async () => {
    const answer = await ask('POST', '/v1/hosts/actions/unlock', { names: ['a', 'b'] });
    expect(answer).toMatchObject({ status: 404, body: { code: 'NotFound' } });
    expect((await ask('GET', '/v1/hosts/a')).body.metadata.generation).toBe(1);
  });

  it('Conflict', async () => {
    const answer = await ask('POST', '/v1/hosts', {
      name: 'a',
      spec: { locked: false, servicesEnabled: true },
    });
    expect(answer).toMatchObject({ status: 409, body: { code: 'Conflict' } });
  });

  it('Unavailable, while the store is away: not ready, but alive', async () => {
    expect((await ask('GET', '/readyz')).status).toBe(200);
    store.failing.add('all');
    expect(await ask('GET', '/readyz')).toMatchObject({ status: 503, body: { code: 'Unavailable' } });
    expect((await ask('GET', '/healthz')).status).toBe(200);
    expect((await ask('GET', '/v1/hosts')).status).toBe(503);
  });

  it('Failed for a bug, whose details go to the log and not to the client', async () => {
    const broken = Object.assign(Object.create(store), {
      list: () => Promise.reject(new TypeError('secret')),
    });
    const hosts = new Hosts({ store: broken, clock: new FakeClock(), log });
    api = buildApi({
      hosts,
      store: broken,
      clock: new FakeClock(),
      log,
      network: 'local',
      ...fakeApiParts(),
    });
    const answer = await ask('GET', '/v1/hosts');
    expect(answer).toMatchObject({ status: 500, body: { code: 'Failed' } });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(log.of('request failed')).toHaveLength(1);
  });
});
