import { describe, expect, it } from 'vitest';
import type { AgentPorts } from '../../node-agent/agent-ports.ts';
import { formatFlag } from '../../reconcilers/flags/flag-files.ts';
import { AgentRig, FLAG_PATHS, LOCKED, type RigOptions, STATE_DIR, UNLOCKED } from '../support/agent-rig.ts';

const COPY_A = `${STATE_DIR}/desired-a.json`;
const COPY_B = `${STATE_DIR}/desired-b.json`;

/** Something in the way of a port's calls: while it is shut, they wait. */
function makeGate() {
  let isShut = false;
  const waiting: (() => void)[] = [];
  return {
    shut: () => {
      isShut = true;
    },
    open: () => {
      isShut = false;
      for (const proceed of waiting.splice(0)) proceed();
    },
    pass: () => (isShut ? new Promise<void>((resolve) => waiting.push(resolve)) : Promise.resolve()),
  };
}

describe('copies that could not be read when the agent started', () => {
  it('I5: count as soon as they can be, over what a controller with a restored store said meanwhile', async () => {
    // No event of the flags asks for the next look.
    const deaf = { start: () => {}, rearm: () => {}, close: async () => {} };
    const rig = new AgentRig({ adjust: () => ({ flagWatch: deaf }) });
    await rig.settle(LOCKED);
    rig.controller.declare(UNLOCKED);
    await rig.run(5_000);
    rig.controller.declare(LOCKED);
    await rig.run(5_000);
    rig.kill();
    rig.controller.kill();
    const mend = rig.disk.faults.add({ code: 'EIO', operations: ['read'], under: STATE_DIR });
    for (const path of Object.values(FLAG_PATHS)) rig.disk.byHand.rm(path);
    await rig.start(200);
    expect(rig.status?.desired.source).toBe('nothing');
    mend();
    rig.controller.desired = { type: 'desired', generation: 2, spec: UNLOCKED };
    rig.controller.start();
    const begunBefore = rig.begun.length;
    // Well before the resync, which would look anyway.
    await rig.run(2_000);
    expect(rig.status).toMatchObject({
      desired: { source: 'remembered', generation: 3, locked: true },
      acknowledgedGeneration: 3,
    });
    expect([rig.flags, rig.begun.length]).toEqual(['both', begunBefore]);
    expect(rig.condition('SpecFresh')).toBe('False StoreBehind');
  });
});

