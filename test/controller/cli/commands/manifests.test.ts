// lockstep manifests, in this process.
import { beforeEach, describe, expect, it } from 'vitest';
import type { ManifestFileList } from '../../../../controller/api/schemas.ts';
import { API_VERSION } from '../../../../desired-state/host.ts';
import { CliRig } from '../../fixtures/cli-rig.ts';

let rig: CliRig;

beforeEach(async () => {
  rig = await CliRig.start();
});

describe('manifests', () => {
  const list: ManifestFileList = {
    apiVersion: API_VERSION,
    kind: 'ManifestFileList',
    folder: '/etc/lockstep/manifests',
    message: '',
    items: [
      { file: 'a.yaml', state: 'Applied', message: '', hosts: ['a', 'b'], since: '2026-01-01T00:00:00.000Z' },
      {
        file: 'b/c.yaml',
        state: 'Refused',
        message: 'line 3:\nTabs',
        hosts: [],
        since: '2026-01-01T00:59:30.000Z',
      },
      {
        file: 'd.yaml',
        state: 'Pending',
        message: '',
        hosts: ['1', '2', '3', '4'],
        since: '2026-01-01T00:59:59.000Z',
      },
    ],
  };

  it('shows what became of each file, whatever it is as exit code 0', async () => {
    rig.manifests = list;
    expect(await rig.run(['manifests'])).toEqual({
      code: 0,
      out: [
        'FILE      STATE    HOSTS    AGE  MESSAGE',
        'a.yaml    <green>Applied</>  a,b      1h',
        'b/c.yaml  <red>Refused</>  -        30s  line 3: Tabs',
        'd.yaml    <yellow>Pending</>  4 hosts  1s',
      ],
      err: [],
    });
  });

  it('prints documents', async () => {
    rig.manifests = list;
    expect(JSON.parse((await rig.run(['manifests', '-o', 'json'])).out.join('\n'))).toEqual(list);
    expect((await rig.run(['manifests', '-o', 'yaml'])).out).toContain('kind: ManifestFileList');
  });

  it.each<[string, Partial<ManifestFileList>, string]>([
    [
      'how to start a controller with a folder',
      { folder: null, items: [] },
      'the controller has no manifests folder: `lockstep-controller --data DIR --manifests DIR` starts it with one',
    ],
    ['that the folder is empty', { items: [] }, 'no manifests in /etc/lockstep/manifests'],
    ['what is wrong with the folder', { items: [], message: 'gone' }, '/etc/lockstep/manifests: gone'],
  ])('says %s', async (_name, change, note) => {
    rig.manifests = { ...list, ...change };
    expect(await rig.run(['manifests'])).toEqual({ code: 0, out: [], err: [note] });
  });
});

it('has examples in its help', async () => {
  const { code, out } = await rig.run(['manifests', '--help']);
  expect(code).toBe(0);
  expect(out.join('')).toMatch(/Examples:\n {2}lockstep /);
});
