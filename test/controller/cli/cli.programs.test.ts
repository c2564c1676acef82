// bin/lockstep as a process against bin/lockstep-controller: what each command prints, and every exit code.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { ApiClient } from '../../../controller/cli/api-client.ts';
import { hostListSchema, hostSchema } from '../../../desired-state/host.ts';
import { ControllerProcess, type Finished, run } from '../fixtures/programs.ts';
import { SocketAgent } from '../fixtures/socket-agent.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

let folder: string;
let controller: ControllerProcess;
let client: ApiClient;
let hosts = 0;

beforeAll(async () => {
  folder = mkdtempSync('/tmp/ls-');
  controller = await ControllerProcess.start(folder);
  client = new ApiClient({ socketPath: controller.socketPath, actor: 'alice' });
}, 60_000);

afterAll(async () => {
  await controller.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

function cli(...args: readonly string[]): Promise<Finished> {
  return controller.cli(...args);
}

/** A host of its own for each test: they share one controller. */
async function declared(spec = { locked: true, servicesEnabled: false }, labels = {}): Promise<string> {
  hosts += 1;
  const name = `host-${hosts}`;
  await client.declare({ name, spec, labels });
  return name;
}

async function connectedAgent(name: string): Promise<SocketAgent> {
  const agent = await SocketAgent.connect(controller.socketPath, name);
  onTestFinished(() => agent.close());
  return agent;
}

const UNLOCKED = { locked: false, servicesEnabled: true };

describe('exit code 0', () => {
  it('declare makes a host, says what it is, and does nothing the second time', async () => {
    const first = await cli(
      'declare',
      'declared-0',
      '--unlocked',
      '--label',
      'site=lab',
      '--label',
      'rack=3',
    );
    expect(first).toMatchObject({
      code: 0,
      stdout: 'host/declared-0 declared (unlocked, services enabled, generation 1)\n',
      stderr: '',
    });
    const second = await cli('declare', 'declared-0', '--unlocked');
    expect(second).toMatchObject({ code: 0, stdout: expect.stringMatching(/^host\/declared-0 unchanged/) });
    const third = await cli('declare', 'declared-0', '--label', 'rack=4');
    expect(third).toMatchObject({ code: 0, stdout: 'host/declared-0 labels changed\n' });
    expect((await client.getHost('declared-0')).metadata.labels).toEqual({ site: 'lab', rack: '4' });
  });

  it('lock and unlock say what was done, and that it was so already', async () => {
    const name = await declared(UNLOCKED);
    expect(await cli('lock', name, '--reason', 'disk swap')).toMatchObject({
      code: 0,
      stdout: `host/${name} locked (generation 2)\n`,
    });
    expect(await cli('lock', name)).toMatchObject({ code: 0, stdout: `host/${name} already locked\n` });
    expect(await cli('lock', name, '--reason', 'fan')).toMatchObject({
      code: 0,
      stdout: `host/${name} already locked (reason recorded)\n`,
    });
    expect(await cli('unlock', name, '--keep-services')).toMatchObject({
      code: 0,
      stdout: `host/${name} unlocked (generation 3)\n`,
    });
    const host = await client.getHost(name);
    expect(host.spec).toEqual({ locked: false, servicesEnabled: false });
  });

  it('services enable and disable move the services alone', async () => {
    const name = await declared();
    expect((await cli('services', 'enable', name)).stdout).toBe(
      `host/${name} services enabled (generation 2)\n`,
    );
    expect((await client.getHost(name)).spec).toEqual({ locked: true, servicesEnabled: true });
    expect((await cli('services', 'disable', name)).stdout).toBe(
      `host/${name} services disabled (generation 3)\n`,
    );
  });

  it('labels choose hosts', async () => {
    const names = [
      await declared(UNLOCKED, { row: '7' }),
      await declared(UNLOCKED, { row: '7' }),
      await declared(UNLOCKED),
    ];
    const { code, stdout } = await cli('lock', '-l', 'row=7');
    expect(code).toBe(0);
    expect(stdout).toBe(`host/${names[0]} locked (generation 2)\nhost/${names[1]} locked (generation 2)\n`);
    const listed = await cli('get', 'hosts', '-l', 'row=7', '-o', 'json');
    expect(hostListSchema.parse(JSON.parse(listed.stdout)).items).toHaveLength(2);
  });

  it('--wait waits until the agent has done it, and says what it waits for', async () => {
    const name = await declared();
    const agent = await connectedAgent(name);
    agent.obeys = false;
    const waiting = cli('unlock', name, '--wait', '--timeout', '50s');
    await agent.until(() =>
      agent.heard.some((message) => message.type === 'desired' && message.generation === 2),
    );
    agent.report(2);
    const { code, stdout, stderr } = await waiting;
    expect(code).toBe(0);
    expect(stdout).toBe(`host/${name} unlocked (generation 2)\nhost/${name} ready\n`);
    expect(stderr).toMatch(new RegExp(`^(host/${name}: waiting: .*\n)*$`));
  });

  it('wait knows every condition, and its other statuses', async () => {
    const name = await declared();
    const offline = await cli('wait', name, '--for', 'condition=Online=False');
    expect(offline).toMatchObject({ code: 0, stdout: `host/${name} Online=False\n` });
    await connectedAgent(name);
    const ready = await cli('wait', name, '--for', 'condition=Ready', '--timeout', '50s');
    expect(ready).toMatchObject({ code: 0, stdout: `host/${name} Ready=True\n` });
  });

  it('get shows a table, more with wide, and documents as JSON and YAML', async () => {
    const name = await declared(UNLOCKED, { shelf: 'a' });
    const [table, wide, json, yaml] = await Promise.all([
      cli('get', 'hosts', '-l', 'shelf=a'),
      cli('get', 'hosts', '-l', 'shelf=a', '-o', 'wide'),
      cli('get', 'host', name, '-o', 'json'),
      cli('get', 'hosts', name, '-o', 'yaml'),
    ]);
    const [header, row] = table.stdout.split('\n');
    expect(header).toMatch(/^NAME +READY +LOCKED +SERVICES +ONLINE +FLAGS +GEN +AGE +REASON$/);
    expect(row).toMatch(
      new RegExp(`^${name} +Unknown +false +enabled +False +unknown +1 +\\S+ +NeverConnected$`),
    );
    expect(wide.stdout).toMatch(/OBSERVED.*LABELS.*\n.*shelf=a/);
    expect(hostSchema.parse(JSON.parse(json.stdout)).metadata.name).toBe(name);
    expect(hostSchema.parse(parse(yaml.stdout)).spec).toEqual(UNLOCKED);
  });

  it('events tell who did what and why', async () => {
    const name = await declared();
    await client.change('unlock', { names: [name], reason: 'repaired' });
    const [table, json] = await Promise.all([
      cli('events', name),
      cli('events', name, '-n', '1', '-o', 'json'),
    ]);
    expect(table.stdout).toMatch(/^AGE +TYPE +HOST +REASON +GEN +BY +MESSAGE\n/);
    expect(table.stdout).toMatch(
      /Unlocked +2 +alice +unlocked, services enabled; by alice over local: repaired\n$/,
    );
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'EventList', items: [{ reason: 'Unlocked' }] });
  });

  it('delete forgets a host', async () => {
    const name = await declared();
    expect(await cli('delete', 'host', name)).toMatchObject({ code: 0, stdout: `host/${name} deleted\n` });
    expect((await cli('get', 'host', name)).code).toBe(5);
  });

  it('--help has examples on every command', async () => {
    const commands = [
      ['get'],
      ['declare'],
      ['delete'],
      ['lock'],
      ['unlock'],
      ['services', 'enable'],
      ['services', 'disable'],
      ['events'],
      ['wait'],
    ];
    for (const command of commands) {
      const { code, stdout } = await cli(...command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples:\n {2}lockstep /);
    }
  });
});

