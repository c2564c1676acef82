// A stored host as the API shows it, with the conditions that are derived rather than stored. Pure: what is made of a record is kept beside it, for as long as the store
// keeps the record, because records never change and most of them are the same at the next look.
import { CONDITION_TYPES, type Condition, deriveReady, findCondition } from '../desired-state/conditions.ts';
import { ANNOTATIONS, API_VERSION, type Host, type HostList } from '../desired-state/host.ts';
import { deepFreeze } from '../desired-state/store/freeze.ts';
import type { HostRecord } from '../desired-state/store/store.ts';
import type { Table } from './api/schemas.ts';
import { cellsOf, hostTable } from './host-columns.ts';
import { UNREPORTED } from './host-status.ts';

/** Older than anything: where no change of the spec was ever stamped. */
const LONG_AGO = '1970-01-01T00:00:00.000Z';

/** @returns always the same of the same record. */
export const toHost = oncePerRecord((record): Host => {
  const { name, generation, labels, annotations, spec } = record;
  return {
    apiVersion: API_VERSION,
    kind: 'Host',
    metadata: { name, generation, labels, annotations },
    spec,
    status: { ...(record.status ?? UNREPORTED), conditions: conditionsOf(record) },
  };
});

export function toHostList(records: readonly HostRecord[]): HostList {
  return { apiVersion: API_VERSION, kind: 'HostList', items: records.map(toHost) };
}

export function toTable(records: readonly HostRecord[]): Table {
  return hostTable(records.map(toCells));
}

const toCells = oncePerRecord((record) => cellsOf(toHost(record)));

function oncePerRecord<T>(make: (record: HostRecord) => T): (record: HostRecord) => T {
  const made = new WeakMap<HostRecord, T>();
  return (record) => {
    const known = made.get(record);
    if (known !== undefined) return known;
    const fresh = deepFreeze(make(record));
    made.set(record, fresh);
    return fresh;
  };
}

function conditionsOf(record: HostRecord): Condition[] {
  const specChangedAt = record.annotations[ANNOTATIONS.changedAt] ?? LONG_AGO;
  const stored = record.status?.conditions ?? [];
  const online: Condition = findCondition(stored, 'Online') ?? {
    type: 'Online',
    status: 'False',
    reason: 'NeverConnected',
    message: 'the agent has never connected',
    lastTransitionTime: specChangedAt,
    observedGeneration: record.generation,
  };
  const known = [...stored.filter(({ type }) => type !== 'Online'), online];
  const ready = deriveReady({
    generation: record.generation,
    servicesEnabled: record.spec.servicesEnabled,
    observedGeneration: record.status?.observedGeneration ?? 0,
    conditions: known,
    specChangedAt,
  });
  return [explainStoreBehind(record, ready), ...known].sort(
    (a, b) => CONDITION_TYPES.indexOf(a.type) - CONDITION_TYPES.indexOf(b.type),
  );
}

/**
 * Ready where the agent keeps another spec than the store's: a newer one, or another one of the same generation (its welcome then raised
 * reportedGeneration). What it reports speaks of its own spec, so it is never Ready by the store's; nor is "not reported yet" what to wait for.
 */
function explainStoreBehind(record: HostRecord, ready: Condition): Condition {
  const speaksOfSpec = ready.status === 'True' || ready.reason === 'Pending';
  if (!speaksOfSpec || record.reportedGeneration <= record.generation) return ready;
  return {
    ...ready,
    status: 'False',
    reason: 'StoreBehind',
    message: `the agent keeps a newer spec than the store's generation ${record.generation}, or another one: lock or unlock the host, or apply its manifest, to say what it should be`,
  };
}
