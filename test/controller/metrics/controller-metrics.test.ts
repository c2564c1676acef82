import { describe, expect, it } from 'vitest';
import { manifestFileListSchema } from '../../../controller/api/schemas.ts';
import type { GatewayLoad } from '../../../controller/gateway/agent-gateway.ts';
import { toHostList } from '../../../controller/host-view.ts';
import { ControllerMetrics } from '../../../controller/metrics/controller-metrics.ts';
import { CONTROLLER_METRICS } from '../../../controller/metrics/metric-definitions.ts';
import { ObservedStore } from '../../../controller/metrics/observed-store.ts';
import { LockstepError } from '../../../desired-state/errors.ts';
import type { HostEvent } from '../../../desired-state/events.ts';
import { ANNOTATIONS, type HostList } from '../../../desired-state/host.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { eventOf, LOCKED, specWrite, statusAt, UNLOCKED } from '../../conformance/store-fixtures.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parseExposition } from '../../support/prometheus-text.ts';
import { fakeApiParts } from '../fixtures/api-parts.ts';
import { FlakyStore } from '../fixtures/flaky-store.ts';

const IDLE: GatewayLoad = { connections: new Map(), waitingMessages: 0, hostsToWrite: 0 };
const NO_FOLDER = manifestFileListSchema.parse({
  apiVersion: 'lockstep/v1',
  kind: 'ManifestFileList',
  folder: null,
  message: '',
  items: [],
});

function setUp() {
  const clock = new FakeClock();
  const memory = new FlakyStore(new MemoryStore());
  const parts = { load: IDLE, manifests: NO_FOLDER };
  const listHosts = async (): Promise<HostList> => toHostList((await memory.list()).records);
  const metrics = new ControllerMetrics({
    clock,
    version: '1.2.3',
    readUsage: () => ({ residentBytes: 100_000_000, cpuSeconds: 1.5 }),
    listHosts,
    gatewayLoad: () => parts.load,
    listManifests: () => parts.manifests,
  });
  const store = new ObservedStore(memory, clock, metrics);
  const read = async () => parseExposition(await metrics.text());
  return { clock, memory, parts, metrics, store, read };
}

const correction = (change: Partial<HostEvent>): HostEvent => ({
  ...eventOf('a', 'm'),
  reason: 'FlagRestored',
  ...change,
});