describe('exit code 1', () => {
  it('when no controller is there, naming the socket and how to start one', async () => {
    const { code, stderr } = await run('lockstep', [
      '--controller',
      'unix:/tmp/no-such/c.sock',
      'get',
      'hosts',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no controller at unix:\/tmp\/no-such\/c.sock .*lockstep-controller --data DIR/);
  });

  it('when the controller hangs up', async () => {
    const socketPath = join(tempFolder(), 's');
    const rude = createServer((request) => request.socket.destroy()).listen(socketPath);
    onTestFinished(() => {
      rude.close();
    });
    await once(rude, 'listening');
    const { code, stderr } = await run('lockstep', ['get', 'hosts'], {
      env: { LOCKSTEP_CONTROLLER: `unix:${socketPath}` },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`unix:${socketPath} broke`);
  });
});

describe('exit code 2', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['no command', [], /Usage: lockstep/],
    ['a typo', ['lokc', 'a'], /Did you mean lock\?/],
    ['an unknown option', ['lock', 'a', '--waitt'], /Did you mean --wait\?/],
    ['no host', ['lock'], /NAME\.\.\., -l key=value and --all, found none/],
    ['names and --all', ['unlock', 'a', '--all'], /found several/],
    ['a name that is a path', ['lock', '../etc'], /RFC 1123/],
    ['a timeout that is none', ['lock', 'a', '--timeout', 'soon'], /Expected a duration/],
    [
      'a format that there is none of',
      ['get', 'hosts', '-o', 'xml'],
      /Allowed choices are table, wide, json, yaml/,
    ],
    ['a condition that there is none of', ['wait', 'a', '--for', 'condition=Happy'], /type of Ready, Online/],
    ['nothing to wait for', ['wait', 'a'], /--for/],
    ['locked and unlocked', ['declare', 'a', '--locked', '--unlocked'], /cannot be used with/],
    [
      'an address of another kind',
      ['--controller', 'tcp:1', 'get', 'hosts'],
      /expected unix:PATH, found "tcp:1"/,
    ],
  ])('for %s', async (_name, args, expected) => {
    const { code, stderr, stdout } = await run('lockstep', args);
    expect(stderr).toMatch(expected);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

it('apply makes all hosts as their manifests say though nobody reads on what it prints', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `unread-${index}`);
  const texts = names.map(
    (name) =>
      `apiVersion: lockstep/v1\nkind: Host\nmetadata: { name: ${name} }\nspec: { locked: true, servicesEnabled: false }\n`,
  );
  const file = join(tempFolder(), 'hosts.yaml');
  writeFileSync(file, texts.join('---\n'));
  const applying = controller.startCli('apply', '-f', file);
  applying.closeOutput();
  const { code, stderr } = await applying.end;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(
    (await client.listHosts()).items.filter(({ metadata }) => names.includes(metadata.name)),
  ).toHaveLength(40);
});

it('exit code 3 when the time is up, saying what each host still lacks', async () => {
  const [here, away] = [await declared(UNLOCKED), await declared(UNLOCKED)];
  const agent = await connectedAgent(here);
  agent.obeys = false;
  const { code, stdout, stderr } = await cli('lock', here, away, '--wait', '--timeout', '700ms');
  expect(code).toBe(3);
  expect(stdout).toContain(`host/${away} locked (generation 2)`);
  expect(stderr).toMatch(/timed out after 700ms, still waiting for/);
  expect(stderr).toContain(`  host/${here}: Pending: FlagsInSync has not been reported at generation 2 yet`);
  expect(stderr).toContain(`  host/${away}: NeverConnected: the agent has never connected`);
});

it('exit code 4 when deleting a host whose agent is connected, unless forced', async () => {
  const name = await declared();
  await connectedAgent(name);
  const { code, stderr } = await cli('delete', 'host', name);
  expect(code).toBe(4);
  expect(stderr).toMatch(/the agent is connected; stop its agent first, or use --force/);
  expect((await cli('delete', 'host', name, '--force')).code).toBe(0);
});

it('exit code 5 for an unknown name, before anything changes', async () => {
  const name = await declared(UNLOCKED);
  const results = await Promise.all([
    cli('lock', name, 'nobody'),
    cli('get', 'host', 'nobody'),
    cli('delete', 'host', 'nobody'),
    cli('wait', 'nobody', '--for', 'condition=Ready'),
    cli('events', 'nobody'),
    cli('services', 'enable', '-l', 'no=body'),
  ]);
  expect(results.map(({ code }) => code)).toEqual([5, 5, 5, 5, 5, 5]);
  expect(results[0].stderr).toMatch(/host nobody: not found/);
  expect((await client.getHost(name)).metadata.generation).toBe(1);
});

it('exit code 5 when a host is deleted while it is waited for', async () => {
  const name = await declared();
  const waiting = controller.startCli('wait', name, '--for', 'condition=Online', '--timeout', '50s');
  await waiting.said(`host/${name}: waiting`);
  await client.remove(name, { force: false });
  const { code, stderr } = await waiting.end;
  expect(code).toBe(5);
  expect(stderr).toMatch(/deleted while waiting for it/);
});

it('waiting outlives a restart of the controller', async () => {
  const data = tempFolder();
  const first = await ControllerProcess.start(data);
  onTestFinished(async () => {
    await first.stop('SIGKILL');
  });
  await first.cli('declare', 'compute-0');
  const waiting = first.startCli('wait', 'compute-0', '--for', 'condition=Online', '--timeout', '50s');
  await waiting.said('host/compute-0: waiting');
  await first.stop('SIGKILL');
  const second = await ControllerProcess.start(data);
  onTestFinished(async () => {
    await second.stop('SIGKILL');
  });
  const agent = await SocketAgent.connect(second.socketPath, 'compute-0');
  onTestFinished(() => agent.close());
  const { code, stdout } = await waiting.end;
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'host/compute-0 Online=True\n' });
});

