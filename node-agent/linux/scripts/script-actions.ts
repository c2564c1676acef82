// What a script says of itself: whether it answers `status`, and which pid file it names. Pure but for the reading of its first 64 KiB.
import { readHead } from './read-head.ts';
import type { ScriptFile } from './script-sets.ts';

export interface ScriptActions {
  /** The word `status` stands outside its comment lines. */
  readonly hasStatus: boolean;
  /** From a header `# pidfile: /run/x.pid`, as SysV scripts have it; taken as the script sees it, so never below --root. */
  readonly pidFile: string | undefined;
}

/** As much of a script as is looked at, in bytes. */
const HEAD_BYTES = 65_536;

/** What the head of a script says. A comment line's first non-blank is `#`: the shebang is one. */
export function parseActions(head: string): ScriptActions {
  const lines = head.split('\n');
  return {
    hasStatus: lines.some((line) => !isComment(line) && /\bstatus\b/.test(line)),
    pidFile: lines.map(pidFileIn).find((path) => path !== undefined),
  };
}

/** Remembers what each script says until the file changes, so that a look at 300 of them reads none. */
export class ScriptActionsCache {
  #known = new Map<string, { readonly stamp: string; readonly actions: ScriptActions }>();

  /** @throws when the script can't be read. */
  async read({ path, stamp }: ScriptFile): Promise<ScriptActions> {
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.actions;
    const actions = parseActions(await readHead(path, HEAD_BYTES));
    this.#known.set(path, { stamp, actions });
    return actions;
  }

  /** Forgets every script that is not in `scripts`. */
  keepOnly(scripts: readonly ScriptFile[]): void {
    const paths = new Set(scripts.map(({ path }) => path));
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
  }
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}

function pidFileIn(line: string): string | undefined {
  return /^\s*#+\s*pidfile\s*:\s*(\/.*?)\s*$/i.exec(line)?.[1];
}
