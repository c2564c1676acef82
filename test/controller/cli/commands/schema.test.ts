// lockstep schema, in this process, held against what apply takes.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { API_VERSION } from '../../../../desired-state/host.ts';
import { CliRig } from '../../fixtures/cli-rig.ts';

const UNLOCKED = { locked: false, servicesEnabled: true };

let rig: CliRig;

beforeEach(async () => {
  rig = await CliRig.start();
});

describe('schema', () => {
  async function schema() {
    // Nobody needs to be there.
    const { code, out } = await rig.run(['schema'], { socketPath: '/tmp/no-such/s' });
    expect(code).toBe(0);
    return JSON.parse(out.join('\n'));
  }

  it('is a JSON Schema with names and words for editors', async () => {
    expect(await schema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'urn:lockstep:v1:manifest',
      title: 'Lockstep manifest',
      oneOf: [
        {
          title: 'Host',
          additionalProperties: false,
          properties: { spec: { description: expect.any(String), required: ['locked', 'servicesEnabled'] } },
        },
        { title: 'HostList', additionalProperties: false },
      ],
    });
  });

  const good = { apiVersion: API_VERSION, kind: 'Host', metadata: { name: 'a' }, spec: UNLOCKED };
  it.each<[string, unknown, boolean]>([
    ['a manifest', good, true],
    [
      'all that there is',
      {
        ...good,
        metadata: { name: 'a', labels: { a: '' }, annotations: { 'b/c': 'd' }, generation: 3 },
        status: [1],
      },
      true,
    ],
    ['a list', { apiVersion: API_VERSION, kind: 'HostList', items: [good] }, true],
    ['a list of lists', { apiVersion: API_VERSION, kind: 'HostList', items: [[good]] }, false],
    ['another kind', { ...good, kind: 'Pod' }, false],
    ['half a spec', { ...good, spec: { locked: true } }, false],
    ['no name', { ...good, metadata: {} }, false],
    ['an unknown field', { ...good, sepc: {} }, false],
    ['a label value that none may be', { ...good, metadata: { name: 'a', labels: { a: 'b c' } } }, false],
    ['a label key that none may be', { ...good, metadata: { name: 'a', labels: { 'b c': 'a' } } }, false],
    ['a name that is a path', { ...good, metadata: { name: '../a' } }, false],
    ['half a generation', { ...good, metadata: { name: 'a', generation: 0.5 } }, false],
  ])('agrees with apply about %s', async (_name, document, isTaken) => {
    const isValid = new Ajv2020({ strict: true }).compile(await schema());
    expect(isValid(document)).toBe(isTaken);
    const { code } = await rig.run(['apply', '-f', '-'], { input: JSON.stringify(document) });
    // A generation is a precondition, of a host that is not there.
    expect([0, 6].includes(code)).toBe(isTaken);
  });
});

it('has examples in its help', async () => {
  const { code, out } = await rig.run(['schema', '--help']);
  expect(code).toBe(0);
  expect(out.join('')).toMatch(/Examples:\n {2}lockstep /);
});
