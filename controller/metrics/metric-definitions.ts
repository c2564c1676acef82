// Every metric of the controller: name, type, labels and help. `lockstep_` is about the fleet, `lockstep_controller_` about this process. What is
// measured, and when, is in the files beside this one; docs/reference is made from this list.
import type { MetricDefinition } from '../../runtime/prometheus.ts';

/** From a flag on an idle machine to two resyncs, seconds: as the agents' own. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** From a write that stays in memory to a disk that hangs, seconds. */
const WORK_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** `process_*` is left to node_exporter, through whose textfile collector these may go: it refuses a second metric of the same name. */
export const CONTROLLER_METRICS = {
  hosts: {
    name: 'lockstep_hosts',
    type: 'gauge',
    labels: [],
    help: 'Hosts that the controller keeps. This and every other metric of hosts is at most 5 s old, and left out while the store can not be read.',
  },
  hostsLocked: {
    name: 'lockstep_hosts_locked',
    type: 'gauge',
    labels: [],
    help: 'Hosts whose spec says locked.',
  },
  hostsServicesEnabled: {
    name: 'lockstep_hosts_services_enabled',
    type: 'gauge',
    labels: [],
    help: 'Hosts whose spec says that their services are enabled.',
  },
  hostsDeclared: {
    name: 'lockstep_hosts_declared_by_manifest',
    type: 'gauge',
    labels: [],
    help: 'Hosts that a file of the manifests folder declares.',
  },
  hostsCondition: {
    name: 'lockstep_hosts_condition',
    type: 'gauge',
    labels: ['type', 'status'],
    help: 'Hosts by condition. type: Ready, Online, FlagsInSync, ServicesInSync, GoEnabled, SpecFresh; status: True, False, Unknown (also where none is reported yet).',
  },
  corrections: {
    name: 'lockstep_corrections_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Corrections that agents reported to this controller since it started, by the reason of their event: FlagRestored, FlagRemoved, ServiceStarted, ServiceStopped.',
  },
  correctionDuration: {
    name: 'lockstep_correction_duration_seconds',
    type: 'histogram',
    labels: ['reason'],
    buckets: LATENCY_BUCKETS,
    help: 'Detection to repair by reason, as the agents measured it. Equal corrections within a minute arrive as one event: it counts once here, with the slowest of them.',
  },
  agentConnections: {
    name: 'lockstep_controller_agent_connections',
    type: 'gauge',
    labels: ['network'],
    help: 'Agents that are connected over this network and have said which host they are.',
  },
  inboxMessages: {
    name: 'lockstep_controller_inbox_messages',
    type: 'gauge',
    labels: [],
    help: 'Messages of agents that wait for their turn, over all connections.',
  },
  hostsToWrite: {
    name: 'lockstep_controller_hosts_to_write',
    type: 'gauge',
    labels: [],
    help: 'Hosts of which the store has yet to take the newest status.',
  },
  storeUp: {
    name: 'lockstep_controller_store_up',
    type: 'gauge',
    labels: [],
    help: '1: the store could be read for these metrics, 0: it could not.',
  },
  storeWriteDuration: {
    name: 'lockstep_controller_store_write_duration_seconds',
    type: 'histogram',
    labels: ['operation'],
    buckets: WORK_BUCKETS,
    help: 'Writes to the store until they were durable or refused. operation: specs, statuses, events.',
  },
  storeWriteFailures: {
    name: 'lockstep_controller_store_write_failures_total',
    type: 'counter',
    labels: ['operation', 'code'],
    help: 'Writes that the store did not take. operation: specs, statuses, events; code: Conflict (somebody was faster; tried again), or another code of an error, such as Unavailable or Failed.',
  },
  storeWatches: {
    name: 'lockstep_controller_store_watches',
    type: 'gauge',
    labels: [],
    help: 'Open watches of the store: one for the agents, and one for each client that watches hosts.',
  },
  httpRequests: {
    name: 'lockstep_controller_http_requests_total',
    type: 'counter',
    labels: ['method', 'route', 'status'],
    help: 'Requests that were answered, by method, route as the API names it, and HTTP status.',
  },
  httpDuration: {
    name: 'lockstep_controller_http_request_duration_seconds',
    type: 'histogram',
    labels: ['method', 'route'],
    buckets: WORK_BUCKETS,
    help: 'From the arrival of a request to its answer, by method and route; of a watch, to its beginning.',
  },
  manifestFiles: {
    name: 'lockstep_controller_manifest_files',
    type: 'gauge',
    labels: ['state'],
    help: 'Files of the manifests folder by state: Applied, Refused, Pending. Left out without a folder.',
  },
  manifestsFolderUp: {
    name: 'lockstep_controller_manifests_folder_up',
    type: 'gauge',
    labels: [],
    help: '1: the manifests folder can be read, 0: something is wrong with it. Left out without a folder.',
  },
  stalls: {
    name: 'lockstep_controller_event_loop_stalls_total',
    type: 'counter',
    labels: [],
    help: 'Times that the controller stood still for 100 ms or more, as seen by timers that were due meanwhile; one is due every second.',
  },
  stallSeconds: {
    name: 'lockstep_controller_event_loop_stall_seconds_total',
    type: 'counter',
    labels: [],
    help: 'How long the controller stood still in all of these stalls.',
  },
  buildInfo: {
    name: 'lockstep_controller_build_info',
    type: 'gauge',
    labels: ['version'],
    help: 'The version of the controller, as a label; always 1.',
  },
  startTime: {
    name: 'lockstep_controller_start_time_seconds',
    type: 'gauge',
    labels: [],
    help: 'When the controller started, unix time.',
  },
  residentMemory: {
    name: 'lockstep_controller_resident_memory_bytes',
    type: 'gauge',
    labels: [],
    help: 'Resident memory of the controller.',
  },
  cpuSeconds: {
    name: 'lockstep_controller_cpu_seconds_total',
    type: 'counter',
    labels: [],
    help: 'User and system time that the controller took.',
  },
  lastScrape: {
    name: 'lockstep_controller_last_scrape_timestamp_seconds',
    type: 'gauge',
    labels: [],
    help: 'When these metrics were made, unix time: how old they are where they come through a file.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
