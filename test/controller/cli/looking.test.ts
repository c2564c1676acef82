// plan, describe and why as commands, against a controller in this process and an agent that answers.
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { hostPlanSchema } from '../../../controller/api/schemas.ts';
import { ApiClient } from '../../../controller/cli/api-client.ts';
import { buildProgram } from '../../../controller/cli/program.ts';
import { MemoryStore } from '../../../desired-state/store/memory.ts';
import { startInProcess } from '../fixtures/in-process-controller.ts';
import { RecordingTerminal } from '../fixtures/recording-terminal.ts';
import { SocketAgent } from '../fixtures/socket-agent.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

let socketPath: string;
let client: ApiClient;

beforeEach(async () => {
  socketPath = join(tempFolder(), 's');
  const store = new MemoryStore();
  const controller = await startInProcess(socketPath, store);
  client = new ApiClient({ socketPath, actor: 'alice' });
  onTestFinished(async () => {
    await controller.stop();
    await store.close();
  });
});

/** Runs one command line. @returns what it printed; rejects as it does. */
async function cli(...args: readonly string[]): Promise<RecordingTerminal> {
  const terminal = new RecordingTerminal();
  const program = buildProgram({
    terminal,
    client: () => client,
    whole: (work) => work(),
    stdin: async function* () {},
    now: () => Date.now(),
  });
  await program.parseAsync([...args], { from: 'user' });
  return terminal;
}

/** An agent that has reported, and answers the next request for a plan. */
async function planner(steps: string[], blocked: string[] = []): Promise<SocketAgent> {
  const agent = await SocketAgent.connect(socketPath, 'compute-0');
  onTestFinished(() => agent.close());
  void agent
    .until(() => agent.heard.some(({ type }) => type === 'plan-request'))
    .then(() => {
      const request = agent.heard.find((message) => message.type === 'plan-request');
      agent.send({ type: 'plan', id: request?.id ?? '', steps, blocked });
    });
  return agent;
}

async function isReady(): Promise<void> {
  await expect
    .poll(async () => (await client.getHost('compute-0')).status.conditions[0]?.status, { timeout: 10_000 })
    .toBe('True');
}

describe('plan', () => {
  it('shows what the agent answered, without what would drive the terminal', async () => {
    await planner(['create volatile: \u001b[2Jwhy'], ['worker/web is held: why']);
    expect((await cli('plan', 'compute-0')).lines).toEqual([
      '1. create volatile:  [2Jwhy',
      'held meanwhile:',
      '- worker/web is held: why',
    ]);
  });

  it('says that there is nothing to do', async () => {
    await planner([]);
    await isReady();
    expect((await cli('plan', 'compute-0')).lines).toEqual([
      'nothing to do: host/compute-0 is as its spec says',
    ]);
  });

  it('is a document for programs', async () => {
    await planner(['stop worker/web: why']);
    const { text } = await cli('plan', 'compute-0', '-o', 'json');
    expect(hostPlanSchema.parse(JSON.parse(text))).toMatchObject({
      steps: ['stop worker/web: why'],
      blocked: [],
    });
  });

  it('of a host that is away or unknown fails, saying why', async () => {
    await client.declare({ name: 'compute-0' });
    await expect(cli('plan', 'compute-0')).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/^host compute-0 is offline: the agent has never connected; /),
    });
    await expect(cli('plan', 'nope')).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('describe', () => {
  it('shows the hosts that are named, labelled, or all, an empty line between them', async () => {
    await client.declare({ name: 'a', labels: { site: 'lab' } });
    await client.declare({ name: 'b', labels: { site: 'lab' } });
    await client.declare({ name: 'c' });
    const namesIn = ({ lines }: RecordingTerminal) =>
      lines.flatMap((line) => /^Name: +(.+)$/.exec(line)?.[1] ?? (line === '' ? '' : []));
    expect(namesIn(await cli('describe', 'host', 'c', 'a'))).toEqual(['c', '', 'a']);
    expect(namesIn(await cli('describe', 'hosts', '-l', 'site=lab'))).toEqual(['a', '', 'b']);
    expect(namesIn(await cli('describe', 'hosts'))).toEqual(['a', '', 'b', '', 'c']);
    expect((await cli('describe', 'host', 'a')).lines.at(-1)).toMatch(/Declared +1 +alice +locked/);
    await expect(cli('describe', 'host', 'nope')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(cli('describe', 'pod', 'a')).rejects.toMatchObject({ code: 'Usage' });
  });
});

describe('why', () => {
  it('shows the chain as a table, and as a document', async () => {
    await client.declare({ name: 'compute-0' });
    const { lines } = await cli('why', 'compute-0');
    expect(lines[0]).toBe('host/compute-0 is not ready, NeverConnected: the agent has never connected');
    expect(lines[1]).toMatch(/^WHAT +AGE +WHY$/);
    expect(lines.slice(2).map((line) => line.split(' ')[0])).toEqual(['change', 'decision', 'block', 'next']);
    const document = JSON.parse((await cli('why', 'compute-0', '-o', 'json')).text);
    expect(document).toMatchObject({ kind: 'Explanation', host: 'compute-0', ready: 'Unknown' });
    expect(document.chain[0]).toEqual({
      what: 'change',
      sentence: 'generation 1: locked, services disabled; by alice over local',
      at: expect.any(String),
    });
  });

  it('of a ready host says that nothing blocks', async () => {
    await SocketAgent.connect(socketPath, 'compute-0').then((agent) => onTestFinished(() => agent.close()));
    await isReady();
    const { lines } = await cli('why', 'compute-0');
    expect(lines[0]).toBe('host/compute-0 is ready: the host is as its spec says');
    expect(lines.at(-1)).toMatch(/^block +\S+ +nothing blocks: ready since then$/);
  });
});
