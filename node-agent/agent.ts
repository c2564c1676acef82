// The agent of one host: its parts put together from ports, and what leads to what. It builds no adapter (main.ts does), so the simulation runs this
// very code.
import { messageOf } from '../desired-state/errors.ts';
import { type AgentMessage, type Hello, PROTOCOL_VERSION } from '../desired-state/wire.ts';
import { CopyReconciler } from '../reconcilers/copy/copy-reconciler.ts';
import { FlagsReconciler } from '../reconcilers/flags/flags-reconciler.ts';
import { GateKeeper } from '../reconcilers/gates/gate-keeper.ts';
import { ControlLoop, type Outcome, type Pass } from '../reconcilers/loop/control-loop.ts';
import { describeBlocked, describeStep } from '../reconcilers/loop/plan.ts';
import { type EndedOperation, Operations } from '../reconcilers/services/operations.ts';
import { ServicesReconciler } from '../reconcilers/services/services-reconciler.ts';
import type { AgentPorts, AgentSettings } from './agent-ports.ts';
import { BootGrace, isNewBoot } from './boot-grace.ts';
import { ControllerLink, type LinkListener } from './controller-link.ts';
import { DesiredIntake } from './desired-intake.ts';
import { Drafts } from './drafts.ts';
import { DurableFolders } from './durable-folders.ts';
import { EventOutbox } from './event-outbox.ts';
import { DiskFlagFiles } from './flag-files.ts';
import { FlagsPass, type PassDrafts } from './flags-pass.ts';
import { Journal } from './journal.ts';
import { describeKnowledge, isSameWish, Knowledge, lockOf } from './knowledge.ts';
import { OnceAResync } from './once-a-resync.ts';
import { Past } from './past.ts';
import { isRecallUncertain, recall } from './recall.ts';
import { Reporter } from './reporter.ts';
import { ServicesPass } from './services-pass.ts';
import { DiskSpecCopies } from './spec-copies.ts';

interface Beginnings {
  readonly past: Past;
  readonly copies: CopyReconciler;
  readonly flags: FlagsReconciler;
  readonly drafts: PassDrafts;
  readonly knowledge: Knowledge;
  /** Something that may hold the desired state could not be read at start. */
  readonly recallUncertain: boolean;
  readonly isNewBoot: boolean;
}

export class HostAgent {
  readonly #settings: AgentSettings;
  readonly #ports: AgentPorts;
  readonly #past: Past;
  readonly #copies: CopyReconciler;
  readonly #flags: FlagsReconciler;
  readonly #knowledge: Knowledge;
  readonly #grace: BootGrace;
  readonly #operations: Operations;
  readonly #gates: GateKeeper;
  readonly #flagsPass: FlagsPass;
  readonly #servicesPass: ServicesPass;
  readonly #loop: ControlLoop<'flags' | 'services'>;
  readonly #outbox: EventOutbox;
  readonly #journal: Journal;
  readonly #intake: DesiredIntake;
  readonly #links: readonly ControllerLink[];
  readonly #reporter: Reporter;
  readonly #rearming: OnceAResync;
  #recallUncertain: boolean;
  #isResumed = false;

  /** Recalls what is known, restores the flags, and only then looks at services and dials controllers (F9). */
  static async start(settings: AgentSettings, ports: AgentPorts): Promise<HostAgent> {
    const { disk, guard, log } = ports;
    const folders = new DurableFolders(disk);
    const drafts = new Drafts(disk, guard);
    const flagFiles = new DiskFlagFiles({ disk, folders, drafts, guard, paths: settings.flags });
    const copies = new DiskSpecCopies({
      disk,
      folders,
      drafts,
      guard,
      stateDir: settings.stateDir,
      persistentFlagPath: settings.flags.persistent,
    });
    const past = new Past(settings, ports, copies, flagFiles);
    const seen = await past.look();
    const knowledge = new Knowledge(recall(seen));
    log.info({ generation: knowledge.generation }, describeKnowledge(knowledge));
    await flagFiles.sweep();
    const agent = new HostAgent(settings, ports, {
      past,
      copies: new CopyReconciler(copies),
      flags: new FlagsReconciler(flagFiles),
      drafts: {
        begin: (known) => {
          // The flag first: other software waits for it, and for the copies only the acknowledgement.
          if (known.spec.locked) flagFiles.draft(lockOf(known));
          copies.draft(known);
        },
        discard: () => drafts.discard(),
      },
      knowledge,
      recallUncertain: isRecallUncertain(seen),
      isNewBoot: await isNewBoot(disk, settings.runDir, settings.bootId),
    });
    agent.#begin();
    return agent;
  }

