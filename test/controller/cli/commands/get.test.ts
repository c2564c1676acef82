// lockstep get, in this process: the table that it asks for, from this controller, an older and a newer one.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import type { Table } from '../../../../controller/api/schemas.ts';
import { ApiClient } from '../../../../controller/cli/api-client.ts';
import { watch } from '../../../../controller/cli/commands/get.ts';
import { API_VERSION } from '../../../../desired-state/host.ts';
import { statusOf } from '../../fixtures/agent-end.ts';
import { CliRig } from '../../fixtures/cli-rig.ts';
import { RecordingTerminal } from '../../fixtures/recording-terminal.ts';

const ALICE = { actor: 'alice', network: 'local' };

let rig: CliRig;

beforeEach(async () => {
  rig = await CliRig.start();
  await rig.hosts.declare({ name: 'a', labels: { site: 'lab', rack: '3' } }, { ...ALICE, reason: 'new' });
  await rig.hosts.declare({ name: 'b' }, ALICE);
  await rig.agents.report('a', statusOf(1, { flags: { volatile: 'absent', persistent: 'present' } }));
});

/** A controller that answers everything with `answer`. @returns its socket, and what it was asked. */
async function controllerThatAnswers(answer: unknown) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    response.end(JSON.stringify(answer));
  });
  const socketPath = join(rig.folder, 'other');
  server.listen(socketPath);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { socketPath, asked };
}

function tableOf(part: Partial<Table>): Table {
  return { apiVersion: API_VERSION, kind: 'Table', columnDefinitions: [], rows: [], ...part };
}

describe('get hosts', () => {
  it('shows a table, in colours', async () => {
    const { code, out } = await rig.run(['get', 'hosts']);
    expect(code).toBe(0);
    // To the rig's clock they are of the future.
    expect(out).toEqual([
      'NAME  READY    LOCKED  SERVICES  ONLINE  FLAGS           GEN  AGE  REASON',
      'a     <yellow>Unknown</>  true    disabled  <red>False</>   <red>absent/present</>  1    0ms  NeverConnected',
      'b     <yellow>Unknown</>  true    disabled  <red>False</>   unknown         1    0ms  NeverConnected',
    ]);
  });

  it('shows more with -o wide, and only those with the labels with -l', async () => {
    const { out } = await rig.run(['get', 'hosts', '-o', 'wide', '-l', 'site=lab,rack=3']);
    expect(out).toHaveLength(2);
    expect(out[0]).toMatch(/ AGE +OBSERVED +RUNNING +ROLES +AGENT +BY +WHY +LABELS +REASON$/);
    expect(out[1]).toMatch(/ alice +new +site=lab,rack=3 +NeverConnected: the agent has never connected$/);
  });

  it('shows by name what it shows of all', async () => {
    const all = await rig.run(['get', 'hosts', '-o', 'wide']);
    expect(await rig.run(['get', 'hosts', 'a', 'b', '-o', 'wide'])).toEqual(all);
    const table = await rig.run(['get', 'hosts']);
    expect((await rig.run(['get', 'host', 'b'])).out[1]?.split(/ +/)).toEqual(table.out[2]?.split(/ +/));
  });

  it.each(['table', 'wide'] as const)('shows what a watch shows: %s', async (output) => {
    const terminal = new RecordingTerminal();
    const stop = new AbortController();
    const cli = {
      terminal,
      client: () => new ApiClient({ socketPath: rig.socketPath, actor: 'alice' }),
      now: () => Date.UTC(2026, 0, 1, 1),
    };
    const watching = watch(cli, [], { output }, stop.signal);
    await terminal.until(() => terminal.lines.length === 3);
    stop.abort();
    await watching;
    const { out } = await rig.run(['get', 'hosts', '-o', output]);
    expect(terminal.lines).toEqual(out.map((line) => line.replaceAll(/<\w*>|<\/>/g, '')));
  });

  it.each(['get', 'describe'])(
    'says that no host has the labels, or that there are none: %s',
    async (command) => {
      const ofMoon = await rig.run([command, 'hosts', '-l', 'site=moon']);
      expect(ofMoon).toEqual({ code: 0, out: [], err: ['no host has site=moon'] });
      for (const name of ['a', 'b']) await rig.hosts.remove(name, { force: true }, ALICE);
      const { code, out, err } = await rig.run([command, 'hosts']);
      expect({ code, out, err: err.join() }).toEqual({
        code: 0,
        out: [],
        err: expect.stringMatching(/^no hosts found: `lockstep declare NAME` adds one/),
      });
    },
  );

  it.each([
    [[], ['NAME', 'b']],
    [['-o', 'name'], ['host/b']],
    [['-o', 'wide', '--no-headers'], ['b']],
  ])('shows what it finds before it says what is not there: %j', async (options, shown) => {
    const { code, out, err } = await rig.run(['get', 'hosts', 'nope', 'b', 'neither', ...options]);
    expect(code).toBe(5);
    expect(out.map((line) => line.split(' ')[0])).toEqual(shown);
    expect(err).toEqual([
      'lockstep: host nope, neither: not found; `lockstep get hosts` lists those that are',
    ]);
  });

  it('gives programs what it finds, too, and nothing where it finds nothing', async () => {
    const { code, out } = await rig.run(['get', 'hosts', 'nope', 'b', '-o', 'json']);
    expect(code).toBe(5);
    expect(JSON.parse(out.join('\n'))).toMatchObject({
      kind: 'HostList',
      items: [{ metadata: { name: 'b' } }],
    });
    expect(await rig.run(['get', 'hosts', 'nope', '-o', 'json'])).toMatchObject({ code: 5, out: [] });
    const described = await rig.run(['describe', 'hosts', 'nope', 'b']);
    expect(described).toMatchObject({
      code: 5,
      out: expect.arrayContaining([expect.stringMatching(/^Name: +b$/)]),
    });
  });

  it('prints names as they are taken everywhere, and tables without headers', async () => {
    expect(await rig.run(['get', 'hosts', '-o', 'name'])).toEqual({
      code: 0,
      out: ['host/a', 'host/b'],
      err: [],
    });
    const [, ...rows] = (await rig.run(['get', 'hosts'])).out;
    const { out } = await rig.run(['get', 'hosts', '--no-headers']);
    expect(out.map((line) => line.split(/ +/))).toEqual(rows.map((line) => line.split(/ +/)));
  });

  it.each([
    [['get', 'host/b', '-o', 'name'], 'host/b'],
    [['get', 'host', 'host/b', '-o', 'name'], 'host/b'],
    [['get', 'host/a', 'host/b', '-o', 'name'], 'host/a'],
    [['describe', 'host/b'], /^Name: +b$/],
    [['why', 'host/b'], /^host\/b is not ready/],
    [['events', 'host/b', '-o', 'json'], '{'],
    [['lock', 'host/b', 'host/a'], 'host/b already locked'],
    [['wait', 'host/b', '--for', 'condition=Online=False'], 'host/b Online=False'],
    [['declare', 'host/b'], /^host\/b unchanged/],
    [['delete', 'host/b'], 'host/b deleted'],
    [['delete', 'host', 'host/b'], 'host/b deleted'],
  ])('takes a host as it is printed: %j', async (args, first) => {
    const { code, out } = await rig.run(args);
    expect({ code, first: out[0] }).toEqual({ code: 0, first: expect.stringMatching(first) });
  });

  it.each([
    [['delete', 'host'], /expected one NAME, found none/],
    [['delete', 'host/a', 'b'], /expected one NAME, found two/],
    [['delete', 'pod', 'a'], /expected host or hosts, found "pod"/],
    [['get', 'host/../a'], /RFC 1123/],
    [['get', 'pod/a'], /expected host or hosts, found "pod\/a"/],
    [['lock', 'host/host/a'], /RFC 1123/],
  ])('takes nothing else: %j', async (args, said) => {
    const { code, err } = await rig.run(args);
    expect({ code, err: err.join() }).toEqual({ code: 2, err: expect.stringMatching(said) });
    expect(await rig.names()).toEqual(['a', 'b']);
  });

  it.each(['json', 'yaml'])('gives programs nothing that drives a terminal: %s', async (output) => {
    const reason = 'a\u009b2Jb \u202ec\u2069\u007f';
    await rig.hosts.change({ names: ['a'] }, { locked: false }, { ...ALICE, reason });
    for (const names of [['a'], []]) {
      const { out } = await rig.run(['get', 'hosts', ...names, '-o', output]);
      expect(out.join('\n')).not.toMatch(/[\u007f-\u009f\p{Bidi_C}]/u);
      const text = out.join('\n');
      const found: unknown = output === 'json' ? JSON.parse(text) : parse(text);
      expect(JSON.stringify(found)).toContain(`"lockstep/reason":"${reason}"`);
    }
  });

  it('gives programs the hosts themselves', async () => {
    const { out } = await rig.run(['get', 'hosts', '-o', 'json']);
    expect(JSON.parse(out.join('\n'))).toEqual(JSON.parse(JSON.stringify(await rig.hosts.list())));
  });
});

