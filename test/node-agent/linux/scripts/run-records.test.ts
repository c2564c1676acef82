import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Disk } from '../../../../node-agent/disk.ts';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import { type RunRecord, RunRecords } from '../../../../node-agent/linux/scripts/run-records.ts';
import { serviceOf } from '../../../../node-agent/linux/scripts/script-sets.ts';
import { Sandbox } from './sandbox.ts';

const service = serviceOf('worker', '10-x');
const record: RunRecord = {
  bootId: 'boot-1',
  verb: 'start',
  runId: 'run-1',
  startedAt: '2026-01-02T03:04:05.000Z',
  leader: null,
  end: null,
};
const FILE = 'run/services/worker/10-x.json';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});

function open(options: { bootId?: string; disk?: Disk } = {}): RunRecords {
  return new RunRecords({
    folder: sandbox.path('run/services'),
    bootId: 'boot-1',
    disk: new LinuxDisk(),
    log: sandbox.log,
    ...options,
  });
}

/** A disk whose writes fail while `isFull`. */
class FullDisk extends LinuxDisk {
  isFull = true;
  override async create(path: string, content: string, mode: number): Promise<void> {
    if (this.isFull) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    await super.create(path, content, mode);
  }
}

describe('records of runs', () => {
  it('are none before the first', async () => {
    expect(await open().find(service)).toEqual({ kind: 'none' });
    expect(await open().list('worker')).toEqual([]);
    expect(existsSync(sandbox.path('run'))).toBe(false);
  });

  it('outlive the agent', async () => {
    await open().save(service, record);
    const ended = { ...record, leader: { pid: 7, startTicks: 9 }, end: { succeeded: true, message: '' } };
    await open().save(service, ended);
    expect(await open().find(service)).toEqual({ kind: 'found', record: ended });
    expect(await open().list('worker')).toEqual([service]);
  });

  it('do not outlive the boot', async () => {
    await open().save(service, record);
    expect(await open({ bootId: 'boot-2' }).find(service)).toEqual({ kind: 'none' });
  });

  it('are forgotten, once or twice', async () => {
    const records = open();
    await records.save(service, record);
    await records.forget(service);
    await records.forget(service);
    expect(await records.find(service)).toEqual({ kind: 'none' });
  });

  it('that can not be written count all the same, until they can', async () => {
    const disk = new FullDisk();
    const records = open({ disk });
    expect(await records.save(service, record)).toBe(false);
    expect(await records.find(service)).toEqual({ kind: 'found', record });
    expect(sandbox.lines).toMatchObject([{ level: 'warn', fields: { service: 'worker/10-x' } }]);
    disk.isFull = false;
    expect(await records.save(service, { ...record, verb: 'stop' })).toBe(true);
    expect(await open().find(service)).toMatchObject({ record: { verb: 'stop' } });
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"bootId":"boot-1","verb":"st'],
    ['of another shape', '{"bootId":"boot-1"}'],
    ['endless', `{"bootId":"${'x'.repeat(100_000)}"}`],
  ])('that are damaged (%s) are told from none, and kept when replaced', async (_, text) => {
    sandbox.file(FILE, text);
    const records = open();
    expect(await records.find(service)).toEqual({ kind: 'damaged', text: text.slice(0, 65_536) });
    await records.replaceDamaged(service, text, record);
    expect(await records.find(service)).toEqual({ kind: 'found', record });
    expect(readFileSync(sandbox.path(`${FILE}.damaged`), 'utf8')).toBe(text);
    expect(await records.list('worker')).toEqual([service]);
    expect(sandbox.lines).toMatchObject([{ level: 'error' }]);
  });

  it('that can not be read are unreadable, not none', async () => {
    mkdirSync(sandbox.path(FILE), { recursive: true });
    expect(await open().find(service)).toEqual({
      kind: 'unreadable',
      message: expect.stringMatching(/EISDIR/),
    });
  });

  it('never throw, whatever stands in the file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), async (text) => {
        sandbox.file(FILE, text);
        expect(['damaged', 'found', 'none']).toContain((await open().find(service)).kind);
      }),
    );
  });
});
