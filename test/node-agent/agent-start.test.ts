import { dirname } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { type FlagName, formatFlag } from '../../reconcilers/flags/flag-files.ts';
import {
  AgentRig,
  FLAG_PATHS,
  LOCKED,
  RUN_DIR,
  STATE_DIR,
  TRACE_PATH,
  UNLOCKED,
} from '../support/agent-rig.ts';

const flagSets: readonly { readonly what: string; readonly flags: readonly FlagName[] }[] = [
  { what: 'the volatile flag', flags: ['volatile'] },
  { what: 'the persistent flag', flags: ['persistent'] },
  { what: 'both flags', flags: ['volatile', 'persistent'] },
];

describe('what an agent finds when it starts', () => {
  it('F4: nothing at all: a fresh install comes up locked with both flags, and touches no service', async () => {
    const rig = new AgentRig();
    rig.services.startByHand('worker/web');
    await rig.start(20_000);
    expect(rig.flags).toBe('both');
    expect(rig.begun).toEqual([]);
    expect(rig.status?.desired.source).toBe('fresh-install');
    // Nobody had changed anything that was corrected; what is changed from now on is.
    expect(rig.status?.corrections).toEqual([]);
    rig.disk.byHand.rm(FLAG_PATHS.volatile);
    await rig.run(1_000);
    expect(rig.status?.corrections).toHaveLength(1);
    expect(rig.condition('ServicesInSync')).toBe('Unknown LeftAsTheyAre');
  });

  it.each(flagSets)(
    'F9: $what, nothing else: restores both before it does anything else',
    async ({ flags }) => {
      const rig = new AgentRig({ services: ['worker/web', 'worker/db'] });
      rig.disk.byHand.mkdir('/etc/mtc/tmp');
      for (const flag of flags) rig.disk.byHand.touch(FLAG_PATHS[flag]);
      rig.services.startByHand('worker/web');
      const flagsAtContact: string[] = [];
      rig.controller.onHeard(() => flagsAtContact.push(rig.flags));
      rig.controller.start();
      await rig.start(20_000);
      expect(rig.flags).toBe('both');
      expect(flagsAtContact[0]).toBe('both');
      expect([rig.begun, rig.running]).toEqual([[], ['worker/web']]);
      expect(rig.controller.of('hello')[0]?.remembers).toEqual({ generation: 0, spec: null });
    },
  );

  it.each([
    ['beside the persistent flag', TRACE_PATH],
    ['in its state folder', `${STATE_DIR}/desired-a.json.corrupt`],
    ['in its run folder', `${RUN_DIR}/status.json`],
  ])('F9: no flag, no copy, but a trace %s: touches nothing and keeps asking', async (_where, trace) => {
    const rig = new AgentRig();
    rig.disk.byHand.mkdir(dirname(trace));
    rig.disk.byHand.touch(trace);
    rig.services.startByHand('worker/web');
    await rig.start(20_000);
    expect([rig.flags, rig.begun, rig.running]).toEqual(['none', [], ['worker/web']]);
    expect(rig.condition('SpecFresh')).toBe('Unknown NothingKnown');
    rig.controller.declare(LOCKED);
    rig.controller.start();
    await rig.run(6_000);
    expect([rig.flags, rig.running]).toEqual(['both', []]);
  });

  it('F9: a lock that its flag alone remembers outlives an older copy that says unlocked', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.kill();
    rig.controller.kill();
    const content = formatFlag({ generation: 2, since: undefined, reason: undefined });
    rig.disk.byHand.write(FLAG_PATHS.persistent, content);
    await rig.start(20_000);
    expect(rig.flags).toBe('both');
    expect(rig.status?.desired).toMatchObject({ source: 'flags', generation: 2, servicesEnabled: null });
  });

  it('I4: copies that cannot be read yet: touches nothing, and goes on from them once they can', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.reboot();
    rig.controller.kill();
    const mend = rig.disk.faults.add({ code: 'EIO', under: STATE_DIR, operations: ['read'] });
    await rig.start(10_000);
    expect([rig.flags, rig.running]).toEqual(['none', []]);
    expect(rig.condition('SpecFresh')).toBe('Unknown NothingKnown');
    mend();
    await rig.run(10_000);
    expect(rig.running).toEqual(['worker/web']);
    expect(rig.status?.desired.source).toBe('remembered');
  });

  it('says how its host is after hello, also to a controller that says nothing', async () => {
    const rig = new AgentRig();
    rig.controller.start();
    await rig.start(1_000);
    expect(rig.controller.heard.slice(0, 2).map(({ message }) => message.type)).toEqual(['hello', 'status']);
    expect(rig.controller.of('status')[0]?.status.flags).toEqual({
      volatile: 'present',
      persistent: 'present',
    });
  });

  it('puts a corrupt copy aside and goes on from the other', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.kill();
    rig.controller.kill();
    rig.disk.byHand.write(`${STATE_DIR}/desired-a.json`, 'rotten');
    await rig.start(5_000);
    expect(rig.status?.desired.source).toBe('remembered');
    expect(rig.disk.contentNow(`${STATE_DIR}/desired-a.json.corrupt`)).toBe('rotten');
    expect(rig.disk.contentNow(`${STATE_DIR}/desired-a.json`)).toBe(
      rig.disk.contentNow(`${STATE_DIR}/desired-b.json`),
    );
  });
});
