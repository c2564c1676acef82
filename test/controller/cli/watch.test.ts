// `get hosts -w` and `events -w` against a controller in this process, which is stopped and started again under them.
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Agents } from '../../../controller/agents.ts';
import { ApiClient } from '../../../controller/cli/api-client.ts';
import { watchEvents } from '../../../controller/cli/commands/events.ts';
import { watch } from '../../../controller/cli/commands/get.ts';
import type { Hosts } from '../../../controller/hosts.ts';
import type { LockstepError } from '../../../desired-state/errors.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { statusOf } from '../fixtures/agent-end.ts';
import { startInProcess } from '../fixtures/in-process-controller.ts';
import { RecordingTerminal } from '../fixtures/recording-terminal.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const ALICE = { actor: 'alice', network: 'local' };
const LOCKED = { locked: true, servicesEnabled: false };
const UNLOCKED = { locked: false, servicesEnabled: true };

let socketPath: string;
let store: MemoryStore;
let hosts: Hosts;
let agents: Agents;
let stopController: () => Promise<void>;
let terminal: RecordingTerminal;

async function start(): Promise<void> {
  const controller = await startInProcess(socketPath, store);
  hosts = controller.hosts;
  agents = controller.agents;
  stopController = controller.stop;
}

beforeEach(async () => {
  socketPath = join(tempFolder(), 's');
  store = new MemoryStore();
  terminal = new RecordingTerminal();
  await start();
  onTestFinished(async () => {
    await stopController();
    await store.close();
  });
});

const cli = () => ({
  terminal,
  client: () => new ApiClient({ socketPath, actor: 'alice' }),
  now: () => Date.parse('2026-01-01T00:00:00.000Z'),
});

/** Watches until the test ends; what it throws is kept. */
function background(run: (signal: AbortSignal) => Promise<void>) {
  const stop = new AbortController();
  const failure = run(stop.signal).then(
    () => undefined,
    (error: LockstepError) => `${error.code}: ${error.message}`,
  );
  onTestFinished(async () => {
    stop.abort();
    expect(await failure).toBeUndefined();
  });
}

function watchHosts(names: readonly string[] = [], output: 'table' | 'json' | 'yaml' = 'table'): void {
  background((signal) => watch(cli(), names, { output }, signal));
}

/** The rows printed so far, without headers, as words. */
function rows(): readonly (readonly string[])[] {
  return terminal.lines.slice(1).map((line) => line.split(/\s+/));
}

function changes() {
  return terminal.lines.map((line) => {
    const { type, object } = JSON.parse(line);
    return `${type} ${object.metadata.name} ${object.metadata.generation}`;
  });
}

const lock = (name: string) => hosts.change({ names: [name] }, LOCKED, ALICE);
const unlock = (name: string) => hosts.change({ names: [name] }, UNLOCKED, ALICE);

describe('get hosts -w', () => {
  it('shows the table, then a row for each change that it shows, and what was deleted', async () => {
    await hosts.declare({ name: 'a' }, ALICE);
    await hosts.declare({ name: 'b' }, ALICE);
    watchHosts();
    await terminal.until(() => terminal.lines.length === 3);
    await agents.report('a', statusOf(1));
    await terminal.until(() => terminal.lines.length === 4);
    // No column shows it.
    await agents.report('a', statusOf(1, { bootId: 'boot-2' }));
    await unlock('a');
    await terminal.until(() => terminal.lines.length === 5);
    await hosts.remove('a', { force: true }, ALICE);
    await terminal.until(() => terminal.text.includes('deleted'));
    expect(
      rows().map(([name, ready, , services, , flags, generation]) => [
        name,
        ready,
        services,
        flags,
        generation,
      ]),
    ).toEqual([
      ['a', 'Unknown', 'disabled', 'unknown', '1'],
      ['b', 'Unknown', 'disabled', 'unknown', '1'],
      ['a', 'Unknown', 'disabled', 'present', '1'],
      ['a', 'Unknown', 'enabled', 'present', '2'],
      ['a', 'deleted', '-', '-', '-'],
    ]);
    expect(terminal.notes).toEqual([]);
  });

  it('outlives a restart of the controller, and then shows only what changed meanwhile', async () => {
    for (const name of ['a', 'b', 'c']) await hosts.declare({ name }, ALICE);
    watchHosts([], 'json');
    await terminal.until(() => terminal.lines.length === 3);
    await stopController();
    await terminal.until(() => terminal.notes.length === 1);
    await lockDuringOutage();
    await start();
    await terminal.until(() => terminal.lines.length === 6);
    await lock('b');
    await terminal.until(() => terminal.lines.length === 7);
    expect(changes()).toEqual([
      'ADDED a 1',
      'ADDED b 1',
      'ADDED c 1',
      'MODIFIED b 2',
      'ADDED d 1',
      'DELETED c 1',
      'MODIFIED b 3',
    ]);
    expect(terminal.notes).toEqual([expect.stringMatching(/; trying again$/), 'connected again']);
  });

  /** Somebody else's controller on the same store. */
  async function lockDuringOutage(): Promise<void> {
    await unlock('b');
    await hosts.remove('c', { force: true }, ALICE);
    await hosts.declare({ name: 'd' }, ALICE);
  }

  it('watches the hosts that are named, and refuses those that are not there', async () => {
    await hosts.declare({ name: 'a' }, ALICE);
    await hosts.declare({ name: 'b' }, ALICE);
    watchHosts(['b'], 'json');
    await terminal.until(() => terminal.lines.length === 1);
    await unlock('a');
    await unlock('b');
    await terminal.until(() => terminal.lines.length === 2);
    expect(changes()).toEqual(['ADDED b 1', 'MODIFIED b 2']);
    const { signal } = new AbortController();
    await expect(watch(cli(), ['a', 'nope'], { output: 'table' }, signal)).rejects.toThrow(
      /^host nope: not found/,
    );
  });

  it('prints YAML as documents', async () => {
    await hosts.declare({ name: 'a' }, ALICE);
    watchHosts([], 'yaml');
    await terminal.until(() => terminal.lines.length === 2);
    expect(terminal.lines[0]).toBe('---');
    expect(terminal.lines[1]).toMatch(/^type: ADDED\nobject:\n {2}apiVersion: lockstep\/v1\n/);
  });

  it('prints names, and a table without headers', async () => {
    await hosts.declare({ name: 'a' }, ALICE);
    background((signal) => watch(cli(), [], { output: 'name' }, signal));
    await terminal.until(() => terminal.lines.length === 1);
    background((signal) => watch(cli(), [], { output: 'table', headers: false }, signal));
    await terminal.until(() => terminal.lines.length === 2);
    expect(terminal.lines).toEqual(['host/a', expect.stringMatching(/^a +Unknown /)]);
  });

  it('says that no host has the labels yet', async () => {
    background((signal) => watch(cli(), [], { output: 'table', selector: { site: 'lab' } }, signal));
    await terminal.until(() => terminal.notes.length === 1);
    expect(terminal.notes).toEqual(['no host has site=lab yet']);
  });

  it('says that there is nothing yet, and shows what comes', async () => {
    watchHosts();
    await terminal.until(() => terminal.notes.length === 1);
    expect(terminal.notes).toEqual(['no hosts found yet']);
    await hosts.declare({ name: 'a' }, ALICE);
    await terminal.until(() => terminal.lines.length === 2);
  });

  it('fails where no controller was there from the beginning', async () => {
    const { signal } = new AbortController();
    await stopController();
    await expect(watch(cli(), [], { output: 'table' }, signal)).rejects.toThrow(/^no controller at unix:/);
    expect(terminal.notes).toEqual([]);
    await start();
  });
});

