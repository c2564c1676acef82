import { describe, expect, it } from 'vitest';
import { AgentMetrics } from '../../../node-agent/metrics/agent-metrics.ts';
import { AGENT_METRICS } from '../../../node-agent/metrics/metric-definitions.ts';
import type { AgentStatus } from '../../../node-agent/status-file.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parseExposition } from '../../support/prometheus-text.ts';
import { agentStatus } from '../status-fixture.ts';

function setUp() {
  const clock = new FakeClock();
  const usage = { residentBytes: 100_000_000, cpuSeconds: 1.5 };
  const metrics = new AgentMetrics({
    clock,
    resyncIntervalMs: 5_000,
    agentVersion: '1.2.3',
    readUsage: () => usage,
  });
  const read = async () => parseExposition(await metrics.text());
  return { clock, usage, metrics, read };
}

/** The fixture with another desired state or status. */
function statusWith(
  change: { desired?: Partial<AgentStatus['desired']>; status?: Partial<AgentStatus['status']> },
  rest: Partial<AgentStatus> = {},
): AgentStatus {
  const base = agentStatus(rest);
  return {
    ...base,
    desired: { ...base.desired, ...change.desired },
    status: { ...base.status, ...change.status },
  };
}

describe('AgentMetrics', () => {
  it('has every metric that is defined, with its type and help, and no other', async () => {
    const { metrics, read } = setUp();
    metrics.published(agentStatus(), true);
    const { families } = await read();
    const defined = Object.values(AGENT_METRICS).map(({ name, type, help }) => ({ name, type, help }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect([...families].sort(byName)).toEqual(defined.sort(byName));
  });

  it('counts corrections by kind, and how long each took', async () => {
    const { metrics, read } = setUp();
    metrics.corrected('flag_restored', 1.5);
    metrics.corrected('flag_restored', 4_000);
    metrics.corrected('service_stopped', 20);
    const { value } = await read();
    const bucket = (kind: string, le: string) =>
      value('lockstep_agent_correction_duration_seconds_bucket', { kind, le });
    expect(value('lockstep_agent_corrections_total', { kind: 'flag_restored' })).toBe(2);
    expect(value('lockstep_agent_corrections_total', { kind: 'flag_removed' })).toBe(0);
    expect(value('lockstep_agent_corrections_total', { kind: 'service_stopped' })).toBe(1);
    expect(['0.001', '0.0025', '2.5', '5'].map((le) => bucket('flag_restored', le))).toEqual([0, 1, 1, 2]);
    expect(value('lockstep_agent_correction_duration_seconds_sum', { kind: 'flag_restored' })).toBe(4.0015);
  });

  it('counts a correction that nothing detected, and takes no time for it', async () => {
    const { metrics, read } = setUp();
    metrics.corrected('service_started', undefined);
    const { value } = await read();
    expect(value('lockstep_agent_corrections_total', { kind: 'service_started' })).toBe(1);
    expect(value('lockstep_agent_correction_duration_seconds_count', { kind: 'service_started' })).toBe(0);
  });

  it('counts passes by outcome with their duration, and shows which waits and which runs', async () => {
    const { clock, metrics, read } = setUp();
    metrics.passAsked('flags');
    expect((await read()).value('lockstep_agent_queue_depth', { key: 'flags' })).toBe(1);
    metrics.passBegan('flags', 0);
    metrics.passEnded('flags', 'retry', 40);
    metrics.passAsked('services');
    metrics.passBegan('services', 50);
    metrics.passAsked('services');
    await clock.advance(2_050);
    const { value } = await read();
    expect(value('lockstep_agent_passes_total', { key: 'flags', outcome: 'retry' })).toBe(1);
    expect(value('lockstep_agent_passes_total', { key: 'flags', outcome: 'settled' })).toBe(0);
    expect(value('lockstep_agent_pass_duration_seconds_sum', { key: 'flags' })).toBe(0.04);
    expect(value('lockstep_agent_queue_depth', { key: 'flags' })).toBe(0);
    expect(value('lockstep_agent_queue_depth', { key: 'services' })).toBe(1);
    expect(value('lockstep_agent_running_pass_seconds', { key: 'flags' })).toBe(0);
    expect(value('lockstep_agent_running_pass_seconds', { key: 'services' })).toBe(2);
  });

  it('counts a look that comes too late', async () => {
    const { metrics, read } = setUp();
    for (const atMs of [0, 5_000, 10_400, 16_000]) {
      metrics.passBegan('flags', atMs);
      metrics.passEnded('flags', 'settled', atMs + 3);
    }
    const { value } = await read();
    expect(value('lockstep_agent_resync_deadlines_missed_total', { key: 'flags' })).toBe(1);
    expect(value('lockstep_agent_resync_deadlines_missed_total', { key: 'services' })).toBe(0);
  });

  it('counts stalls and how long they were together', async () => {
    const { metrics, read } = setUp();
    metrics.stalled(250);
    metrics.stalled(500);
    const { value } = await read();
    expect(value('lockstep_agent_event_loop_stalls_total')).toBe(2);
    expect(value('lockstep_agent_event_loop_stall_seconds_total')).toBe(0.75);
  });

  it('shows what the agent last published', async () => {
    const { metrics, read } = setUp();
    metrics.published(agentStatus({ acknowledgedGeneration: 6 }), true);
    const { value } = await read();
    expect(value('lockstep_agent_flag_present', { flag: 'volatile' })).toBe(1);
    expect(value('lockstep_agent_flag_blocked', { flag: 'volatile' })).toBe(0);
    expect(value('lockstep_agent_services', { state: 'stopped' })).toBe(1);
    expect(value('lockstep_agent_services', { state: 'failed' })).toBe(0);
    expect(value('lockstep_agent_condition', { type: 'FlagsInSync', status: 'True' })).toBe(1);
    expect(value('lockstep_agent_condition', { type: 'FlagsInSync', status: 'False' })).toBe(0);
    expect(value('lockstep_agent_observed_generation')).toBe(6);
    expect(value('lockstep_agent_known_generation')).toBe(7);
    expect(value('lockstep_agent_spec_locked')).toBe(1);
    expect(value('lockstep_agent_spec_services_enabled')).toBe(0);
    expect(value('lockstep_agent_connected', { network: 'local' })).toBe(1);
  });

  it('leaves out what is not known, also after it was', async () => {
    const { metrics, read } = setUp();
    expect((await read()).value('lockstep_agent_spec_locked')).toBeUndefined();
    metrics.published(agentStatus(), true);
    metrics.published(
      statusWith({
        desired: { locked: null, servicesEnabled: null },
        status: { flags: { volatile: 'unknown', persistent: 'blocked' } },
      }),
      true,
    );
    const { value } = await read();
    expect(value('lockstep_agent_spec_locked')).toBeUndefined();
    expect(value('lockstep_agent_spec_services_enabled')).toBeUndefined();
    expect(value('lockstep_agent_flag_present', { flag: 'volatile' })).toBeUndefined();
    expect(value('lockstep_agent_flag_present', { flag: 'persistent' })).toBeUndefined();
    expect(value('lockstep_agent_flag_blocked', { flag: 'volatile' })).toBe(0);
    expect(value('lockstep_agent_flag_blocked', { flag: 'persistent' })).toBe(1);
  });

  it('says which version runs since when, what it costs, and when that was written', async () => {
    const { clock, usage, metrics, read } = setUp();
    await clock.advance(60_000);
    usage.cpuSeconds = 2.25;
    await read();
    const { value } = await read();
    const startSeconds = Date.UTC(2026, 0, 1) / 1_000;
    expect(value('lockstep_agent_build_info', { version: '1.2.3' })).toBe(1);
    expect(value('lockstep_agent_start_time_seconds')).toBe(startSeconds);
    expect(value('lockstep_agent_last_write_timestamp_seconds')).toBe(startSeconds + 60);
    expect(value('lockstep_agent_resync_interval_seconds')).toBe(5);
    expect(value('lockstep_agent_resident_memory_bytes')).toBe(100_000_000);
    expect(value('lockstep_agent_cpu_seconds_total')).toBe(2.25);
    expect(value('lockstep_agent_running')).toBe(1);
    metrics.stopped();
    expect((await read()).value('lockstep_agent_running')).toBe(0);
  });

  it('is connected to nothing once it was stopped', async () => {
    const { metrics, read } = setUp();
    metrics.published(agentStatus(), true);
    metrics.stopped();
    expect((await read()).value('lockstep_agent_connected', { network: 'local' })).toBe(0);
  });

  it('takes routine passes and a status that says the same for no news, and everything else for some', () => {
    const { metrics } = setUp();
    const isNews = (act: () => void) => {
      const before = metrics.news;
      act();
      return metrics.news > before;
    };
    metrics.passBegan('flags', 0);
    expect(isNews(() => metrics.passEnded('flags', 'settled', 3))).toBe(false);
    expect(isNews(() => metrics.passBegan('flags', 5_000))).toBe(false);
    expect(isNews(() => metrics.passEnded('flags', 'retry', 5_003))).toBe(true);
    expect(isNews(() => metrics.passBegan('flags', 11_000))).toBe(true);
    expect(isNews(() => metrics.passEnded('flags', 'settled', 17_000))).toBe(true);
    expect(isNews(() => metrics.corrected('flag_removed', 1))).toBe(true);
    expect(isNews(() => metrics.stalled(100))).toBe(true);
    expect(isNews(() => metrics.published(agentStatus(), false))).toBe(false);
    expect(isNews(() => metrics.published(agentStatus(), true))).toBe(true);
  });
});