describe('exit code 6', () => {
  it('for a host that is there with another spec', async () => {
    const name = await declared(UNLOCKED);
    const { code, stderr } = await cli('declare', name, '--locked');
    expect(code).toBe(6);
    expect(stderr).toMatch(/use lock or unlock to change it/);
  });

  it('when somebody else changes the host while it is waited for', async () => {
    const name = await declared();
    const agent = await connectedAgent(name);
    agent.obeys = false;
    const waiting = cli('unlock', name, '--wait', '--timeout', '50s');
    await agent.until(() =>
      agent.heard.some((message) => message.type === 'desired' && message.generation === 2),
    );
    await client.change('lock', { names: [name] });
    const { code, stderr } = await waiting;
    expect(code).toBe(6);
    expect(stderr).toMatch(/generation 2 was replaced by 3/);
  });
});

describe('the controller is found', () => {
  it('in $LOCKSTEP_CONTROLLER', async () => {
    const env = { LOCKSTEP_CONTROLLER: `unix:${controller.socketPath}` };
    expect((await run('lockstep', ['get', 'hosts'], { env })).code).toBe(0);
  });

  it('in ./.lockstep', async () => {
    const cwd = tempFolder();
    mkdirSync(join(cwd, '.lockstep'));
    const here = await ControllerProcess.start(join(cwd, '.lockstep/controller'));
    onTestFinished(async () => {
      await here.stop('SIGKILL');
    });
    expect(await run('lockstep', ['declare', 'sandbox'], { cwd })).toMatchObject({ code: 0 });
  });
});