  private constructor(settings: AgentSettings, ports: AgentPorts, beginnings: Beginnings) {
    const { clock, random, log } = ports;
    const { knowledge, copies, flags } = beginnings;
    const { resyncIntervalMs } = settings;
    this.#settings = settings;
    this.#ports = ports;
    this.#past = beginnings.past;
    this.#copies = copies;
    this.#flags = flags;
    this.#knowledge = knowledge;
    this.#recallUncertain = beginnings.recallUncertain;
    this.#rearming = new OnceAResync(clock, resyncIntervalMs);
    this.#loop = new ControlLoop({
      reconcilers: { flags: (pass) => this.#passFlags(pass), services: (pass) => this.#passServices(pass) },
      clock,
      random,
      log,
      resyncIntervalMs,
      monitor: ports.monitor,
    });
    this.#outbox = new EventOutbox(clock, (message) => this.#links.some((link) => link.send(message)));
    this.#journal = new Journal(log, clock, (event) => this.#outbox.record(event), ports.monitor);
    this.#intake = new DesiredIntake(knowledge, this.#journal);
    const retry = { clock, random, retryCapMs: resyncIntervalMs };
    this.#operations = new Operations({
      ...retry,
      driver: ports.services,
      mayBegin: (verb) => knowledge.desired.servicesEnabled === (verb === 'start'),
      onEnd: (ended) => this.#operationEnded(ended),
      onBackOff: (service, verb) => this.#journal.backedOff(service, verb, knowledge.generation),
    });
    this.#gates = new GateKeeper({
      ...retry,
      driver: ports.gates,
      onEnd: (gate, result) => {
        this.#journal.gateEnded(gate, result, knowledge.generation);
        this.#loop.request('services');
      },
    });
    this.#grace = new BootGrace(
      {
        disk: ports.disk,
        clock,
        runDir: settings.runDir,
        bootId: settings.bootId,
        graceMs: settings.bootGraceMs,
        onOver: () => this.#loop.request('services'),
      },
      beginnings.isNewBoot,
    );
    this.#flagsPass = new FlagsPass({
      knowledge,
      copies,
      flags,
      clock,
      // Well below the resync: a look that comes a moment early must not leave the copies to the one after it.
      copyCheckIntervalMs: resyncIntervalMs / 2,
      onRemembered: () => this.#reporter.reportDesired(),
      onFound: () => {
        this.#intake.overruled();
        this.#reporter.reportDesired();
        this.#loop.request('flags');
      },
      onCopiesLate: () => this.#loop.request('flags'),
      drafts: beginnings.drafts,
    });
    this.#servicesPass = new ServicesPass({
      knowledge,
      flagsPass: this.#flagsPass,
      flags,
      services: new ServicesReconciler(ports.services, this.#operations, clock),
      gates: this.#gates,
      grace: this.#grace,
      clock,
      resyncIntervalMs,
      resume: () => this.#resumeRuns(),
    });
    const listener = this.#linkListener();
    this.#links = ports.transports.map(
      (transport) => new ControllerLink({ transport, listener, clock, random, log }),
    );
    this.#reporter = new Reporter({
      settings,
      ports,
      knowledge,
      intake: this.#intake,
      flagsPass: this.#flagsPass,
      servicesPass: this.#servicesPass,
      operations: this.#operations,
      gates: this.#gates,
      journal: this.#journal,
      links: this.#links,
    });
  }

  /** Leaves flags, services and runs in flight as they are. */
  async stop(): Promise<void> {
    this.#grace.stop();
    this.#outbox.close();
    this.#reporter.close();
    await Promise.all([
      this.#loop.stop(),
      this.#ports.flagWatch.close(),
      this.#ports.services.close(),
      ...this.#links.map((link) => link.stop()),
    ]);
  }

  #begin(): void {
    const { flagWatch, services } = this.#ports;
    flagWatch.start(() => this.#loop.hint('flags'));
    services.onEvent(() => this.#loop.hint('services'));
    this.#loop.start();
    this.#loop.request('flags');
  }

  /** Runs that an earlier life of the agent left: no service is looked at before they are known, and no flag waits for it. */
  async #resumeRuns(): Promise<void> {
    if (this.#isResumed) return;
    const runs = await this.#ports.services.resume();
    if (!this.#isResumed) this.#operations.resume(runs);
    this.#isResumed = true;
  }

  async #passFlags(pass: Pass): Promise<Outcome> {
    if (this.#recallUncertain) await this.#recallOnceMore();
    const before = this.#flagsPass.view?.desired;
    const outcome = await this.#flagsPass.run(pass);
    const view = this.#flagsPass.view;
    const wasUnderWay = this.#intake.transition !== undefined;
    this.#intake.applied(this.#flagsPass.acknowledged);
    if (view !== undefined && !(wasUnderWay && view.remembered)) {
      const { desired, flagsDoneAtMs, result } = view;
      if (before === undefined && this.#knowledge.source === 'fresh-install') {
        this.#journal.installed(result.done, desired.generation);
      } else {
        this.#journal.flagsCorrected(result.done, desired.generation, flagsDoneAtMs - pass.requestedAtMs);
      }
    }
    this.#reporter.report();
    // Services wait for the flags: what was tried or mended here may be what they wait for.
    const isMended = (view?.result.done.length ?? 0) > 0;
    const areAwaited = isMended && this.#servicesPass.mayWaitForFlags;
    if (areAwaited || !isSameWish(before, view?.desired)) this.#loop.request('services');
    if (before === undefined) for (const link of this.#links) link.start();
    else this.#rearm();
    return outcome;
  }

  /** At each resync, and not at each correction: it costs more than the correction does. */
  #rearm(): void {
    if (!this.#rearming.isDue) return;
    this.#rearming.done();
    this.#ports.flagWatch.rearm();
  }

  async #passServices(pass: Pass): Promise<Outcome> {
    const outcome = await this.#servicesPass.run(pass);
    const skipped = this.#servicesPass.view?.result.observed.skipped ?? [];
    this.#journal.notRun(skipped, this.#knowledge.generation);
    this.#reporter.report();
    return outcome;
  }

  #operationEnded(ended: EndedOperation): void {
    const isDone = ended.result.kind === 'succeeded';
    const detectedAtMs = isDone ? this.#servicesPass.corrected(ended.service.id) : undefined;
    this.#journal.operationEnded(ended, this.#knowledge.generation, detectedAtMs);
    this.#loop.request('services');
  }

  async #recallOnceMore(): Promise<void> {
    const seen = await this.#past.look();
    this.#recallUncertain = isRecallUncertain(seen) && this.#knowledge.source !== 'controller';
    if (!this.#recallUncertain) this.#knowledge.rebase(recall(seen));
  }

  #linkListener(): LinkListener {
    return {
      hello: (network) => this.#hello(network),
      heartbeat: () => ({
        bootId: this.#settings.bootId,
        observedGeneration: this.#flagsPass.acknowledged,
      }),
      onDesired: (message, network) => {
        if (this.#intake.take(message, network)) this.#loop.request('flags');
        this.#grace.end();
        this.#reporter.report();
      },
      onAck: (generation, network) => {
        this.#intake.heard(generation, network);
        this.#reporter.report();
      },
      onPlanRequest: ({ id }, reply) => void this.#answerPlan(id, reply),
      onConnected: () => {
        this.#reporter.report();
        this.#reporter.resend();
        this.#outbox.flush();
      },
      onLost: (network) => {
        this.#intake.lost(network);
        this.#reporter.report();
      },
    };
  }

  #hello(network: string): Hello {
    const { host, bootId, agentVersion, roles } = this.#settings;
    return {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      host,
      bootId,
      agentVersion,
      network,
      features: [],
      roles: [...roles],
      remembers: this.#knowledge.remembers,
    };
  }

  /** What the next passes would do, as sentences; what can't be looked at is said instead. */
  async #answerPlan(id: string, reply: (message: AgentMessage) => void): Promise<void> {
    try {
      reply({ type: 'plan', id, ...(await this.#dryRun()) });
    } catch (error) {
      reply({ type: 'nack', re: 'plan-request', message: messageOf(error).slice(0, 1_024) });
    }
  }

  async #dryRun(): Promise<{ readonly steps: string[]; readonly blocked: string[] }> {
    const { locked, lock } = this.#knowledge.desired;
    const plans = [
      await this.#copies.dryRun(this.#knowledge.newest),
      await this.#flags.dryRun({ locked, content: lock }),
      await this.#servicesPass.dryRun(new AbortController().signal),
    ];
    return {
      steps: plans.flatMap(({ steps }) => steps.map(describeStep)).map(cut),
      blocked: plans.flatMap(({ blocked }) => blocked.map(describeBlocked)).map(cut),
    };
  }
}

/** To what the wire takes. */
function cut(sentence: string): string {
  return sentence.slice(0, 1_024);
}
