// Every metric of the agent: name, type, labels and help. What is measured, and when, is in agent-metrics.ts; docs/reference is made from this list.
import type { MetricDefinition } from '../../runtime/prometheus.ts';

/** From what a flag takes on an idle machine to two resyncs, seconds. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** `process_*` is left to node_exporter: its textfile collector refuses a second metric of the same name. */
export const AGENT_METRICS = {
  buildInfo: {
    name: 'lockstep_agent_build_info',
    type: 'gauge',
    labels: ['version'],
    help: 'The version of the agent, as a label; always 1.',
  },
  running: {
    name: 'lockstep_agent_running',
    type: 'gauge',
    labels: [],
    help: '1 while the agent runs; 0 once it was stopped in order. After a crash it stays 1 and the last write grows old.',
  },
  startTime: {
    name: 'lockstep_agent_start_time_seconds',
    type: 'gauge',
    labels: [],
    help: 'When the agent started, unix time.',
  },
  lastWrite: {
    name: 'lockstep_agent_last_write_timestamp_seconds',
    type: 'gauge',
    labels: [],
    help: 'When these metrics were written, unix time: at a pass that has news, 15 s after the write before at the soonest, and at any pass after 60 s.',
  },
  resyncInterval: {
    name: 'lockstep_agent_resync_interval_seconds',
    type: 'gauge',
    labels: [],
    help: 'How often flags and services are looked at without any event, start to start.',
  },
  corrections: {
    name: 'lockstep_agent_corrections_total',
    type: 'counter',
    labels: ['kind'],
    help: 'Corrections of what somebody or something changed on this host. kind: flag_restored, flag_removed, service_started, service_stopped.',
  },
  correctionDuration: {
    name: 'lockstep_agent_correction_duration_seconds',
    type: 'histogram',
    labels: ['kind'],
    buckets: LATENCY_BUCKETS,
    help: 'From the event or look that detected a change to its repair, monotonic clock, by kind; a service takes the time of its own script too.',
  },
  passes: {
    name: 'lockstep_agent_passes_total',
    type: 'counter',
    labels: ['key', 'outcome'],
    help: 'Passes of the control loop that ended. key: flags, services; outcome: settled, look-again (something is due), retry (something failed).',
  },
  passDuration: {
    name: 'lockstep_agent_pass_duration_seconds',
    type: 'histogram',
    labels: ['key'],
    buckets: LATENCY_BUCKETS,
    help: 'How long a pass took: looking, correcting, looking again; no pass waits for the script of a start or stop. key: flags, services.',
  },
  missedDeadlines: {
    name: 'lockstep_agent_resync_deadlines_missed_total',
    type: 'counter',
    labels: ['key'],
    help: 'Passes that took longer than the resync interval, or began later than that after the one before; a tenth of the interval is tolerated. key: flags, services.',
  },
  queueDepth: {
    name: 'lockstep_agent_queue_depth',
    type: 'gauge',
    labels: ['key'],
    help: 'Passes that waited when this was written: 1 while one is asked for and the one before has not ended, else 0. key: flags, services.',
  },
  runningPass: {
    name: 'lockstep_agent_running_pass_seconds',
    type: 'gauge',
    labels: ['key'],
    help: 'How long the pass that ran when this was written had been running, 0 where none ran. It grows while a pass hangs. key: flags, services.',
  },
  stalls: {
    name: 'lockstep_agent_event_loop_stalls_total',
    type: 'counter',
    labels: [],
    help: 'Times that the agent stood still for 100 ms or more, as seen by timers that were due meanwhile.',
  },
  stallSeconds: {
    name: 'lockstep_agent_event_loop_stall_seconds_total',
    type: 'counter',
    labels: [],
    help: 'How long the agent stood still in all of these stalls.',
  },
  flagPresent: {
    name: 'lockstep_agent_flag_present',
    type: 'gauge',
    labels: ['flag'],
    help: '1: the flag file is there, 0: it is not; left out while that is unknown. flag: volatile, persistent.',
  },
  flagBlocked: {
    name: 'lockstep_agent_flag_blocked',
    type: 'gauge',
    labels: ['flag'],
    help: '1: something that is no regular file stands at the path of the flag, or it can not be read. flag: volatile, persistent.',
  },
  services: {
    name: 'lockstep_agent_services',
    type: 'gauge',
    labels: ['state'],
    help: 'Services of this host by state: running, starting, stopping, stopped, failed, unknown.',
  },
  condition: {
    name: 'lockstep_agent_condition',
    type: 'gauge',
    labels: ['type', 'status'],
    help: '1 for the status that a condition has, 0 for the others. type: FlagsInSync, ServicesInSync, GoEnabled, SpecFresh; status: True, False, Unknown.',
  },
  observedGeneration: {
    name: 'lockstep_agent_observed_generation',
    type: 'gauge',
    labels: [],
    help: 'The newest generation that is remembered and whose flags are as desired, durably.',
  },
  knownGeneration: {
    name: 'lockstep_agent_known_generation',
    type: 'gauge',
    labels: [],
    help: 'The generation that the agent works towards.',
  },
  specLocked: {
    name: 'lockstep_agent_spec_locked',
    type: 'gauge',
    labels: [],
    help: '1: this host is to be locked, 0: unlocked; left out while nothing is known and the flags are left as they are.',
  },
  specServicesEnabled: {
    name: 'lockstep_agent_spec_services_enabled',
    type: 'gauge',
    labels: [],
    help: '1: the services of this host are to run, 0: to be stopped; left out while they are left as they are.',
  },
  connected: {
    name: 'lockstep_agent_connected',
    type: 'gauge',
    labels: ['network'],
    help: '1: a controller is connected over this network, 0: none is.',
  },
  residentMemory: {
    name: 'lockstep_agent_resident_memory_bytes',
    type: 'gauge',
    labels: [],
    help: 'Resident memory of the agent.',
  },
  cpuSeconds: {
    name: 'lockstep_agent_cpu_seconds_total',
    type: 'counter',
    labels: [],
    help: 'User and system time that the agent took.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
