import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { toHost, toHostList } from '../../../controller/host-view.ts';
import {
  decodeManifests,
  type PlacedManifest,
  parseManifests,
} from '../../../controller/manifests/parse-manifests.ts';
import { noRecord } from '../../../controller/spec-change.ts';
import { LockstepError } from '../../../desired-state/errors.ts';
import type { HostRecord } from '../../../desired-state/store/store.ts';
import { statusOf } from '../fixtures/agent-end.ts';

/** A manifest of host `name`, with `extra` lines below its metadata. */
function host(name: string, ...extra: readonly string[]): string {
  return [
    'apiVersion: lockstep/v1',
    'kind: Host',
    'metadata:',
    `  name: ${name}`,
    ...extra.map((line) => `  ${line}`),
    'spec:',
    '  locked: true',
    '  servicesEnabled: false',
    '',
  ].join('\n');
}

const MANIFEST = {
  apiVersion: 'lockstep/v1',
  kind: 'Host',
  metadata: { name: 'compute-0' },
  spec: { locked: true, servicesEnabled: false },
};

function parse(text: string): readonly PlacedManifest[] {
  return parseManifests(text, 'lab.yaml');
}

/** The message of the `Invalid` that `text` ends in. */
function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'Invalid') return error.message;
    throw error;
  }
  throw new Error('expected it to be refused');
}

describe('what is taken', () => {
  it('is one manifest, placed in its file', () => {
    expect(parse(host('compute-0'))).toEqual([{ manifest: MANIFEST, place: 'lab.yaml' }]);
  });

  it('is several documents, each placed; those without content are passed over and counted', () => {
    const placed = parse(`---\n${host('a')}---\n# nothing here\n---\n${host('b')}...\n`);
    expect(placed.map(({ manifest, place }) => [manifest.metadata.name, place])).toEqual([
      ['a', 'lab.yaml, document 1'],
      ['b', 'lab.yaml, document 3'],
    ]);
  });

  it('is a HostList, each item placed', () => {
    const list = stringify({ apiVersion: 'lockstep/v1', kind: 'HostList', items: [MANIFEST] });
    expect(parse(list)).toEqual([{ manifest: MANIFEST, place: 'lab.yaml, items.0' }]);
    expect(parse('apiVersion: lockstep/v1\nkind: HostList\nitems: []')).toEqual([]);
  });

  it.each([
    ['JSON', JSON.stringify(MANIFEST)],
    ['JSON indented by tabs', JSON.stringify(MANIFEST, null, '\t')],
    ['line ends as in Windows', host('compute-0').replaceAll('\n', '\r\n')],
    ['a byte order mark', `\uFEFF${host('compute-0')}`],
    ['a comment for editors', `# yaml-language-server: $schema=lockstep.schema.json\n${host('compute-0')}`],
    ['a status of any kind', `${host('compute-0')}status: { ready: [certainly], ? [a] : b }\n`],
  ])('may be %s', (_name, text) => {
    expect(parse(text)).toEqual([{ manifest: MANIFEST, place: 'lab.yaml' }]);
  });

  it.each([
    ['nothing', ''],
    ['a comment', '# later'],
    ['null', 'null'],
    ['empty documents', '---\n---\n'],
  ])('is nothing where there is only %s', (_name, text) => {
    expect(parse(text)).toEqual([]);
  });

  it('is labels by anchor and alias', () => {
    const text = `${host('a', 'labels: &common { site: lab }', 'annotations: *common')}`;
    expect(parse(text)[0]?.manifest.metadata).toMatchObject({
      labels: { site: 'lab' },
      annotations: { site: 'lab' },
    });
  });
});

