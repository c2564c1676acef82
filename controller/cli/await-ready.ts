// --wait of the commands that change hosts: until each is ready at the generation that was written.
import type { Change } from '../api/schemas.ts';
import { awaitHosts } from './await-hosts.ts';
import type { Cli } from './cli.ts';
import { readyAt } from './goal.ts';

/** Tells of each host when it is ready. @throws LockstepError as awaitHosts does. */
export async function awaitReady(cli: Cli, changes: readonly Change[], timeoutMs: number): Promise<void> {
  await awaitHosts({
    client: cli.client(),
    terminal: cli.terminal,
    goals: new Map(changes.map(({ name, generation }) => [name, readyAt(generation)])),
    timeoutMs,
    onReached: (name) => cli.terminal.print(`host/${name} ready`),
  });
}
