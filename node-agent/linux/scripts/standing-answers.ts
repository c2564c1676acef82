// Answers that still stand: a service that said that it runs is taken to run for as long as the very process lives that its pid file named then. It asks nobody.

/** Stands for one process: another object once another one lives under the pid of the file, undefined while none is known to live. */
export type ProcessOf = (pidFile: string) => object | undefined;

export class StandingAnswers {
  readonly #processOf: ProcessOf;
  /** The processes of services that said that they run, by service id. */
  readonly #running = new Map<string, object>();

  constructor(processOf: ProcessOf) {
    this.#processOf = processOf;
  }

  /** Does it run, as far as can be told without asking? */
  isRunning(id: string, pidFile: string | undefined): boolean {
    const process = this.#running.get(id);
    return process !== undefined && pidFile !== undefined && this.#processOf(pidFile) === process;
  }

  /**
   * Asks by `ask` and keeps what came of it. An answer stands only if the same process lived before and after: one in the middle of a restart may be of either.
   * @returns the answer. @throws what `ask` throws.
   */
  async asking<A extends { readonly state: string }>(
    id: string,
    pidFile: string | undefined,
    ask: () => Promise<A>,
  ): Promise<A> {
    this.#running.delete(id);
    const before = pidFile === undefined ? undefined : this.#processOf(pidFile);
    const answer = await ask();
    const isSame = before !== undefined && pidFile !== undefined && this.#processOf(pidFile) === before;
    if (isSame && answer.state === 'running') this.#running.set(id, before);
    return answer;
  }

  /** It is started or stopped. */
  forget(id: string): void {
    this.#running.delete(id);
  }

  /** Forgets every service that is not in `ids`. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#running.keys()) if (!ids.has(id)) this.#running.delete(id);
  }
}
