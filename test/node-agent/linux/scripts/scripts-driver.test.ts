import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_OUTPUT_BYTES } from '../../../../node-agent/linux/scripts/output-files.ts';
import { describeRun } from '../../../../reconcilers/services/service-driver.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { daemonScript, drive, kill, lives, never, Sandbox, states, until } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

describe('S1 starting and stopping', () => {
  it.each([
    [['controller'], ['controller/10-a', 'controller/b']],
    [['worker'], ['worker/w']],
    [['storage'], ['storage/s']],
    [
      ['worker', 'controller'],
      ['controller/10-a', 'controller/b', 'worker/w'],
    ],
  ] as const)('a host of roles %o has the services of its sets, in order', async (roles, expected) => {
    sandbox.service('controller', 'b', 'exit 0');
    sandbox.service('controller', '10-a', 'exit 0');
    sandbox.service('worker', 'w', 'exit 0');
    sandbox.service('storage', 's', 'exit 0');
    const { services } = await sandbox.driver({ roles }).observe(never, 'all');
    expect(services.map(({ service }) => service.id)).toEqual(expected);
  });

  it('runs a real daemon', async () => {
    const service = sandbox.service('worker', '10-d', daemonScript(sandbox, 'd'));
    const driver = sandbox.driver();
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/10-d': 'stopped' });
    expect(await driver.run(service, 'start', never)).toMatchObject({ kind: 'succeeded' });
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/10-d': 'running' });
    const pid = await sandbox.pid('d.pid');
    expect(await driver.run(service, 'stop', never)).toMatchObject({ kind: 'succeeded' });
    await until(() => !lives(pid));
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/10-d': 'stopped' });
    expect(sandbox.read('d.calls').split('\n')).toEqual(['status', 'start', 'status', 'stop', 'status']);
  });

  it('lists the sets anew at each look', async () => {
    const driver = sandbox.driver();
    sandbox.service('worker', 'a', 'exit 0');
    expect(Object.keys(states(await driver.observe(never, 'all')))).toEqual(['worker/a']);
    rmSync(sandbox.path('services.d/worker/a'));
    sandbox.service('worker', 'b', 'exit 0');
    expect(Object.keys(states(await driver.observe(never, 'all')))).toEqual(['worker/b']);
  });
});

describe('S14 a look at what changed', () => {
  it('asks the service that died, and none whose process lives on as it did', async () => {
    const services = ['a', 'b', 'c'].map((name) =>
      sandbox.service('worker', name, daemonScript(sandbox, name)),
    );
    const plain = sandbox.path('plain');
    sandbox.service('worker', 'plain', `echo $1 >>${plain} # has a status`);
    const driver = sandbox.driver();
    for (const service of services) await driver.run(service, 'start', never);
    // Until the pid files were read: from then on an answer stands.
    const statuses = (name: string) => sandbox.read(`${name}.calls`).match(/status/g)?.length ?? 0;
    const asked = async () => {
      const before = ['a', 'b', 'c'].map(statuses);
      await driver.observe(never, 'changed');
      return ['a', 'b', 'c'].map(statuses).map((count, index) => count - (before[index] ?? 0));
    };
    await until(async () => (await asked()).join() === '0,0,0');
    const plainBefore = sandbox.read('plain').length;
    expect(states(await driver.observe(never, 'changed'))).toEqual({
      'worker/a': 'running',
      'worker/b': 'running',
      'worker/c': 'running',
      'worker/plain': 'running',
    });
    // What has no pid file is asked each time.
    expect(sandbox.read('plain').length).toBeGreaterThan(plainBefore);
    kill(await sandbox.pid('b.pid'));
    await until(async () => states(await driver.observe(never, 'changed'))['worker/b'] === 'stopped');
    expect(await asked()).toEqual([0, 1, 0]);
    const before = ['a', 'b', 'c'].map(statuses);
    await driver.observe(never, 'all');
    expect(['a', 'b', 'c'].map(statuses)).toEqual(before.map((count) => count + 1));
  });

  it('tells of one that is started or stopped that it is under way, without asking it', async () => {
    const service = sandbox.service(
      'worker',
      'd',
      `${daemonScript(sandbox, 'd')}\n[ "$1" != stop ] || { touch ${sandbox.path('stopping')}; sleep 1000; }`,
    );
    const driver = sandbox.driver();
    await driver.run(service, 'start', never);
    const statuses = () => sandbox.read('d.calls').match(/status/g)?.length ?? 0;
    await until(async () => {
      const before = statuses();
      await driver.observe(never, 'changed');
      return statuses() === before;
    });
    const aborting = new AbortController();
    const stopping = driver.run(service, 'stop', aborting.signal);
    await until(() => existsSync(sandbox.path('stopping')));
    expect(states(await driver.observe(never, 'changed'))).toEqual({ 'worker/d': 'unknown' });
    aborting.abort();
    await stopping;
    await until(async () => states(await driver.observe(never, 'changed'))['worker/d'] === 'stopped');
  });
});

