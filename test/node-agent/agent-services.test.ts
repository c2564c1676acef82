import { describe, expect, it } from 'vitest';
import { findCondition } from '../../desired-state/conditions.ts';
import { AgentRig, LOCKED, UNLOCKED } from '../support/agent-rig.ts';

const BOTH_ENABLED = { locked: true, servicesEnabled: true };

/** As the controller heard of services that are backed off. */
function backOffs(rig: AgentRig): readonly string[] {
  return rig.controller
    .of('event')
    .filter(({ event }) => event.reason === 'BackOff')
    .map(({ event }) => `${event.type} ${event.generation} ${event.message}`);
}

describe('services of a host whose agent runs', () => {
  it('S12: unlocking without a reboot starts them, locking stops them', async () => {
    const rig = new AgentRig({ services: ['worker/10-db', 'worker/web'] });
    await rig.settle(LOCKED);
    rig.controller.declare(UNLOCKED);
    await rig.run(5_000);
    expect(rig.running).toEqual(['worker/10-db', 'worker/web']);
    expect(rig.condition('ServicesInSync')).toBe('True AsDesired');
    rig.controller.declare(LOCKED);
    await rig.run(5_000);
    expect(rig.running).toEqual([]);
    expect(rig.begun).toEqual([
      'start worker/10-db',
      'start worker/web',
      'stop worker/web',
      'stop worker/10-db',
    ]);
  });

  it('S1: starts set after set on an all-in-one host, and stops in reverse', async () => {
    const rig = new AgentRig({ services: ['storage/osd', 'worker/web', 'controller/api'] });
    await rig.settle(UNLOCKED);
    rig.controller.declare(LOCKED);
    await rig.run(5_000);
    expect(rig.begun).toEqual([
      'start controller/api',
      'start worker/web',
      'start storage/osd',
      'stop storage/osd',
      'stop worker/web',
      'stop controller/api',
    ]);
  });

  it('runs services on a locked host that has them enabled, and stops them on an unlocked one that has not', async () => {
    const rig = new AgentRig();
    await rig.settle(BOTH_ENABLED);
    expect([rig.flags, rig.running]).toEqual(['both', ['worker/web']]);
    rig.controller.declare({ locked: false, servicesEnabled: false });
    await rig.run(5_000);
    expect([rig.flags, rig.running]).toEqual(['none', []]);
  });

  it('asks every service at each resync and when something else is desired, and at an event only those that changed', async () => {
    const scopes: string[] = [];
    const rig = new AgentRig({
      services: ['worker/web', 'worker/db'],
      adjust: ({ services }) => ({
        services: {
          ...services,
          observe: (signal, scope) => {
            scopes.push(scope);
            return services.observe(signal, scope);
          },
        },
      }),
    });
    await rig.settle(UNLOCKED);
    scopes.length = 0;
    await rig.run(20_000);
    expect(scopes).toEqual(['all', 'all', 'all', 'all']);
    scopes.length = 0;
    rig.services.kill('worker/web');
    await rig.run(1_000);
    expect(new Set(scopes)).toEqual(new Set(['changed']));
    expect([...rig.running].sort()).toEqual(['worker/db', 'worker/web']);
    scopes.length = 0;
    rig.controller.declare(LOCKED);
    await rig.run(100);
    expect(scopes[0]).toBe('all');
  });

  it('S5: a start asked for again while they run runs nothing again', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    for (let n = 0; n < 5; n += 1) {
      rig.controller.declare(UNLOCKED);
      rig.controller.say(JSON.stringify(rig.controller.desired));
      await rig.run(2_000);
    }
    expect(rig.begun).toEqual(['start worker/web']);
  });

  it('S7: a lock during the start ends in stopped, one run at a time', async () => {
    for (const delayMs of [5, 50, 150, 300, 600]) {
      const rig = new AgentRig({ services: ['controller/api', 'worker/10-db', 'worker/web'] });
      let overlaps = 0;
      rig.services.onBegin((run) => {
        if (run.overlaps) overlaps += 1;
      });
      await rig.settle(LOCKED);
      rig.controller.declare(UNLOCKED);
      await rig.run(delayMs);
      rig.controller.declare(LOCKED);
      await rig.run(10_000);
      expect(rig.running).toEqual([]);
      expect(overlaps).toBe(0);
      expect(rig.condition('ServicesInSync')).toBe('True AsDesired');
    }
  });

  it('S9: no service at all is a success with a result', async () => {
    const rig = new AgentRig({ services: [] });
    await rig.settle(UNLOCKED);
    expect(rig.condition('ServicesInSync')).toBe('True NoServices');
  });

  it('S6: names the script that fails, and clears on its next success', async () => {
    const ids = ['worker/a', 'worker/b', 'worker/c', 'worker/d'];
    const rig = new AgentRig({ services: ids });
    await rig.settle(LOCKED);
    for (const id of ids) rig.services.get(id).failure = 1;
    rig.controller.declare(UNLOCKED);
    await rig.run(10_000);
    const told = rig.controller
      .of('status')
      .flatMap(({ status }) => status.conditions)
      .filter(({ reason }) => reason === 'ServiceFailed')
      .map(({ message }) => message);
    expect(told[0]).toMatch(/^worker\/[abcd] failed: start failed with exit code 1: start did not work/);
    for (const id of ids) rig.services.get(id).clear();
    await rig.run(15_000);
    expect(rig.condition('ServicesInSync')).toBe('True AsDesired');
  });

  it('S13: a failing gate starts nothing, is named, and is tried again until it passes', async () => {
    const rig = new AgentRig({ gates: ['10-network'] });
    rig.gates.failure = 1;
    await rig.settle(UNLOCKED);
    expect(rig.begun).toEqual([]);
    expect(rig.condition('GoEnabled')).toBe('False GateFailed');
    expect(rig.condition('ServicesInSync')).toBe('False GatesNotPassed');
    rig.gates.clear();
    await rig.run(10_000);
    expect(rig.running).toEqual(['worker/web']);
    expect(rig.condition('GoEnabled')).toBe('True GatesPassed');
  });

  it('S14: a service that dies is running again, and the correction is told', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.services.kill('worker/web');
    await rig.run(2_000);
    expect(rig.running).toEqual(['worker/web']);
    expect(rig.status?.corrections.at(-1)?.message).toBe('worker/web started again');
  });

  it('S14: one that dies unnoticed is running again after the resync', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.services.eventLoss = 1;
    rig.services.kill('worker/web');
    await rig.run(6_000);
    expect(rig.running).toEqual(['worker/web']);
  });

  it('S14: one that keeps dying is backed off and reported, and the rest is not held up by it', async () => {
    const rig = new AgentRig({ services: ['worker/10-db', 'worker/web'] });
    rig.services.get('worker/10-db').livesMs = [1_200, 1_300];
    await rig.settle(UNLOCKED);
    await rig.run(30_000);
    expect(rig.running).toContain('worker/web');
    const starts = rig.begun.filter((begun) => begun === 'start worker/10-db').length;
    expect(starts).toBeGreaterThan(5);
    expect(starts).toBeLessThan(30);
    const told = rig.controller.of('status').flatMap(({ status }) => status.conditions);
    expect(told.some(({ message }) => message.includes('it keeps dying soon after its start'))).toBe(true);
    expect(backOffs(rig)).toEqual(['Warning 1 worker/10-db: it keeps dying soon after its start']);
  });

  it('S14: one that keeps dying is told again once it has been stable, and one that died once is not', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.services.kill('worker/web');
    await rig.run(20_000);
    expect(backOffs(rig)).toEqual([]);
    for (let n = 1; n <= 2; n += 1) {
      rig.services.get('worker/web').livesMs = [1_200, 1_300];
      rig.services.kill('worker/web');
      await rig.run(20_000);
      rig.services.get('worker/web').clear();
      // Longer than equal events are merged.
      await rig.run(90_000);
      expect(rig.running).toEqual(['worker/web']);
      expect(backOffs(rig)).toHaveLength(n);
      expect(rig.log.count('warn', 'service backed off')).toBe(n);
    }
  });

  it('S15: one that keeps coming back after its stop is told', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    for (let n = 0; n < 4; n += 1) {
      rig.services.startByHand('worker/web');
      await rig.run(5_000);
    }
    expect(backOffs(rig)).toEqual(['Warning 1 worker/web: it keeps coming back after its stop']);
  });

  it('S15: a service started by hand on a host whose services are disabled is stopped within 5 s', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.services.startByHand('worker/web');
    await rig.run(5_500);
    expect(rig.running).toEqual([]);
  });

  it('S16: a script that others could have written is told as event and in the condition, and the host is ready all the same', async () => {
    const rig = new AgentRig();
    rig.services.skipped = [
      { name: 'worker/30-api', reason: 'others can write it', unsafe: true },
      { name: 'worker/web~', reason: 'its name is that of a backup or leftover', unsafe: false },
    ];
    await rig.settle(UNLOCKED);
    expect(rig.condition('ServicesInSync')).toBe('True AsDesired');
    const told = () => rig.controller.of('event').filter(({ event }) => event.reason === 'ScriptNotRun');
    expect(told().map(({ event, count }) => `${event.type} ${event.message} ${count}`)).toEqual([
      'Warning worker/30-api is not run: others can write it 1',
    ]);
    const message = () =>
      findCondition(rig.status?.status.conditions ?? [], 'ServicesInSync')?.message ?? 'none';
    expect(message()).toBe('1 service is running; not run: worker/30-api: others can write it');
    rig.services.skipped = [];
    await rig.run(6_000);
    expect([message(), told().length]).toEqual(['1 service is running', 1]);
  });

  it('I2: tells once that services cannot be looked at, whatever is desired then, and acts as soon as they can be', async () => {
    let isUnreadable = false;
    const rig = new AgentRig({
      services: ['worker/web', 'worker/db'],
      adjust: ({ services }) => ({
        services: {
          ...services,
          observe: (signal, scope) =>
            isUnreadable
              ? Promise.reject(new Error('ENOTDIR: not a directory'))
              : services.observe(signal, scope),
        },
      }),
    });
    await rig.settle(UNLOCKED);
    isUnreadable = true;
    rig.services.kill('worker/web');
    await rig.run(1_000);
    expect(rig.condition('ServicesInSync')).toBe('Unknown ServicesUnreadable');
    const conditions = rig.controller.of('status').at(-1)?.status.conditions ?? [];
    expect(findCondition(conditions, 'ServicesInSync')?.message).toBe(
      'services cannot be looked at: ENOTDIR: not a directory',
    );
    const told = rig.controller.of('status').length;
    await rig.run(30_000);
    // I7
    expect(rig.controller.of('status').length).toBe(told);
    expect(rig.log.lines().filter(({ level }) => level === 'warn')).toHaveLength(1);
    rig.controller.declare(LOCKED);
    await rig.run(1_000);
    expect([rig.flags, rig.condition('FlagsInSync')]).toEqual(['both', 'True AsDesired']);
    expect(rig.condition('ServicesInSync')).toBe('Unknown ServicesUnreadable');
    isUnreadable = false;
    await rig.run(6_000);
    expect([rig.running, rig.condition('ServicesInSync')]).toEqual([[], 'True AsDesired']);
  });

  it('tells that services could never be looked at since the agent started', async () => {
    const rig = new AgentRig({
      adjust: ({ services }) => ({
        services: { ...services, resume: () => Promise.reject(new Error('EMFILE: too many open files')) },
      }),
    });
    await rig.settle(LOCKED);
    expect(rig.condition('ServicesInSync')).toBe('Unknown ServicesUnreadable');
  });

  it('I3: starts nothing while a flag is not as desired, and says what holds it', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.disk.faults.add({ code: 'EROFS', under: '/etc/mtc' });
    rig.controller.declare(UNLOCKED);
    await rig.run(10_000);
    expect([rig.flags, rig.begun]).toEqual(['both', []]);
    expect(rig.condition('ServicesInSync')).toBe('False FlagsNotAsDesired');
  });

  it('I2: mends flags at once while a script hangs', async () => {
    const rig = new AgentRig();
    rig.services.timeLimitMs = 600_000;
    rig.services.get('worker/web').hang = 1;
    await rig.settle(UNLOCKED);
    expect(rig.begun).toEqual(['start worker/web']);
    rig.controller.declare(LOCKED);
    await rig.run(1_000);
    expect(rig.flags).toBe('both');
  });
});