describe('a desired state that cannot be remembered', () => {
  it('applies a lock and does not acknowledge it, until it can be', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    const mend = rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    rig.controller.declare(LOCKED);
    await rig.run(10_000);
    expect([rig.flags, rig.running]).toEqual(['both', []]);
    expect(rig.condition('FlagsInSync')).toBe('False NotRemembered');
    expect(rig.status?.acknowledgedGeneration).toBe(1);
    mend();
    await rig.run(5_000);
    expect(rig.status?.acknowledgedGeneration).toBe(2);
    expect(rig.condition('FlagsInSync')).toBe('True AsDesired');
  });

  it('I2: heals flags and stops services of a lock while the disk of its copies hangs, and acknowledges it afterwards', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    const letGo = rig.disk.faults.hold(STATE_DIR);
    rig.controller.declare(LOCKED);
    await rig.run(3_000);
    expect([rig.flags, rig.running]).toEqual(['both', []]);
    expect(rig.condition('FlagsInSync')).toBe('False NotRemembered');
    rig.disk.byHand.rm(FLAG_PATHS.persistent);
    await rig.run(500);
    expect(rig.flags).toBe('both');
    await rig.run(20_000);
    const told = rig.controller.of('status').length;
    await rig.run(30_000);
    // I7
    expect(rig.controller.of('status').length).toBe(told);
    expect(rig.status?.acknowledgedGeneration).toBe(1);
    letGo();
    await rig.run(500);
    expect(rig.status?.acknowledgedGeneration).toBe(2);
    expect(rig.condition('FlagsInSync')).toBe('True AsDesired');
    expect(rig.condition('ServicesInSync')).toBe('True AsDesired');
  });

  it('does not begin an unlock, until it can be', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    const mend = rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    rig.controller.declare(UNLOCKED);
    await rig.run(10_000);
    expect([rig.flags, rig.begun]).toEqual(['both', []]);
    mend();
    await rig.run(5_000);
    expect([rig.flags, rig.running]).toEqual(['none', ['worker/web']]);
  });

  it('says why an unlock is not begun on a host that knew nothing at all', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.kill();
    for (const copy of [COPY_A, COPY_B]) rig.disk.byHand.rm(copy);
    rig.controller.kill();
    rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    await rig.start(1_000);
    expect(rig.condition('FlagsInSync')).toBe('Unknown LeftAsTheyAre');
    rig.controller.start();
    await rig.run(5_000);
    expect(rig.condition('FlagsInSync')).toBe('False NotRemembered');
  });

  it('starts services at once, when they are enabled and it can be remembered after all', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    const mend = rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    rig.controller.declare({ locked: true, servicesEnabled: true });
    await rig.run(500);
    mend();
    await rig.run(1_000);
    expect(rig.running).toEqual(['worker/web']);
  });

  it('I1: an unlock that was not remembered before the agent was killed gets through afterwards', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    const mend = rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    rig.controller.declare(UNLOCKED);
    await rig.run(3_000);
    rig.kill();
    mend();
    await rig.start(10_000);
    expect([rig.flags, rig.running]).toEqual(['none', ['worker/web']]);
    expect(rig.condition('SpecFresh')).toBe('True Confirmed');
  });

  it('I1: a lock that was not remembered before the agent was killed holds afterwards, with no controller', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.disk.faults.add({ code: 'EROFS', under: STATE_DIR });
    rig.controller.declare(LOCKED);
    await rig.run(3_000);
    rig.kill();
    rig.controller.kill();
    rig.begun.length = 0;
    await rig.start(20_000);
    expect([rig.flags, rig.begun]).toEqual(['both', []]);
  });

  it.each([
    ['the flag cannot be looked at', 'entryOf'],
    ['what the flag says cannot be read', 'read'],
  ] as const)('I1: so it does when %s for a moment at start', async (_what, operation) => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.kill();
    rig.controller.kill();
    rig.disk.byHand.write(
      FLAG_PATHS.persistent,
      formatFlag({ generation: 2, since: undefined, reason: undefined }),
    );
    const mend = rig.disk.faults.add({ code: 'EIO', under: FLAG_PATHS.persistent, operations: [operation] });
    await rig.start(1_000);
    mend();
    await rig.run(20_000);
    expect(rig.flags).toBe('both');
  });
});

describe('a flag of an unlocked host that cannot be looked at for a moment', () => {
  it.each(['entryOf', 'read'] as const)('I4: changes nothing on it (%s)', async (operation) => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.kill();
    rig.controller.kill();
    const mend = rig.disk.faults.add({ code: 'EIO', under: FLAG_PATHS.persistent, operations: [operation] });
    await rig.start(1_000);
    expect([rig.flags, rig.running]).toEqual(['none', ['worker/web']]);
    mend();
    await rig.run(10_000);
    expect([rig.flags, rig.running]).toEqual(['none', ['worker/web']]);
  });
});

describe('the remembered copies', () => {
  it('are written anew, at the next resync, when they are gone', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    // Off the beat of the resync.
    await rig.run(3_000);
    rig.controller.declare(LOCKED);
    await rig.run(500);
    const text = rig.disk.contentNow(COPY_A);
    rig.disk.byHand.rm(COPY_A);
    rig.disk.byHand.rm(COPY_B);
    await rig.run(5_100);
    expect([rig.disk.contentNow(COPY_A), rig.disk.contentNow(COPY_B)]).toEqual([text, text]);
  });

  it('are two identical files', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.disk.byHand.write(COPY_B, 'rotten');
    rig.kill();
    await rig.start(5_000);
    expect(rig.disk.contentNow(COPY_B)).toBe(rig.disk.contentNow(COPY_A));
  });
});

describe('a disk that fails', () => {
  it.each([
    ['the volatile flag cannot be written', { code: 'ENOSPC', under: FLAG_PATHS.volatile } as const],
    [
      'the folder of the persistent flag cannot be synced',
      { code: 'EIO', under: '/etc/mtc/tmp', operations: ['syncFolder'] } as const,
    ],
  ])('is tried with backoff and not in a tight loop when %s', async (_what, fault) => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.disk.faults.add(fault);
    for (const path of Object.values(FLAG_PATHS)) rig.disk.byHand.rm(path);
    const before = rig.writes.length;
    await rig.run(20_000);
    expect(rig.writes.slice(before).filter((write) => write.startsWith('create')).length).toBeLessThan(50);
  });
});