describe('S6 a failing start', () => {
  it('tells exit code and output', async () => {
    const service = sandbox.service('worker', 'x', 'echo "no disk" >&2; exit 5');
    const result = await sandbox.driver().run(service, 'start', never);
    expect(describeRun(result)).toBe('failed with exit code 5: no disk');
  });

  it('is not begun when others could have written the script meanwhile, or it is gone', async () => {
    const service = sandbox.service('worker', 'x', `touch ${sandbox.path('ran')}`);
    const driver = sandbox.driver();
    await driver.observe(never, 'all');
    chmodSync(sandbox.path('services.d/worker/x'), 0o777);
    expect(await driver.run(service, 'start', never)).toEqual({
      kind: 'not-run',
      message: 'others than its owner can write it (mode 0777)',
    });
    rmSync(sandbox.path('services.d/worker/x'));
    expect(await driver.run(service, 'start', never)).toEqual({
      kind: 'not-run',
      message: 'its script is gone',
    });
    expect(existsSync(sandbox.path('ran'))).toBe(false);
  });
});

describe('S8 a run past its time limit', () => {
  it('is ended, and the service can be started again', async () => {
    const service = sandbox.service(
      'worker',
      'x',
      `echo $$ >${sandbox.path('pid')}; [ -e ${sandbox.path('ok')} ] || sleep 1000`,
    );
    const clock = new FakeClock();
    const driver = sandbox.driver({ clock });
    const running = driver.run(service, 'start', never);
    await sandbox.pid('pid');
    await clock.advance(30_000);
    expect(await drive(clock, running)).toEqual({ kind: 'timed-out', afterMs: 30_000, tail: '' });
    expect(lives(await sandbox.pid('pid'))).toBe(false);
    expect((await driver.observe(never, 'all')).services).toMatchObject([
      { state: 'incomplete', message: 'its last start was ended at its time limit of 30000 ms, no output' },
    ]);
    sandbox.file('ok', '');
    expect(await driver.run(service, 'start', never)).toMatchObject({ kind: 'succeeded' });
  });
});

describe('S9 no services', () => {
  it('is a result, with missing and with empty folders; nothing is written', async () => {
    const driver = sandbox.driver({ roles: ['controller', 'worker'] });
    expect(await driver.observe(never, 'all')).toEqual({ services: [], skipped: [] });
    mkdirSync(sandbox.path('services.d/worker'), { recursive: true });
    expect(await driver.observe(never, 'all')).toEqual({ services: [], skipped: [] });
    expect(existsSync(sandbox.runDir)).toBe(false);
  });
});

