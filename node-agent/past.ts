// Looks back, at start: what an earlier agent left on this host. Reads only; recall.ts says what follows from it.
import type { AgentPorts, AgentSettings } from './agent-ports.ts';
import type { Disk } from './disk.ts';
import type { DiskFlagFiles } from './flag-files.ts';
import type { RecallInput } from './recall.ts';
import type { DiskSpecCopies } from './spec-copies.ts';

export class Past {
  readonly #disk: Disk;
  readonly #settings: AgentSettings;
  readonly #copies: DiskSpecCopies;
  readonly #flagFiles: DiskFlagFiles;

  constructor(
    settings: AgentSettings,
    { disk }: Pick<AgentPorts, 'disk'>,
    copies: DiskSpecCopies,
    flagFiles: DiskFlagFiles,
  ) {
    this.#disk = disk;
    this.#settings = settings;
    this.#copies = copies;
    this.#flagFiles = flagFiles;
  }

  async look(): Promise<RecallInput> {
    const { stateDir, runDir } = this.#settings;
    const [copies, flags, ...traces] = await Promise.all([
      this.#copies.observe(),
      this.#flagFiles.observe({ withGeneration: true }),
      this.#hasAnything(stateDir),
      this.#hasAnything(runDir),
      this.#copies.hasTrace(),
    ]);
    return { copies, flags, trace: traces.includes(true) };
  }

  /** A folder that can't be listed counts as yes. */
  async #hasAnything(folder: string): Promise<boolean> {
    try {
      const names = await this.#disk.list(folder);
      return names.some((name) => !this.#settings.lockFileNames.includes(name));
    } catch {
      return true;
    }
  }
}