describe('services after a restart', () => {
  it('S2: an unlocked host starts them by itself after a reboot, with no controller', async () => {
    const rig = new AgentRig({ gates: ['10-network'] });
    await rig.settle(UNLOCKED);
    rig.controller.kill();
    rig.reboot();
    await rig.start(10_000);
    expect(rig.running).toEqual(['worker/web']);
    expect(rig.flags).toBe('none');
  });

  it('S3: so it does after a power cut', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.controller.kill();
    rig.powerCut();
    await rig.start(10_000);
    expect(rig.running).toEqual(['worker/web']);
  });

  it('S11: a host whose services are disabled starts nothing after a reboot, and has both flags', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.controller.kill();
    rig.reboot();
    await rig.start(30_000);
    expect([rig.begun, rig.flags]).toEqual([[], 'both']);
  });

  it('starts them after a boot as soon as a controller answered, and not before the grace without one', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.reboot();
    await rig.start(1_500);
    expect(rig.running).toEqual(['worker/web']);
    rig.controller.kill();
    rig.reboot();
    await rig.start(1_500);
    expect(rig.running).toEqual([]);
    await rig.run(1_500);
    expect(rig.running).toEqual(['worker/web']);
  });

  it('F10: a host that is locked while it is down starts nothing when it comes up', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.reboot();
    rig.begun.length = 0;
    rig.controller.declare(LOCKED);
    await rig.start(30_000);
    expect([rig.begun, rig.flags]).toEqual([[], 'both']);
  });

  it('F10: on a slower network, what has started already is stopped within 5 s of contact', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.reboot();
    for (const network of rig.networks) network.silent = true;
    rig.controller.declare(LOCKED);
    await rig.start(8_000);
    expect(rig.running).toEqual(['worker/web']);
    for (const network of rig.networks) network.silent = false;
    await rig.run(5_000);
    expect([rig.running, rig.flags]).toEqual([[], 'both']);
  });

  it('starts them without a grace when the agent alone restarts', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.kill();
    rig.services.kill('worker/web');
    rig.controller.kill();
    await rig.start(1_500);
    expect(rig.running).toEqual(['worker/web']);
  });

  it('I6: takes over the run that a killed agent left, and begins none beside it', async () => {
    const rig = new AgentRig();
    rig.services.get('worker/web').runMs = [4_000, 4_000];
    let overlaps = 0;
    rig.services.onBegin((run) => {
      if (run.overlaps) overlaps += 1;
    });
    await rig.settle(LOCKED);
    rig.controller.declare(UNLOCKED);
    await rig.run(1_000);
    rig.kill();
    await rig.start(10_000);
    expect(rig.running).toEqual(['worker/web']);
    expect([rig.begun, overlaps]).toEqual([['start worker/web'], 0]);
  });

  it('S7: ends the run that a killed agent left when the host was locked meanwhile', async () => {
    const rig = new AgentRig();
    rig.services.get('worker/web').hang = 1;
    rig.services.timeLimitMs = 600_000;
    await rig.settle(LOCKED);
    rig.controller.declare(UNLOCKED);
    await rig.run(1_000);
    rig.kill();
    rig.services.get('worker/web').hang = 0;
    rig.controller.declare(LOCKED);
    await rig.start(10_000);
    expect(rig.running).toEqual([]);
    expect(rig.services.get('worker/web').runs.size).toBe(0);
  });
});