describe('what holds services back', () => {
  const slowGates = (gate: ReturnType<typeof makeGate>): RigOptions => ({
    gates: ['10-network'],
    adjust: ({ gates }: AgentPorts) => ({
      gates: {
        ...gates,
        hasPassed: async () => {
          await gate.pass();
          return true;
        },
      },
    }),
  });

  it('I3: starts nothing on flags that were as desired only for what was desired before', async () => {
    const gate = makeGate();
    const rig = new AgentRig(slowGates(gate));
    await rig.settle(LOCKED);
    gate.shut();
    // A pass that saw both flags as desired is now looking at the gates.
    rig.controller.declare({ locked: true, servicesEnabled: true });
    await rig.run(1_000);
    rig.disk.faults.add({ code: 'EROFS', under: FLAG_PATHS.persistent });
    rig.controller.declare(UNLOCKED);
    await rig.run(1_000);
    const flagsAtStart: string[] = [];
    rig.services.onBegin(() => flagsAtStart.push(rig.flags));
    gate.open();
    await rig.run(1_000);
    expect(flagsAtStart).toEqual([]);
  });

  it('I3: starts none of many services once a lock is in hand, those that wait for their turn neither', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `worker/s${n}`);
    const rig = new AgentRig({ services: ids });
    rig.services.observeMs = [150, 200];
    for (const id of ids) rig.services.get(id).runMs = [20, 60];
    await rig.settle(LOCKED);
    let isLocked = false;
    const startsWhileLocked: string[] = [];
    rig.services.onBegin(({ service, verb }) => {
      if (isLocked && verb === 'start') startsWhileLocked.push(service.service.id);
    });
    rig.controller.declare(UNLOCKED);
    await rig.run(260);
    expect(rig.begun.length).toBeGreaterThan(0);
    expect(rig.begun.length).toBeLessThan(60);
    rig.controller.declare(LOCKED);
    // It has arrived.
    await rig.run(10);
    isLocked = true;
    await rig.run(10_000);
    expect(rig.running).toEqual([]);
    expect(startsWhileLocked).toEqual([]);
  });

  it('I2 F9: restores the flags although it takes long to find the runs that an earlier life left', async () => {
    const gate = makeGate();
    gate.shut();
    const rig = new AgentRig({
      adjust: ({ services }) => ({
        services: {
          ...services,
          resume: async () => {
            await gate.pass();
            return services.resume();
          },
        },
      }),
    });
    await rig.start(5_000);
    expect(rig.flags).toBe('both');
    expect(rig.begun).toEqual([]);
  });

  it('I10: goes on, and answers for a plan, while services cannot be asked', async () => {
    let isBroken = false;
    const rig = new AgentRig({
      adjust: ({ services }) => ({
        services: {
          ...services,
          observe: (signal, scope) =>
            isBroken ? Promise.reject(new Error('EIO: /etc/services.d')) : services.observe(signal, scope),
        },
      }),
    });
    await rig.settle(UNLOCKED);
    isBroken = true;
    rig.controller.say('{"type":"plan-request","id":"p1"}');
    await rig.run(1_000);
    expect(rig.controller.of('plan').length + rig.controller.of('nack').length).toBe(1);
    isBroken = false;
    rig.services.kill('worker/web');
    await rig.run(6_000);
    expect(rig.running).toEqual(['worker/web']);
  });

  it('answers for a plan with what the next passes would do, and does none of it', async () => {
    const rig = new AgentRig({ gates: ['10-network'] });
    rig.gates.failure = 1;
    await rig.settle(UNLOCKED);
    rig.disk.byHand.mkdir(FLAG_PATHS.persistent);
    rig.controller.say('{"type":"plan-request","id":"p1"}');
    await rig.run(100);
    const plan = rig.controller.of('plan')[0];
    expect(plan?.id).toBe('p1');
    expect(plan?.steps).toEqual([]);
    expect(plan?.blocked.join('\n')).toMatch(/^persistent flag is held: .*\nworker\/web is held: /);
  });

  it('I10: takes no desired state of generation 0: that number means that no spec is known', async () => {
    const rig = new AgentRig();
    rig.disk.byHand.mkdir(STATE_DIR);
    rig.disk.byHand.touch(`${STATE_DIR}/something`);
    rig.controller.desired = {
      type: 'desired',
      generation: 0,
      spec: { locked: true, servicesEnabled: true },
    };
    rig.controller.start();
    await rig.start(20_000);
    expect([rig.flags, rig.begun]).toEqual(['none', []]);
  });
});