describe('get hosts of another controller', () => {
  it('that is older, and answers with the hosts, shows the same', async () => {
    const { socketPath, asked } = await controllerThatAnswers(await rig.hosts.list());
    for (const args of [
      ['get', 'hosts'],
      ['get', 'hosts', '-o', 'wide'],
    ]) {
      expect(await rig.run(args, { socketPath })).toEqual(await rig.run(args));
    }
    expect(asked[0]?.headers).toMatchObject({
      accept: 'application/json;as=Table, application/json',
      host: 'localhost',
      connection: 'close',
    });
  });

  it('that is newer shows its columns', async () => {
    const columnDefinitions = [
      { name: 'Name', type: 'string', description: '', priority: 0, format: 'name' },
      { name: 'Rack', type: 'place', description: '', priority: 0 },
    ];
    const rows = [{ cells: ['a', 'r1'], object: {} }];
    const { socketPath } = await controllerThatAnswers({
      ...tableOf({ columnDefinitions, rows }),
      metadata: {},
    });
    const { code, out } = await rig.run(['get', 'hosts'], { socketPath });
    expect({ code, out }).toEqual({ code: 0, out: ['NAME  RACK', 'a     r1'] });
  });

  it.each([
    [{}, /kind: expected a Table or a HostList/],
    [
      { ...tableOf({}), rows: [{ cells: [1] }] },
      /rows: expected rows of cells of text, found \[{"cells":\[1\]}\]/,
    ],
    [{ ...tableOf({}), rows: [{ cells: 'a' }] }, /rows: expected rows/],
    [{ ...tableOf({}), rows: [null] }, /rows: expected rows/],
    [{ ...tableOf({}), rows: {} }, /rows: expected rows/],
    [
      { ...tableOf({}), columnDefinitions: [{ name: 'Name' }] },
      /columnDefinitions\.0\.type: expected string/,
    ],
  ])('that answers with %j is told of', async (answer, expected) => {
    const { socketPath } = await controllerThatAnswers(answer);
    const { code, out, err } = await rig.run(['get', 'hosts'], { socketPath });
    expect(code).toBe(4);
    expect(out).toEqual([]);
    expect(err.join()).toMatch(expected);
  });
});
