// lockstep diff, in this process.
import { beforeEach, describe, expect, it } from 'vitest';
import { CliRig, manifestText, type Said } from '../../fixtures/cli-rig.ts';

const UNLOCKED = { locked: false, servicesEnabled: true };
const BY_FILE = { actor: 'controller', network: 'local' };

let rig: CliRig;

beforeEach(async () => {
  rig = await CliRig.start();
});

describe('diff', () => {
  it('shows what apply would change, in colour, as exit code 1, and changes nothing', async () => {
    await rig.hosts.declare({ name: 'a', spec: UNLOCKED, labels: { rack: '3' } }, BY_FILE);
    const lab = rig.file(
      'lab.yaml',
      manifestText('a', { enabled: true, metadata: 'labels: { rack: "4" }' }),
      manifestText('b'),
    );
    const { code, out, err } = await rig.run(['diff', '-f', lab]);
    expect({ code, err }).toEqual({ code: 1, err: [] });
    expect(out).toEqual([
      '<bold>--- host/a (as it is, generation 1)</>',
      `<bold>+++ ${lab}, document 1</>`,
      ' metadata:',
      '   name: a',
      '   labels:',
      '<red>-    rack: "3"</>',
      '<green>+    rack: "4"</>',
      ' spec:',
      '<red>-  locked: false</>',
      '<green>+  locked: true</>',
      '   servicesEnabled: true',
      '<bold>--- host/b (not there yet)</>',
      `<bold>+++ ${lab}, document 2</>`,
      '<green>+apiVersion: lockstep/v1</>',
      '<green>+kind: Host</>',
      '<green>+metadata:</>',
      '<green>+  name: b</>',
      '<green>+spec:</>',
      '<green>+  locked: true</>',
      '<green>+  servicesEnabled: false</>',
    ]);
    expect((await rig.hosts.get('a')).metadata.generation).toBe(1);
    expect(await rig.names()).toEqual(['a']);
  });

  it('is exit code 0 and silent once it is applied', async () => {
    const lab = rig.file(
      'lab.yaml',
      manifestText('a', { metadata: 'annotations: { owner: me }' }),
      manifestText('b'),
    );
    await rig.run(['apply', '-f', lab]);
    expect(await rig.run(['diff', '-f', lab])).toEqual({ code: 0, out: [], err: [] });
  });

  it('asks for many hosts at once', async () => {
    const many = Array.from({ length: 40 }, (_, index) => manifestText(`h-${index}`));
    await rig.run(['apply', '-f', '-'], { input: many.join('---\n') });
    await rig.hosts.change({ names: ['h-7'] }, { locked: false }, BY_FILE);
    const lists = rig.store.calls.get('list') ?? 0;
    const { code, out } = await rig.run(['diff', '-f', '-'], { input: many.join('---\n') });
    expect(code).toBe(1);
    expect(out.filter((line) => line.includes('---'))).toEqual([
      '<bold>--- host/h-7 (as it is, generation 2)</>',
    ]);
    expect(rig.store.calls.get('list')).toBe(lists + 1);
  });

  it('says that apply would be refused, as exit code 1', async () => {
    await rig.hosts.declare({ name: 'a' }, BY_FILE);
    const { code, err } = await rig.run(['diff', '-f', '-'], {
      input: manifestText('a', { metadata: 'generation: 7' }),
    });
    expect(code).toBe(1);
    expect(err).toEqual([
      expect.stringMatching(/^lockstep: standard input: apply would be refused: host a: metadata/),
    ]);
  });

  it.each<[string, number, () => Promise<Said>, RegExp]>([
    [
      'no controller',
      2,
      () => rig.run(['diff', '-f', '-'], { input: manifestText('a'), socketPath: '/tmp/no-such/s' }),
      /no controller at unix:/,
    ],
    [
      'a store that fails',
      2,
      () => {
        rig.store.failing.add('get');
        return rig.run(['diff', '-f', '-'], { input: manifestText('a') });
      },
      /the store fails/,
    ],
    ['wrong usage', 2, () => rig.run(['diff']), /required option '-f/],
    [
      'standard input twice',
      2,
      () => rig.run(['diff', '-f', '-', '-f', '-']),
      /standard input can be read only once/,
    ],
    ['wrong input', 4, () => rig.run(['diff', '-f', '-'], { input: 'kind: Pod' }), /standard input: kind: /],
  ])('has its own exit codes for trouble: %s is %i', async (_name, expected, run, says) => {
    const { code, err } = await run();
    expect(code).toBe(expected);
    expect(err.join('\n')).toMatch(says);
  });
});

it('has examples in its help', async () => {
  const { code, out } = await rig.run(['diff', '--help']);
  expect(code).toBe(0);
  expect(out.join('')).toMatch(/Examples:\n {2}lockstep /);
});