describe('events -w', () => {
  const warn = (text: string) => agents.recordWarning('a', 'Test', text);
  const messages = () => terminal.lines.map((line): string => JSON.parse(line).message);

  function follow(limit: number): void {
    background((signal) => watchEvents(cli(), 'a', { limit, output: 'json' }, signal));
  }

  beforeEach(async () => {
    await hosts.declare({ name: 'a' }, ALICE);
    for (let n = 0; n < 5; n += 1) await warn(`event ${n}`);
  });

  it('shows the newest, then each as it happens, in a table whose columns grow', async () => {
    background((signal) => watchEvents(cli(), undefined, { limit: 2, output: 'table' }, signal));
    await terminal.until(() => terminal.lines.length === 3);
    await unlock('a');
    await terminal.until(() => terminal.lines.length === 4);
    expect(terminal.lines.map((line) => line.split(/\s{2,}/).slice(3))).toEqual([
      ['REASON', 'GEN', 'BY', 'MESSAGE'],
      ['Test', '1', 'controller', 'event 3'],
      ['Test', '1', 'controller', 'event 4'],
      ['Unlocked', '2', 'alice', 'unlocked, services enabled; by alice over local'],
    ]);
  });

  it('tells no event twice and loses none over a restart of the controller', async () => {
    follow(2);
    await terminal.until(() => terminal.lines.length === 2);
    await warn('before');
    await terminal.until(() => terminal.lines.length === 3);
    await stopController();
    await terminal.until(() => terminal.notes.length === 1);
    for (let n = 0; n < 300; n += 1) await warn(`meanwhile ${n}`);
    await start();
    await warn('after');
    await terminal.until(() => terminal.lines.at(-1)?.includes('after') === true);
    expect(messages()).toEqual([
      'event 3',
      'event 4',
      'before',
      ...Array.from({ length: 300 }, (_, n) => `meanwhile ${n}`),
      'after',
    ]);
    expect(terminal.notes).toEqual([expect.stringMatching(/; trying again$/), 'connected again']);
  });

  it('says that it is connected again also when nothing happened meanwhile', async () => {
    follow(1);
    await terminal.until(() => terminal.lines.length === 1);
    await stopController();
    await terminal.until(() => terminal.notes.length === 1);
    await start();
    await terminal.until(() => terminal.notes.length === 2);
    expect(terminal.notes[1]).toBe('connected again');
    expect(terminal.lines).toHaveLength(1);
  });

  it('begins anew where a backup was brought back, whose numbers come a second time', async () => {
    const backup = store.snapshot();
    for (let n = 0; n < 10; n += 1) await warn(`lost ${n}`);
    follow(1);
    await terminal.until(() => terminal.lines.length === 1);
    await stopController();
    store = MemoryStore.restore(backup);
    await start();
    await warn('new');
    await terminal.until(() => terminal.lines.at(-1)?.includes('new') === true);
    expect(terminal.notes).toContain('the events of the controller were set back: beginning anew');
  });

  it('of a host that was never there is an error', async () => {
    const { signal } = new AbortController();
    await expect(watchEvents(cli(), 'nope', { limit: 1, output: 'json' }, signal)).rejects.toThrow(
      /not found/,
    );
  });
});
