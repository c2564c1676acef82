// lockstep apply, in this process.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { API_VERSION } from '../../../../desired-state/host.ts';
import { CliRig, manifestText } from '../../fixtures/cli-rig.ts';
import { SocketAgent } from '../../fixtures/socket-agent.ts';

const UNLOCKED = { locked: false, servicesEnabled: true };
const BY_FILE = { actor: 'controller', network: 'local' };

let rig: CliRig;

beforeEach(async () => {
  rig = await CliRig.start();
});

describe('apply', () => {
  it('makes every host of a file as it says, and says what became of it', async () => {
    await rig.hosts.declare({ name: 'b', spec: UNLOCKED }, BY_FILE);
    const lab = rig.file(
      'lab.yaml',
      manifestText('a', { metadata: 'labels: { site: lab }' }),
      manifestText('b'),
    );
    expect(await rig.run(['apply', '-f', lab, '--reason', 'new rack'])).toEqual({
      code: 0,
      out: [
        'host/a declared (locked, services disabled, generation 1)',
        'host/b configured (locked, services disabled, generation 2)',
      ],
      err: [],
    });
    expect((await rig.hosts.get('b')).metadata.annotations).toMatchObject({
      'lockstep/changed-by': 'alice',
      'lockstep/reason': 'new rack',
    });
    expect((await rig.run(['apply', '-f', lab, '--reason', 'again'])).out).toEqual([
      'host/a unchanged (locked, services disabled, generation 1)',
      'host/b unchanged (locked, services disabled, generation 2)',
    ]);
    rig.file('lab.yaml', manifestText('a', { metadata: 'labels: {}' }));
    expect((await rig.run(['apply', '-f', lab])).out).toEqual([
      'host/a labels or annotations changed (locked, services disabled, generation 1)',
    ]);
  });

  it('takes the YAML and JSON files of a folder by name, hidden ones and other folders not', async () => {
    rig.file('lab/2.yaml', manifestText('b'));
    rig.file('lab/1.yml', manifestText('c'));
    rig.file(
      'lab/3.json',
      JSON.stringify({ apiVersion: API_VERSION, kind: 'Host', metadata: { name: 'a' }, spec: UNLOCKED }),
    );
    rig.file('lab/.hidden.yaml', manifestText('hidden'));
    rig.file('lab/.git/config.yaml', manifestText('hidden-too'));
    rig.file('lab/notes.txt', 'nothing');
    rig.file('lab/deep.yaml/4.yaml', manifestText('deep'));
    symlinkSync('..', join(rig.folder, 'lab/loop'));
    symlinkSync('deep.yaml', join(rig.folder, 'lab/5.yaml'));
    const flat = await rig.run(['apply', '-f', join(rig.folder, 'lab')]);
    expect(flat.out.map((line) => line.split(' ')[0])).toEqual(['host/c', 'host/b', 'host/a']);
    const deep = await rig.run(['apply', '-R', '-f', join(rig.folder, 'lab')]);
    expect(deep.out.map((line) => line.split(' ')[0])).toEqual(['host/c', 'host/b', 'host/a', 'host/deep']);
  });

  it('takes several -f, several paths after one, and standard input', async () => {
    const [a, b, c] = [
      rig.file('a', manifestText('a')),
      rig.file('b', manifestText('b')),
      rig.file('c', manifestText('c')),
    ];
    const { code } = await rig.run(['apply', '-f', a, b, '--filename', c, '-f', '-'], {
      input: manifestText('d'),
    });
    expect(code).toBe(0);
    expect(await rig.names()).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each(['yaml', 'json'])(
    'takes what get -o %s prints back, until somebody changes the host',
    async (format) => {
      await rig.hosts.declare({ name: 'a', spec: UNLOCKED, labels: { rack: '3' } }, BY_FILE);
      await rig.hosts.change({ names: ['a'] }, { locked: true }, { ...BY_FILE, reason: 'disk swap' });
      await rig.hosts.declare({ name: 'b' }, BY_FILE);
      for (const what of [['hosts'], ['host', 'a']]) {
        const printed = (await rig.run(['get', ...what, '-o', format])).out.join('\n');
        const applied = await rig.run(['apply', '-f', '-'], { input: printed });
        expect(applied).toMatchObject({ code: 0, err: [] });
        expect(applied.out.every((line) => /^host\/[ab] unchanged /.test(line))).toBe(true);
        expect(await rig.run(['diff', '-f', '-'], { input: printed })).toEqual({ code: 0, out: [], err: [] });
      }
      const printed = (await rig.run(['get', 'host', 'a', '-o', format])).out.join('\n');
      await rig.hosts.change({ names: ['a'] }, { locked: false }, BY_FILE);
      const stale = await rig.run(['apply', '-f', '-'], { input: printed });
      expect(stale).toMatchObject({ code: 6, out: [] });
      expect(stale.err).toEqual([
        expect.stringMatching(
          /^lockstep: standard input: host a: metadata.generation: expected the host at generation 2, found generation 3/,
        ),
      ]);
    },
  );

  it('goes on after a host that is refused; the first failure decides the exit code', async () => {
    await rig.hosts.declare({ name: 'b', spec: UNLOCKED }, BY_FILE);
    const manifest = {
      apiVersion: API_VERSION,
      kind: 'Host',
      metadata: { name: 'c' },
      spec: UNLOCKED,
    } as const;
    await rig.hosts.apply([{ manifest, file: 'site.yaml', isExplicit: true }], BY_FILE);
    const lab = rig.file(
      'lab.yaml',
      manifestText('a'),
      manifestText('b', { metadata: 'generation: 7' }),
      manifestText('c'),
      manifestText('d'),
    );
    const { code, out, err } = await rig.run(['apply', '-f', lab]);
    expect(code).toBe(6);
    expect(out.map((line) => line.split(' ')[0])).toEqual(['host/a', 'host/d']);
    expect(err).toEqual([
      expect.stringMatching(/lab.yaml, document 2: host b: metadata.generation/),
      expect.stringMatching(/lab.yaml, document 3: host c: site.yaml in the manifests folder declares it/),
      'lockstep: 2 of 4 hosts could not be applied',
    ]);
    expect((await rig.run(['apply', '-f', '-'], { input: manifestText('c') })).code).toBe(4);
  });

  it('stops when the controller does not answer, and says what was not tried', async () => {
    const lab = rig.file('lab.yaml', manifestText('a'), manifestText('b'), manifestText('c'));
    const { code, err } = await rig.run(['apply', '-f', lab], { socketPath: join(rig.folder, 'none') });
    expect(code).toBe(1);
    expect(err).toEqual([
      expect.stringMatching(/lab.yaml, document 1: host a: no controller at unix:/),
      'lockstep: 3 of 3 hosts could not be applied, 2 of them not tried',
    ]);
  });

  it('--wait waits for those that were applied, whatever became of the others', async () => {
    const agent = await SocketAgent.connect(rig.socketPath, 'a');
    onTestFinished(() => agent.close());
    const lab = rig.file(
      'lab.yaml',
      manifestText('a', { locked: false }),
      manifestText('b', { metadata: 'generation: 7' }),
    );
    const { code, out } = await rig.run(['apply', '-f', lab, '--wait', '--timeout', '50s']);
    expect({ code, out }).toEqual({
      code: 6,
      out: ['host/a configured (unlocked, services disabled, generation 2)', 'host/a ready'],
    });
    expect(
      (await rig.run(['apply', '-f', '-', '--wait', '--timeout', '50ms'], { input: manifestText('c') })).code,
    ).toBe(3);
  });
});

it('has examples in its help', async () => {
  const { code, out } = await rig.run(['apply', '--help']);
  expect(code).toBe(0);
  expect(out.join('')).toMatch(/Examples:\n {2}lockstep /);
});
