// --wait of the commands that change hosts: until each is ready at the generation that was written.
import type { Change } from '../api/schemas.ts';
import type { ApiClient } from './api-client.ts';
import { awaitHosts } from './await-hosts.ts';
import type { Deadline } from './deadline.ts';
import { readyAt } from './goal.ts';
import type { Terminal } from './terminal.ts';

/** Tells of each host when it is ready. @throws LockstepError as awaitHosts does. */
export async function awaitReady(
  changes: readonly Change[],
  { client, terminal, deadline }: AwaitReady,
): Promise<void> {
  await awaitHosts({
    client,
    terminal,
    goals: new Map(changes.map(({ name, generation }) => [name, readyAt(generation)])),
    deadline,
    onReached: (name) => terminal.print(`host/${name} ready`),
  });
}

export interface AwaitReady {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly deadline: Deadline;
}
