// A controller and an agent on the sandbox, from their start to the end of all that runs in it.
import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ApiClient } from '../controller/cli/api-client.ts';
import { LockstepError, messageOf } from '../desired-state/errors.ts';
import { endProgramsLeft, endScriptsLeft, Program } from './programs.ts';
import { forgetHost, furnishHost, HOST, isFile, pidOf, type Sandbox } from './sandbox.ts';
import { measure, type Sight } from './stopwatch.ts';

/** A start takes 1 s; a machine under load gets more. */
const START_LIMIT_MS = 30_000;
const SCRIPT_LIMIT_MS = 10_000;

export class RunningDemo {
  readonly sandbox: Sandbox;
  readonly client: ApiClient;
  readonly #programs: Program[] = [];
  #isEnding = false;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.client = new ApiClient({ socketPath: sandbox.socket, actor: 'the demo' });
  }

  /**
   * Resolves when the host is connected.
   * @param asNew the host begins as one that never was, and starts locked; else as the last demo left it.
   * @returns of a new host: from the start of its agent to both flags present, ms.
   * @throws LockstepError `Failed`, with the end of its log, when a program ends.
   */
  async start({ asNew }: { readonly asNew: boolean }): Promise<number | undefined> {
    const { sandbox, client } = this;
    await this.#endLeftovers();
    if (asNew) forgetHost(sandbox);
    furnishHost(sandbox);
    this.#run('lockstep-controller', ['--data', sandbox.data]);
    await this.#until('the controller is ready', () => client.ready());
    if (asNew) await this.#deleteHost();
    const [times] = await Promise.all([
      measure(() => this.#runAgent(), asNew ? [this.#bothFlags()] : [], START_LIMIT_MS),
      this.#until('the host is connected', async () => {
        const { status } = await client.getHost(HOST);
        const online = status.conditions.find(({ type }) => type === 'Online');
        if (online?.status !== 'True') throw new LockstepError('Unavailable', 'it is not online yet');
      }),
    ]);
    return times[0];
  }

  /** Resolves never; @throws LockstepError `Failed` with the end of its log when a program ends. */
  diesNever(): Promise<never> {
    return Promise.race(this.#programs.map((program) => program.diesNever()));
  }

  /**
   * Ends all that runs, also while it starts: the programs first, so that nothing heals what is ended, then the services by their own scripts, and
   * whatever may be left.
   */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#programs.map((program) => program.end()));
    await this.#endLeftovers();
  }

  /** Also what a demo that was killed left. */
  async #endLeftovers(): Promise<void> {
    await endProgramsLeft(this.sandbox);
    await this.#endServices();
    await endScriptsLeft(this.sandbox);
  }

  #runAgent(): number {
    const startedMs = performance.now();
    const { root, socket } = this.sandbox;
    this.#run('lockstep-agent', ['--host', HOST, '--controller', `unix:${socket}`, '--root', root]);
    return startedMs;
  }

  #run(name: string, args: readonly string[]): void {
    if (this.#isEnding) throw new LockstepError('Failed', `${name} was not started: the demo ends`);
    this.#programs.push(new Program(name, args, this.sandbox));
  }

  /** Looks every 10 ms. */
  async #until(what: string, look: () => Promise<void>): Promise<void> {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    const looking = async () => {
      for (;;) {
        const why = await look().then(() => undefined, messageOf);
        if (why === undefined) return;
        if (performance.now() > deadlineMs) {
          throw new LockstepError(
            'Failed',
            `expected that ${what} within ${START_LIMIT_MS / 1_000} s, found: ${why}`,
          );
        }
        await setTimeout(10);
      }
    };
    await Promise.race([looking(), this.diesNever()]);
  }

  /** From the controller too: else it would have the last demo's desired state for the new host. */
  async #deleteHost(): Promise<void> {
    try {
      await this.client.remove(HOST, { force: true });
    } catch (error) {
      if (!(error instanceof LockstepError) || error.code !== 'NotFound') throw error;
    }
  }

  /** Without a folder to watch: a new host has none. */
  #bothFlags(): Sight {
    const { volatile, persistent } = this.sandbox.flags;
    return { isSeen: () => isFile(volatile) && isFile(persistent), folders: [] };
  }

  async #endServices(): Promise<void> {
    for (const service of this.sandbox.services.toReversed()) {
      // A script that fails leaves its process to endScriptsLeft.
      if (pidOf(service) !== undefined) await runScript(service.script, 'stop').catch(() => undefined);
    }
  }
}

async function runScript(path: string, verb: string): Promise<void> {
  await promisify(execFile)(path, [verb], { timeout: SCRIPT_LIMIT_MS });
}
