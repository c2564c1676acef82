// Reports the host, to controllers and to people on it, when what is known of it changed; a converged host reports nothing (I7).
import type { Status } from '../desired-state/host.ts';
import type { GateKeeper } from '../reconcilers/gates/gate-keeper.ts';
import { nowIso } from '../reconcilers/loop/clock.ts';
import { describeBlocked } from '../reconcilers/loop/plan.ts';
import type { Operations } from '../reconcilers/services/operations.ts';
import type { AgentPorts, AgentSettings } from './agent-ports.ts';
import type { ControllerLink } from './controller-link.ts';
import type { DesiredIntake } from './desired-intake.ts';
import type { FlagsPass } from './flags-pass.ts';
import { reportHost } from './host-report.ts';
import type { Journal } from './journal.ts';
import { type Desired, describeKnowledge, isSameWish, type Knowledge } from './knowledge.ts';
import { LastPlan } from './last-plan.ts';
import type { ServicesPass } from './services-pass.ts';
import type { AgentStatus } from './status-file.ts';

export interface ReporterOptions {
  readonly settings: AgentSettings;
  readonly ports: Pick<AgentPorts, 'clock' | 'publish'>;
  readonly knowledge: Knowledge;
  readonly intake: DesiredIntake;
  readonly flagsPass: FlagsPass;
  readonly servicesPass: ServicesPass;
  readonly operations: Operations;
  readonly gates: GateKeeper;
  readonly journal: Journal;
  readonly links: readonly ControllerLink[];
}

/**
 * While a new desired state is applied controllers are told nothing new for that long, ms: then it has been applied, or what holds it is worth telling. Each status costs
 * a controller a write to its store, which on one machine waits for the very disk that the copies and the flag are being synced to.
 */
const UNDER_WAY_MS = 100;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #startedAt: string;
  readonly #lastPlan: LastPlan;
  #status: Status | undefined;
  #statusText = '';
  #desired: Desired | undefined;
  #sentText = '';
  /** Runs while a transition's own statuses are kept back. */
  #cancelWait: (() => void) | undefined;
  #isWaitOver = false;
  #published = '';

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#startedAt = nowIso(options.ports.clock);
    this.#lastPlan = new LastPlan(options.ports.clock);
  }

  /** Reports if something else is desired than at the last report: that is to be told before any of it is done. */
  reportDesired(): void {
    if (!isSameWish(this.#desired, this.#options.knowledge.desired)) this.report();
  }

  /** Looks at what is known; publishes it if it is news, and sends it, unless it is that of a change that is being applied. */
  report(): void {
    const status = this.#makeStatus();
    this.#status = status;
    this.#statusText = JSON.stringify(status);
    this.#desired = this.#options.knowledge.desired;
    if (!this.#mayWait() && this.#statusText !== this.#sentText) this.resend();
    this.#publish(status);
  }

  /** Sends the status as it is: a new connection has not heard it. */
  resend(): void {
    const status = this.#status;
    if (status === undefined) return;
    this.#sentText = this.#statusText;
    for (const link of this.#options.links) link.send({ type: 'status', status });
  }

  /** Keeps nothing back any more. */
  close(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#isWaitOver = true;
  }

  #mayWait(): boolean {
    const { intake, ports } = this.#options;
    if (intake.transition === undefined) {
      this.#cancelWait?.();
      this.#cancelWait = undefined;
      this.#isWaitOver = false;
      return false;
    }
    if (this.#isWaitOver) return false;
    this.#cancelWait ??= ports.clock.setTimer(UNDER_WAY_MS, () => {
      this.#isWaitOver = true;
      this.report();
    });
    return true;
  }

  #makeStatus(): Status {
    const { settings, ports, knowledge, intake, flagsPass, servicesPass, operations, gates } = this.#options;
    return reportHost(
      {
        generation: knowledge.generation,
        desired: knowledge.desired,
        pending: knowledge.isRemembered ? undefined : knowledge.newest?.spec,
        acknowledged: flagsPass.acknowledged,
        knowsNothing: knowledge.source === 'nothing',
        flags: flagsPass.view,
        services: servicesPass.view,
        servicesFailure: servicesPass.failure,
        operations,
        goEnabled: gates.claim(knowledge.generation),
        words: intake.words,
        lastPlan: this.#lastPlan.note(flagsPass.view, servicesPass.view, operations.inFlight.size > 0),
        bootId: settings.bootId,
        agentVersion: settings.agentVersion,
        roles: settings.roles,
      },
      this.#status,
      nowIso(ports.clock),
    );
  }

  #publish(status: Status): void {
    const document = this.#makeDocument(status);
    const text = JSON.stringify(document);
    const isNews = text !== this.#published;
    this.#published = text;
    const { clock, publish } = this.#options.ports;
    publish({ ...document, updatedAt: nowIso(clock) }, isNews);
  }

  #makeDocument(status: Status): Omit<AgentStatus, 'updatedAt'> {
    const { settings, knowledge, flagsPass, servicesPass, operations, journal, links } = this.#options;
    const { locked, servicesEnabled, generation } = knowledge.desired;
    const plans = [flagsPass.view?.result.plan, servicesPass.view?.result.plan];
    return {
      apiVersion: 'lockstep/v1',
      kind: 'AgentStatus',
      host: settings.host,
      pid: settings.pid,
      startedAt: this.#startedAt,
      agentVersion: settings.agentVersion,
      bootId: settings.bootId,
      roles: [...settings.roles],
      desired: {
        generation,
        locked: locked === 'leave' ? null : locked,
        servicesEnabled: servicesEnabled === 'leave' ? null : servicesEnabled,
        source: knowledge.source,
        message: describeKnowledge(knowledge),
      },
      acknowledgedGeneration: flagsPass.acknowledged,
      links: links.map(({ state }) => ({ ...state })),
      status,
      operations: [...operations.inFlight.values()].map(({ service, verb, since }) => ({
        service: service.id,
        verb,
        since: new Date(since).toISOString(),
      })),
      blocked: plans.flatMap((plan) => plan?.blocked ?? []).map(describeBlocked),
      corrections: journal.corrections.map((correction) => ({ ...correction })),
    };
  }
}