describe('ControllerMetrics', () => {
  it('has every metric that is defined, with its type and help, and no other', async () => {
    const { parts, read } = setUp();
    parts.manifests = fakeApiParts().manifests.list();
    const { families } = await read();
    const defined = Object.values(CONTROLLER_METRICS).map(({ name, type, help }) => ({ name, type, help }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect([...families].sort(byName)).toEqual(defined.sort(byName));
  });

  it('counts hosts, and hosts by condition; what was never reported is Unknown', async () => {
    const { store, read } = setUp();
    await store.writeSpecs([
      specWrite('a', { spec: LOCKED, annotations: { [ANNOTATIONS.manifest]: 'site/a.yaml' } }),
      specWrite('b', { spec: UNLOCKED }),
      specWrite('c', { spec: LOCKED }),
    ]);
    await store.writeStatuses([{ name: 'a', status: statusAt(1) }]);
    const { value } = await read();
    const hosts = (type: string, status: string) => value('lockstep_hosts_condition', { type, status });
    expect(value('lockstep_hosts')).toBe(3);
    expect(value('lockstep_hosts_locked')).toBe(2);
    expect(value('lockstep_hosts_services_enabled')).toBe(1);
    expect(value('lockstep_hosts_declared_by_manifest')).toBe(1);
    expect(hosts('FlagsInSync', 'True')).toBe(1);
    expect(hosts('FlagsInSync', 'Unknown')).toBe(2);
    expect(hosts('Online', 'False')).toBe(3);
    expect(hosts('Ready', 'Unknown')).toBe(3);
    expect(hosts('Ready', 'True')).toBe(0);
    expect(value('lockstep_controller_store_up')).toBe(1);
  });

  it('reads the hosts once for scrapes within 5 s, and for those at the same time', async () => {
    const { clock, memory, store, read } = setUp();
    await Promise.all([read(), read(), read()]);
    await clock.advance(4_999);
    await store.writeSpecs([specWrite('a')]);
    expect((await read()).value('lockstep_hosts')).toBe(0);
    expect(memory.calls.get('list')).toBe(1);
    await clock.advance(1);
    expect((await read()).value('lockstep_hosts')).toBe(1);
    expect(memory.calls.get('list')).toBe(2);
  });

  it('leaves hosts out while the store can not be read, and still answers', async () => {
    const { clock, memory, store, read } = setUp();
    await store.writeSpecs([specWrite('a')]);
    await read();
    memory.failing.add('list');
    await clock.advance(5_000);
    const failed = await read();
    expect(failed.samples.filter(({ name }) => name.startsWith('lockstep_hosts'))).toEqual([]);
    expect(failed.value('lockstep_controller_store_up')).toBe(0);
    memory.failing.clear();
    expect((await read()).value('lockstep_hosts')).toBe(1);
  });

  it('adds up the counts of agents’ corrections, and times each event once', async () => {
    const { store, read } = setUp();
    await store.appendEvents([correction({ count: 1, latencyMs: 3 })]);
    await store.appendEvents([
      correction({ count: 40, latencyMs: 700 }),
      correction({ reason: 'ServiceStarted', count: 2, latencyMs: 90 }),
    ]);
    const { value } = await read();
    expect(value('lockstep_corrections_total', { reason: 'FlagRestored' })).toBe(41);
    expect(value('lockstep_corrections_total', { reason: 'ServiceStarted' })).toBe(2);
    expect(value('lockstep_corrections_total', { reason: 'FlagRemoved' })).toBe(0);
    expect(value('lockstep_correction_duration_seconds_count', { reason: 'FlagRestored' })).toBe(2);
    expect(value('lockstep_correction_duration_seconds_sum', { reason: 'FlagRestored' })).toBe(0.703);
  });

  it('takes no time for a correction without one, and makes no label of other events', async () => {
    const { store, read } = setUp();
    const { latencyMs: _, ...untimed } = correction({ reason: 'ServiceStopped' });
    await store.appendEvents([
      untimed,
      correction({ reason: 'Applied' }),
      correction({ reason: 'MadeUpByAnAgent' }),
      correction({ actor: 'controller' }),
    ]);
    const { samples, value } = await read();
    expect(value('lockstep_corrections_total', { reason: 'ServiceStopped' })).toBe(1);
    expect(value('lockstep_correction_duration_seconds_count', { reason: 'ServiceStopped' })).toBe(0);
    const counted = samples.filter(({ name }) => name === 'lockstep_corrections_total');
    expect(counted.map(({ labels, value: count }) => `${labels.reason} ${count}`)).toEqual([
      'FlagRestored 0',
      'FlagRemoved 0',
      'ServiceStarted 0',
      'ServiceStopped 1',
    ]);
  });

  it('counts no correction that the store did not take', async () => {
    const { memory, store, read } = setUp();
    memory.failing.add('appendEvents');
    await expect(store.appendEvents([correction({})])).rejects.toThrow();
    const { value } = await read();
    expect(value('lockstep_corrections_total', { reason: 'FlagRestored' })).toBe(0);
    expect(value('lockstep_controller_store_write_duration_seconds_count', { operation: 'events' })).toBe(1);
    expect(
      value('lockstep_controller_store_write_failures_total', { operation: 'events', code: 'Unavailable' }),
    ).toBe(1);
  });

  it('times writes, and tells a conflict from a store that fails', async () => {
    const { metrics, store, read } = setUp();
    await store.writeSpecs([specWrite('a')]);
    await expect(store.writeSpecs([specWrite('a')])).rejects.toThrow(LockstepError);
    metrics.failed('specs', 2_000, new Error('EIO'));
    const { value } = await read();
    const failures = (code: string) =>
      value('lockstep_controller_store_write_failures_total', { operation: 'specs', code });
    expect([failures('Conflict'), failures('Failed'), failures('Unavailable')]).toEqual([1, 1, 0]);
    expect(value('lockstep_controller_store_write_duration_seconds_count', { operation: 'specs' })).toBe(3);
    expect(value('lockstep_controller_store_write_duration_seconds_sum', { operation: 'specs' })).toBe(2);
  });

  it('knows how many watches of the store are open', async () => {
    const { store, read } = setUp();
    await store.writeSpecs([specWrite('a')]);
    const ending = new AbortController();
    const watches = [1, 2].map(() => store.watch(0, ending.signal)[Symbol.asyncIterator]());
    await Promise.all(watches.map((watch) => watch.next()));
    expect((await read()).value('lockstep_controller_store_watches')).toBe(2);
    ending.abort();
    await Promise.all(watches.map((watch) => watch.next()));
    expect((await read()).value('lockstep_controller_store_watches')).toBe(0);
  });

  it('counts and times requests by method and route', async () => {
    const { metrics, read } = setUp();
    const request = { method: 'GET', route: '/v1/hosts/{name}', status: 200, durationMs: 4 };
    metrics.observeRequest(request);
    metrics.observeRequest({ ...request, status: 404, durationMs: 2 });
    const { value } = await read();
    const { method, route } = request;
    const requests = (status: string) =>
      value('lockstep_controller_http_requests_total', { method, route, status });
    expect([requests('200'), requests('404')]).toEqual([1, 1]);
    expect(value('lockstep_controller_http_request_duration_seconds_count', { method, route })).toBe(2);
    expect(value('lockstep_controller_http_request_duration_seconds_sum', { method, route })).toBe(0.006);
  });

  it('shows what the gateway has in its hands; a network that lost its last agent has 0', async () => {
    const { parts, read } = setUp();
    parts.load = { connections: new Map([['cluster', 3]]), waitingMessages: 7, hostsToWrite: 2 };
    const busy = await read();
    expect(busy.value('lockstep_controller_agent_connections', { network: 'cluster' })).toBe(3);
    expect(busy.value('lockstep_controller_inbox_messages')).toBe(7);
    expect(busy.value('lockstep_controller_hosts_to_write')).toBe(2);
    parts.load = IDLE;
    const idle = await read();
    expect(idle.value('lockstep_controller_agent_connections', { network: 'cluster' })).toBe(0);
  });

  it('counts manifest files by state, and leaves them out without a folder', async () => {
    const { parts, read } = setUp();
    const names = (samples: readonly { name: string }[]) =>
      samples.filter(({ name }) => name.includes('manifest_files') || name.includes('manifests_folder'));
    expect(names((await read()).samples)).toEqual([]);
    const listed = fakeApiParts().manifests.list();
    parts.manifests = listed;
    const { value } = await read();
    const files = (state: string) => value('lockstep_controller_manifest_files', { state });
    expect([files('Applied'), files('Refused'), files('Pending')]).toEqual([1, 1, 1]);
    expect(value('lockstep_controller_manifests_folder_up')).toBe(1);
    parts.manifests = { ...listed, message: 'it can not be read', items: [] };
    expect((await read()).value('lockstep_controller_manifests_folder_up')).toBe(0);
  });

  it('says which version runs since when, what it costs, its stalls, and when that was read', async () => {
    const { clock, metrics, read } = setUp();
    await clock.advance(30_000);
    metrics.stalled(250);
    const { value } = await read();
    const startSeconds = Date.UTC(2026, 0, 1) / 1_000;
    expect(value('lockstep_controller_build_info', { version: '1.2.3' })).toBe(1);
    expect(value('lockstep_controller_start_time_seconds')).toBe(startSeconds);
    expect(value('lockstep_controller_last_scrape_timestamp_seconds')).toBe(startSeconds + 30);
    expect(value('lockstep_controller_resident_memory_bytes')).toBe(100_000_000);
    expect(value('lockstep_controller_cpu_seconds_total')).toBe(1.5);
    expect(value('lockstep_controller_event_loop_stalls_total')).toBe(1);
    expect(value('lockstep_controller_event_loop_stall_seconds_total')).toBe(0.25);
  });
});