describe('S10 300 scripts', () => {
  it('are started, asked and stopped', async () => {
    const all = Array.from({ length: 300 }, (_, n) => {
      const name = `${String(n % 100).padStart(2, '0')}-s${n}`;
      const flag = sandbox.path(`state/${name}`);
      return sandbox.service(
        'worker',
        name,
        `case $1 in start) : >${flag};; stop) rm ${flag};; status) [ -e ${flag} ] || exit 3;; esac`,
      );
    });
    mkdirSync(sandbox.path('state'));
    const driver = sandbox.driver();
    // On a busy machine one look may not reach them all: the next one begins with those.
    const allAre = async (state: string) => {
      const reached = new Set<string>();
      await until(async () => {
        for (const [id, seen] of Object.entries(states(await driver.observe(never, 'all')))) {
          if (seen === 'unknown') continue;
          expect([id, seen]).toEqual([id, state]);
          reached.add(id);
        }
        return reached.size === 300;
      });
    };
    await allAre('stopped');
    const started = await Promise.all(all.map((service) => driver.run(service, 'start', never)));
    expect(new Set(started.map(({ kind }) => kind))).toEqual(new Set(['succeeded']));
    await allAre('running');
    await Promise.all(all.map((service) => driver.run(service, 'stop', never)));
    await allAre('stopped');
  }, 180_000);
});

describe('S14 and S15 a service that names a pid file', () => {
  it('asks for a look when it is killed, and when it is started by hand', async () => {
    const service = sandbox.service('worker', 'd', daemonScript(sandbox, 'd'));
    const driver = sandbox.driver();
    let events = 0;
    driver.onEvent(() => {
      events += 1;
    });
    await driver.run(service, 'start', never);
    await driver.observe(never, 'all');
    kill(await sandbox.pid('d.pid'));
    await until(() => events === 1);
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/d': 'stopped' });
    await driver.run(service, 'start', never);
    await until(() => events === 2);
    await driver.close();
    kill(await sandbox.pid('d.pid'));
  });
});