describe('I10 what is refused says where, what was expected and what was found:', () => {
  it.each<[string, string, string]>([
    ['a tab', 'a:\n\tb: 1\n', 'lab.yaml, line 2: expected YAML, found: Tabs are not allowed as indentation'],
    [
      'a key twice',
      `${host('a')}---\n${host('b')}spec: { locked: false, servicesEnabled: true }\n`,
      'lab.yaml, document 2, line 16: expected YAML, found: Map keys must be unique',
    ],
    [
      'an unknown tag',
      `${host('a')}status: !ruby/object x\n`,
      'lab.yaml, line 8: expected YAML, found: Unresolved tag',
    ],
    ['an alias of nothing', `${host('a')}status: *b\n`, 'lab.yaml: expected YAML, found: Unresolved alias'],
    ['text', 'lock compute-0', 'lab.yaml: (root): expected object, received string, found "lock compute-0"'],
    ['a list', '- a', 'lab.yaml: (root): expected object, received array, found ["a"]'],
    [
      'another kind',
      'kind: Pod',
      'lab.yaml: kind: Invalid option: expected one of "Host"|"HostList", found "Pod"',
    ],
    [
      'another version',
      host('a').replace('v1', 'v2'),
      'lab.yaml: apiVersion: expected "lockstep/v1", found "lockstep/v2"',
    ],
    [
      'spec.locked left out',
      `${host('a')}---\n${host('b').replace('  locked: true\n', '')}`,
      'lab.yaml, document 2: spec.locked: expected boolean, received undefined, found nothing',
    ],
    [
      'spec.servicesEnabled left out',
      host('a').replace('  servicesEnabled: false\n', ''),
      'lab.yaml: spec.servicesEnabled: expected boolean, received undefined, found nothing',
    ],
    [
      'no spec',
      host('a').replace(/spec:[\s\S]*/, ''),
      'lab.yaml: spec: expected object, received undefined, found nothing',
    ],
    [
      'yes for true',
      host('a').replace('true', 'yes'),
      'lab.yaml: spec.locked: expected boolean, received string, found "yes"',
    ],
    [
      'a label that is a number',
      host('a', 'labels: { rack: 3 }'),
      'lab.yaml: metadata.labels.rack: expected string, received number, found 3',
    ],
    [
      'a label that none may be',
      host('a', 'labels: { "a/b": c }'),
      'lab.yaml: metadata.labels.a/b: expected a label key',
    ],
    ['a name that is a path', host('../etc'), 'lab.yaml: metadata.name: expected an RFC 1123 label'],
    ['a generation below 0', host('a', 'generation: -1'), 'lab.yaml: metadata.generation: Too small'],
    ['an unknown field', `${host('a')}  lockd: true\n`, 'lab.yaml: spec: unknown field "lockd"'],
    ['an unknown field of metadata', host('a', 'label: {}'), 'lab.yaml: metadata: unknown field "label"'],
    [
      'an unknown field in a list',
      stringify({
        apiVersion: 'lockstep/v1',
        kind: 'HostList',
        items: [MANIFEST, { ...MANIFEST, sepc: {} }],
      }),
      'lab.yaml: items.1: unknown field "sepc"',
    ],
    [
      'a host twice',
      `${host('a')}---\n${host('b')}---\n${host('a')}`,
      'lab.yaml, document 3: metadata.name: expected each host once, found a here and in lab.yaml, document 1',
    ],
    [
      'JSON after JSON',
      `${JSON.stringify(MANIFEST)}\n${JSON.stringify(MANIFEST)}`,
      'lab.yaml, line 2: expected YAML',
    ],
  ])('%s', (_name, text, expected) => {
    expect(refusal(text)).toContain(expected);
  });

  it.each([
    host('a', 'annotations: { __proto__: x }'),
    host('a', 'labels: { __proto__: x }'),
    `${host('a')}__proto__: { locked: false }\n`,
    JSON.stringify(MANIFEST).replace('"name"', '"__proto__":{"name":"b"},"name"'),
  ])('the key __proto__, which would be passed over without a word: %j', (text) => {
    expect(refusal(text)).toBe(
      'lab.yaml: expected YAML, found: the key __proto__, which nothing can be called',
    );
  });

  it('aliases that grow without end', () => {
    const level = (name: string, below: string) => `${name}: &${name} [${Array(10).fill(below).join(', ')}]`;
    const bomb = [
      level('a', 'x'),
      ...['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, index) => level(name, `*${'abcdefg'[index]}`)),
    ];
    expect(refusal(`${host('a')}status:\n  ${bomb.join('\n  ')}\n`)).toMatch(/Excessive alias count/);
  });

  it('aliases of something large, which a message would have to print', () => {
    const text = `kind: Host\nlarge: &l ${'y'.repeat(1_000_000)}\nmetadata: [${Array(90).fill('*l').join(', ')}]\n`;
    expect(refusal(text)).toBe('lab.yaml: expected YAML, found: too much once its aliases are resolved');
  });

  it('an alias of what it stands in', () => {
    const text = 'apiVersion: lockstep/v1\nkind: HostList\nitems: &items [*items]\n';
    expect(refusal(text)).toBe('lab.yaml: expected YAML, found: an alias of what it stands in');
  });

  it.each([500, 1_000, 5_000, 100_000])('lists %i deep', (depth) => {
    expect(refusal(`kind: ${'['.repeat(depth)}${']'.repeat(depth)}`)).toMatch(
      /too deep inside each other|Invalid option/,
    );
  });

  it('bytes that are not UTF-8', () => {
    expect(decodeManifests(new TextEncoder().encode(`\uFEFF${host('é')}`), 'a.yaml')).toBe(host('é'));
    const latin1 = Buffer.from(host('a', 'annotations: { owner: René }'), 'latin1');
    expect(() => decodeManifests(latin1, 'a.yaml')).toThrow('a.yaml: expected UTF-8 text, found other bytes');
  });

  it('any text at all', () => {
    const pieces = fc.constantFrom(
      ...host('a').split(/(?<=\s)/),
      '- ',
      '{',
      '[',
      '"',
      '*a ',
      '&a ',
      '---\n',
      '\t',
      ': ',
      '!x ',
      '%',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (any) => {
        try {
          parse(any);
        } catch (error) {
          expect(error).toMatchObject({ name: 'LockstepError', code: 'Invalid' });
        }
      }),
    );
  });
});

describe('what `get` prints', () => {
  const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/);
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  // No record has that one: zod takes it out of whatever comes in, as it would be no key but a prototype.
  const key = text.filter((any) => any !== '__proto__');
  const record = fc
    .record({
      name: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/),
      generation: fc.nat(),
      labels: fc.dictionary(label, fc.oneof(fc.constant(''), label), { maxKeys: 4 }),
      annotations: fc.dictionary(key, text, { maxKeys: 4, noNullPrototype: true }),
      spec: fc.record({ locked: fc.boolean(), servicesEnabled: fc.boolean() }),
      status: fc.constantFrom(undefined, statusOf(3)),
    })
    .map((host): HostRecord => ({ ...noRecord(host.name), ...host }));

  it.each([
    ['YAML', (document: unknown) => stringify(document)],
    ['JSON', (document: unknown) => JSON.stringify(document, null, 2)],
  ])('as %s is taken back word for word', (_name, print) => {
    fc.assert(
      fc.property(fc.uniqueArray(record, { selector: ({ name }) => name, maxLength: 3 }), (records) => {
        const { items } = toHostList(records);
        const expected = items.map(({ status: _status, ...manifest }) => manifest);
        expect(parse(print(toHostList(records))).map(({ manifest }) => manifest)).toEqual(expected);
        for (const [index, host] of records.entries()) {
          expect(parse(print(toHost(host)))).toEqual([{ manifest: expected[index], place: 'lab.yaml' }]);
        }
      }),
    );
  });
});
