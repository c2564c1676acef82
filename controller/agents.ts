// The use cases of agents: what they tell of their hosts (hello, status, events), and what the controller finds of them (online, warnings), on the Store.
// Decides by the plans in welcome.ts and host-status.ts; no connection, socket, timer or environment in here.
import type { ConditionClaim } from '../desired-state/conditions.ts';
import type { Status } from '../desired-state/host.ts';
import { type HostRecord, MAX_HOSTS_PER_WRITE, type Store } from '../desired-state/store/store.ts';
import type { EventMessage, Hello } from '../desired-state/wire.ts';
import { type Clock, nowIso } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';
import { claimOnline, planOnline, sameStatus, withReport } from './host-status.ts';
import { SpecWriter } from './spec-writer.ts';
import { planWelcome } from './welcome.ts';

export interface AgentsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export class Agents {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #writer: SpecWriter;

  constructor({ store, clock, log }: AgentsDeps) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#writer = new SpecWriter(store, log);
  }

  /**
   * What an agent's hello means: its host is known, adopted or registered.
   * @returns the host as the store now has it.
   * @throws LockstepError `Refused` when the host was deleted and its agent still holds a spec.
   */
  welcome(hello: Hello, network: string): Promise<HostRecord> {
    return this.#writer.retried(`host ${hello.host}`, async () => {
      const record = await this.#store.get(hello.host);
      const welcome = planWelcome(record, hello, network, nowIso(this.#clock));
      if (welcome.kind === 'new') {
        return (await this.#writer.write([welcome.planned], { actor: 'agent', network }))?.[0];
      }
      const news = welcome.reportedGeneration > (record?.reportedGeneration ?? 0);
      if (welcome.kind === 'known' && welcome.disagreement !== undefined && news) {
        await this.recordWarning(hello.host, 'SpecDisagreement', welcome.disagreement);
      }
      if (welcome.kind === 'refused' && welcome.planned !== undefined) {
        const kept = await this.#writer.write([welcome.planned], { actor: 'agent', network });
        if (kept === undefined) return undefined;
      }
      const known = await this.noteGeneration(hello.host, welcome.reportedGeneration);
      if (welcome.kind === 'refused') throw welcome.error;
      return known;
    });
  }

  /** The agent's own status; written only when something in it changed. A host without a record is let be. */
  async report(name: string, status: Status): Promise<void> {
    const record = await this.#store.get(name);
    if (record === undefined) return;
    const next = withReport(record.status, status);
    const reportedGeneration = Math.max(record.reportedGeneration, status.observedGeneration);
    if (reportedGeneration === record.reportedGeneration && sameStatus(record.status, next)) return;
    await this.#store.writeStatuses([{ name, status: next, reportedGeneration }]);
  }

  /** Raises the highest generation that the agent ever reported. @returns the host as it then is; undefined without a record. */
  async noteGeneration(name: string, generation: number): Promise<HostRecord | undefined> {
    const record = await this.#store.get(name);
    if (record === undefined || generation <= record.reportedGeneration) return record;
    return (await this.#store.writeStatuses([{ name, reportedGeneration: generation }])).records[0];
  }

  /** The controller's Online; written, and logged, only when its status or reason changes. */
  async setOnline(name: string, claim: ConditionClaim): Promise<void> {
    const record = await this.#store.get(name);
    const write = record && planOnline(record, claim, nowIso(this.#clock));
    if (write === undefined) return;
    await this.#store.writeStatuses([write]);
    this.#log.info({ host: name, online: claim.status, reason: claim.reason }, 'host online changed');
  }

  /** After a restart nobody knows whether the agents that were connected still live. @returns the hosts of which that is so. */
  async markRestarted(): Promise<readonly string[]> {
    const { records } = await this.#store.list();
    const inDoubt = records.filter((record) =>
      record.status?.conditions.some(({ type, status }) => type === 'Online' && status !== 'False'),
    );
    const at = nowIso(this.#clock);
    const writes = inDoubt.flatMap(
      (record) => planOnline(record, claimOnline('ControllerRestarted', record.generation), at) ?? [],
    );
    for (let from = 0; from < writes.length; from += MAX_HOSTS_PER_WRITE) {
      await this.#store.writeStatuses(writes.slice(from, from + MAX_HOSTS_PER_WRITE));
    }
    return inDoubt.map(({ name }) => name);
  }

  /** What an agent says that happened, such as a correction. */
  async recordEvent(name: string, { event, at, firstAt, count }: EventMessage): Promise<void> {
    await this.#store.appendEvents([{ ...event, host: name, at, firstAt, count, actor: 'agent' }]);
  }

  /** What the controller itself finds wrong with a host: an event, and a line in the log. */
  async recordWarning(name: string, reason: string, message: string): Promise<void> {
    const generation = (await this.#store.get(name))?.generation ?? 0;
    this.#log.warn({ host: name, reason, detail: message }, 'host needs a look');
    await this.#appendWarning(name, reason, message, generation);
  }

  /** The agent of a host was turned away: an event of the host, deleted ones included. A host without a record is let be: any peer may make up names. */
  async recordRefusal(name: string, message: string): Promise<void> {
    const record = await this.#store.get(name);
    if (record === undefined) return;
    await this.#appendWarning(name, 'AgentRefused', message, record.generation);
  }

  async #appendWarning(name: string, reason: string, message: string, generation: number): Promise<void> {
    const at = nowIso(this.#clock);
    await this.#store.appendEvents([
      {
        host: name,
        type: 'Warning',
        reason,
        message,
        generation,
        at,
        firstAt: at,
        count: 1,
        actor: 'controller',
      },
    ]);
  }
}
