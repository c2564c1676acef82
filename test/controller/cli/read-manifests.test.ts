// What -f takes, by what apply and diff say of it.
import { chmodSync, symlinkSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { CliRig, manifestText } from '../fixtures/cli-rig.ts';

let rig: CliRig;

beforeEach(async () => {
  rig = await CliRig.start();
});

describe('I10 input that is wrong is exit code 4, and nothing is done:', () => {
  interface Case {
    readonly what: string;
    /** Values of -f. */
    readonly inputs: () => readonly string[];
    readonly says: readonly RegExp[];
  }
  const cases: readonly Case[] = [
    {
      what: 'a file that is missing',
      inputs: () => [rig.file('good.yaml', manifestText('a')), join(rig.folder, 'none.yaml')],
      says: [/none.yaml: expected a file or a folder, found nothing there$/],
    },
    {
      what: 'a link in a folder that leads nowhere',
      inputs: () => {
        rig.file('lab/1.yaml', manifestText('b'));
        symlinkSync('nowhere', join(rig.folder, 'lab/2.yaml'));
        return [join(rig.folder, 'lab')];
      },
      says: [/lab\/2.yaml: expected a file or a folder, found nothing there$/],
    },
    {
      what: 'a folder without manifests',
      inputs: () => [join(rig.file('lab/notes.txt', 'nothing'), '..')],
      says: [/expected at least one manifest, found no \*\.yaml, \*\.yml or \*\.json file$/],
    },
    {
      what: 'a file without manifests',
      inputs: () => [rig.file('empty.yaml', '# later\n')],
      says: [/empty.yaml: expected at least one manifest, found none$/],
    },
    {
      what: 'a bad document after a good one',
      inputs: () => [rig.file('bad.yaml', manifestText('b'), manifestText('c').replace('true', 'yes'))],
      says: [/bad.yaml, document 2: spec.locked: expected boolean, received string, found "yes"$/],
    },
    {
      what: 'several bad files, missing ones first',
      inputs: () => [
        rig.file('1.yaml', manifestText('b', { metadata: 'label: x' })),
        rig.file('2.yaml', Buffer.from([0xff])),
        rig.file('good.yaml', manifestText('a')),
        join(rig.folder, 'none'),
        rig.file('3.yaml', 'a: ['),
      ],
      says: [
        /^lockstep: 4 of the inputs are wrong, nothing was done:$/,
        /none: expected a file or a folder, found nothing there$/,
        /1.yaml: metadata: unknown field "label"$/,
        /2.yaml: expected UTF-8 text, found other bytes$/,
        /3.yaml, line 1: expected YAML, found: /,
      ],
    },
    {
      what: 'more bad files than anybody reads',
      inputs: () => Array.from({ length: 12 }, (_, index) => join(rig.folder, `none-${index}`)),
      says: [/12 of the inputs are wrong/, ...Array<RegExp>(10).fill(/none-\d: /), /^ {2}and 2 more$/],
    },
    {
      what: 'a host in two files',
      inputs: () => [
        rig.file('1.yaml', manifestText('c'), manifestText('b')),
        rig.file('2.yaml', manifestText('b')),
      ],
      says: [/2.yaml: metadata.name: expected each host once, found b here and in .*1.yaml, document 2$/],
    },
    {
      what: 'more than 16 MiB',
      inputs: () => {
        truncateSync(rig.file('large.yaml', ''), 16 * 1_024 * 1_024);
        return [rig.file('good.yaml', manifestText('a')), join(rig.folder, 'large.yaml')];
      },
      says: [/large.yaml: expected at most 16777216 bytes of manifests in one command, found more/],
    },
    {
      what: 'a socket in a folder',
      inputs: () => {
        symlinkSync('../s', join(rig.file('lab/1.yaml', manifestText('a')), '../2.yaml'));
        return [join(rig.folder, 'lab')];
      },
      says: [/lab\/2.yaml: expected a file, found a pipe, socket or device$/],
    },
  ];

  it.each(cases)('$what', async ({ inputs, says }) => {
    const paths = inputs();
    for (const command of ['apply', 'diff']) {
      const { code, out, err } = await rig.run([command, '-f', ...paths]);
      expect({ code, out }).toEqual({ code: 4, out: [] });
      expect(err).toEqual(says.map((pattern) => expect.stringMatching(pattern)));
    }
    expect(await rig.names()).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)(
    'a folder of a folder that may not be read, by its own name',
    async () => {
      const deep = dirname(rig.file('lab/deep/1.yaml', manifestText('a')));
      chmodSync(deep, 0);
      onTestFinished(() => chmodSync(deep, 0o700));
      const { code, err } = await rig.run(['apply', '-R', '-f', dirname(deep)]);
      expect({ code, err }).toEqual({
        code: 4,
        err: [
          `lockstep: ${deep}: expected a file or a folder, found one that may not be read (permission denied)`,
        ],
      });
    },
  );

  it('nothing beside an empty document', async () => {
    const paths = [rig.file('1.yaml', '---\n---\n'), rig.file('2.yaml', '{}')];
    expect((await rig.run(['apply', '-f', ...paths])).code).toBe(4);
    expect((await rig.run(['apply', '-f', paths[0] ?? ''])).code).toBe(4);
  });

  it('nothing on standard input', async () => {
    const { code, err } = await rig.run(['apply', '-f', '-']);
    expect({ code, err }).toEqual({
      code: 4,
      err: ['lockstep: standard input: expected at least one manifest, found none'],
    });
  });
});

describe('a HostList without items, as get prints it of no hosts,', () => {
  it.each([
    ['apply', 'yaml'],
    ['apply', 'json'],
    ['diff', 'yaml'],
    ['diff', 'json'],
  ])('is nothing to do for %s: %s', async (command, output) => {
    const printed = (await rig.run(['get', 'hosts', '-o', output])).out.join('\n');
    const file = rig.file('empty.yaml', '# later\n');
    for (const more of [[], ['-f', file]]) {
      expect(await rig.run([command, '-f', '-', ...more], { input: printed })).toEqual({
        code: 0,
        out: [],
        err: ['no hosts, nothing done'],
      });
    }
  });
});