describe('S16 what is passed over', () => {
  it('is reported at each look and said once, until it is news again', async () => {
    sandbox.service('worker', 'x', 'case $1 in status) ;; esac');
    sandbox.script('services.d/worker/x~', 'exit 0');
    sandbox.script('services.d/worker/open', 'exit 0', 0o777);
    mkdirSync(sandbox.path('services.d/worker/folder'));
    const driver = sandbox.driver();
    for (let look = 0; look < 3; look++) {
      const { services, skipped } = await driver.observe(never, 'all');
      expect(services.map(({ service }) => service.name)).toEqual(['x']);
      expect(skipped.map(({ name, unsafe }) => [name, unsafe])).toEqual([
        ['worker/folder', false],
        ['worker/open', true],
        ['worker/x~', false],
      ]);
    }
    expect(sandbox.lines.map(({ level, fields }) => [level, fields.path])).toEqual([
      ['info', sandbox.path('services.d/worker/folder')],
      ['error', sandbox.path('services.d/worker/open')],
      ['info', sandbox.path('services.d/worker/x~')],
    ]);
    chmodSync(sandbox.path('services.d/worker/open'), 0o755);
    await driver.observe(never, 'all');
    chmodSync(sandbox.path('services.d/worker/open'), 0o777);
    await driver.observe(never, 'all');
    expect(sandbox.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('as a whole is named by its set, or by where all sets are', async () => {
    sandbox.service('worker', 'x', 'exit 0');
    const [sets, set] = [sandbox.path('services.d'), sandbox.path('services.d/worker')];
    const driver = sandbox.driver();
    for (const [folder, name] of [
      [set, 'worker'],
      [sets, sets],
    ] as const) {
      chmodSync(folder, 0o777);
      const reason = 'others than its owner can write it (mode 0777)';
      expect(await driver.observe(never, 'all')).toEqual({
        services: [],
        skipped: [{ name, reason, unsafe: true, hidesServices: true }],
      });
    }
  });
});

describe('a service whose script has no status', () => {
  it('is what its last run made of it, and that is said once', async () => {
    const service = sandbox.service('worker', 'x', `[ ! -e ${sandbox.path('fail')} ] || exit 9`);
    const driver = sandbox.driver();
    const look = async () => (await driver.observe(never, 'all')).services[0];
    expect(await look()).toEqual({ service, state: 'stopped', message: '', recorded: true });
    await driver.run(service, 'start', never);
    expect(await look()).toEqual({ service, state: 'running', message: '', recorded: true });
    sandbox.file('fail', '');
    await driver.run(service, 'stop', never);
    expect(await look()).toMatchObject({
      state: 'incomplete',
      message: 'its last stop failed with exit code 9, no output',
    });
    rmSync(sandbox.path('fail'));
    await driver.run(service, 'stop', never);
    expect(await look()).toMatchObject({ state: 'stopped', message: '' });
    expect(sandbox.lines).toEqual([
      {
        level: 'info',
        fields: { service: 'worker/x' },
        message: expect.stringMatching(/^its script has no status/),
      },
    ]);
  });

  it('is still that after the agent was started anew, but not after a boot', async () => {
    const service = sandbox.service('worker', 'x', 'exit 0');
    await sandbox.driver().run(service, 'start', never);
    expect(states(await sandbox.driver().observe(never, 'all'))).toEqual({ 'worker/x': 'running' });
    const rebooted = sandbox.driver({ bootId: 'boot-2' });
    expect(await rebooted.resume()).toEqual([]);
    expect(states(await rebooted.observe(never, 'all'))).toEqual({ 'worker/x': 'stopped' });
  });

  it('and a damaged record is running as long as a process of it lives, else stopped', async () => {
    const daemon = sandbox.service(
      'worker',
      'd',
      `[ $1 = stop ] || { setsid sleep 1000 & echo $! >${sandbox.path('pid')}; }`,
    );
    const once = sandbox.service('worker', 'once', 'exit 0');
    const driver = sandbox.driver();
    await driver.run(daemon, 'start', never);
    await driver.run(once, 'start', never);
    for (const name of ['d', 'once'])
      writeFileSync(sandbox.path(`run/services/worker/${name}.json`), '{"bootId":');
    const [both, atOnce] = await Promise.all([driver.observe(never, 'all'), driver.observe(never, 'all')]);
    expect(states(both)).toEqual({ 'worker/d': 'running', 'worker/once': 'incomplete' });
    expect(states(atOnce)).toEqual(states(both));
    expect(readdirSync(sandbox.path('run/services/worker')).sort()).toEqual([
      'd.json',
      'd.json.damaged',
      'once.json',
      'once.json.damaged',
    ]);
    expect(states(await driver.observe(never, 'all'))).toEqual(states(both));
    await driver.run(daemon, 'stop', never);
    expect(states(await driver.observe(never, 'all'))).toEqual({
      'worker/d': 'stopped',
      'worker/once': 'incomplete',
    });
  });

  it('and no record any more is running as long as a process of it lives, for an agent that knew the record and for one that never did', async () => {
    const daemon = sandbox.service(
      'worker',
      'd',
      `[ $1 = stop ] || { setsid sleep 1000 & echo $! >${sandbox.path('pid')}; }`,
    );
    const once = sandbox.service('worker', 'once', 'exit 0');
    const driver = sandbox.driver();
    const both = { 'worker/d': 'stopped', 'worker/once': 'stopped' };
    expect(states(await driver.observe(never, 'all'))).toEqual(both);
    for (const looking of [driver, driver, sandbox.driver()]) {
      if (looking === driver) {
        await driver.run(daemon, 'start', never);
        await driver.run(once, 'start', never);
      }
      rmSync(sandbox.path('run/services'), { recursive: true });
      const [seen, atOnce] = await Promise.all([
        looking.observe(never, 'all'),
        looking.observe(never, 'changed'),
      ]);
      expect(states(seen)).toEqual({ ...both, 'worker/d': 'running' });
      expect(states(atOnce)).toEqual(states(seen));
      expect(readdirSync(sandbox.path('run/services/worker'))).toEqual(['d.json']);
    }
    await driver.run(daemon, 'stop', never);
    expect(states(await driver.observe(never, 'all'))).toEqual(both);
  });

  it('and a record that can not be read is unknown', async () => {
    sandbox.service('worker', 'x', 'exit 0');
    mkdirSync(sandbox.path('run/services/worker/x.json'), { recursive: true });
    expect((await sandbox.driver().observe(never, 'all')).services).toMatchObject([
      {
        state: 'unknown',
        message: expect.stringMatching(/^the record of its last run can't be read: EISDIR/),
      },
    ]);
  });

  it('is not started when no record can be written, but stopped; one with status is started', async () => {
    const service = sandbox.service('worker', 'x', `echo $1 >>${sandbox.path('calls')}`);
    const withStatus = sandbox.service('worker', 'y', 'case $1 in status) ;; esac');
    sandbox.file('run/services', 'a file in the place of the folder');
    const driver = sandbox.driver();
    expect(await driver.run(service, 'start', never)).toEqual({
      kind: 'not-run',
      message: `no record of it could be written below ${sandbox.runDir}`,
    });
    expect(await driver.run(service, 'stop', never)).toMatchObject({ kind: 'succeeded' });
    expect(await driver.run(withStatus, 'start', never)).toMatchObject({ kind: 'succeeded' });
    expect(sandbox.read('calls')).toBe('stop');
  });
});

describe('a service with a run under way', () => {
  it.each(['true', 'case $1 in status) ;; esac; true'])(
    'is unknown, and not run twice (%s)',
    async (body) => {
      const service = sandbox.service('worker', 'x', `${body}; echo $$ >${sandbox.path('pid')}; sleep 1000`);
      const driver = sandbox.driver();
      const aborting = new AbortController();
      const running = driver.run(service, 'start', aborting.signal);
      await sandbox.pid('pid');
      expect(await driver.run(service, 'stop', never)).toEqual({
        kind: 'not-run',
        message: 'another run of it is under way',
      });
      expect((await driver.observe(never, 'all')).services).toMatchObject([
        { state: 'unknown', message: 'a start or stop of it is under way' },
      ]);
      aborting.abort();
      expect(await running).toEqual({ kind: 'aborted' });
      expect(await driver.run(service, 'stop', AbortSignal.abort())).toEqual({ kind: 'aborted' });
    },
  );
});

describe('what services leave in runDir', () => {
  it('is removed once script and processes are gone, and not before', async () => {
    const service = sandbox.service('worker', 'd', `setsid sleep 1000 & echo $! >${sandbox.path('pid')}`);
    const driver = sandbox.driver();
    await driver.run(service, 'start', never);
    const files = () => [
      existsSync(sandbox.path('run/services/worker/d.json')),
      existsSync(sandbox.path('run/output/worker/d.log')),
    ];
    rmSync(sandbox.path('services.d/worker/d'));
    await driver.observe(never, 'all');
    expect(files()).toEqual([true, true]);
    kill(await sandbox.pid('pid'));
    await until(async () => {
      await driver.observe(never, 'all');
      return files().every((there) => !there);
    });
  });

  it('stays while the script is only passed over, or its folder can not be trusted', async () => {
    const service = sandbox.service('worker', 'x', 'exit 0');
    const driver = sandbox.driver();
    await driver.run(service, 'start', never);
    chmodSync(sandbox.path('services.d/worker/x'), 0o644);
    await driver.observe(never, 'all');
    chmodSync(sandbox.path('services.d/worker'), 0o777);
    await driver.observe(never, 'all');
    chmodSync(sandbox.path('services.d/worker'), 0o755);
    chmodSync(sandbox.path('services.d/worker/x'), 0o755);
    expect(states(await driver.observe(never, 'all'))).toEqual({ 'worker/x': 'running' });
  });

  it('is output of at most 1 MiB at a look', async () => {
    const service = sandbox.service('worker', 'x', `head -c ${MAX_OUTPUT_BYTES + 1} /dev/zero`);
    const driver = sandbox.driver();
    await driver.run(service, 'start', never);
    const size = () => statSync(sandbox.path('run/output/worker/x.log')).size;
    expect(size()).toBe(MAX_OUTPUT_BYTES + 1);
    await driver.observe(never, 'all');
    expect(size()).toBe(0);
  });

  it('is output of at most 1 MiB of each gate, too', async () => {
    const kept = sandbox.file('run/output/gates/10-short.log', 'short');
    const long = ['10-long.log', 'worker/20-long.log'].map((name) =>
      sandbox.file(`run/output/gates/${name}`, 'x'.repeat(MAX_OUTPUT_BYTES + 1)),
    );
    await sandbox.driver().observe(never, 'changed');
    expect(long.map((path) => statSync(path).size)).toEqual([0, 0]);
    expect(statSync(kept).size).toBe(5);
  });
});
