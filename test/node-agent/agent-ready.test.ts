import { describe, expect, it } from 'vitest';
import { deriveReady, stampCondition } from '../../desired-state/conditions.ts';
import type { Spec, Status } from '../../desired-state/host.ts';
import { AgentRig, LOCKED, UNLOCKED } from '../support/agent-rig.ts';

/** Ready as the controller derives it, of a host that is online. */
function isReady(status: Status, spec: Spec, generation: number): boolean {
  const now = '2030-01-01T00:00:00.000Z';
  const online = stampCondition(
    { type: 'Online', status: 'True', reason: 'Connected', message: '', observedGeneration: generation },
    undefined,
    now,
  );
  const ready = deriveReady({
    generation,
    servicesEnabled: spec.servicesEnabled,
    observedGeneration: status.observedGeneration,
    conditions: [...status.conditions, online],
    specChangedAt: now,
  });
  return ready.status === 'True';
}

const changes: readonly { readonly what: string; readonly from: Spec; readonly to: Spec }[] = [
  { what: 'an unlock', from: LOCKED, to: UNLOCKED },
  { what: 'a lock', from: UNLOCKED, to: LOCKED },
  { what: 'services enable', from: LOCKED, to: { locked: true, servicesEnabled: true } },
  { what: 'services disable', from: UNLOCKED, to: { locked: false, servicesEnabled: false } },
];

/** Instants around a resync, ms before it: what arrives then meets passes that are under way. */
const instants = Array.from({ length: 51 }, (_, n) => 10 - n);

describe('Ready, whenever a change arrives', () => {
  it.each(changes)('is never reported for $what that is not so yet', async ({ from, to }) => {
    const tooEarly: string[] = [];
    for (const ms of instants) {
      const rig = new AgentRig({ services: ['worker/10-db', 'worker/web'] });
      await rig.settle(from);
      // Gates passed long ago.
      rig.controller.declare({ locked: false, servicesEnabled: true });
      await rig.run(1_000);
      rig.controller.declare(from);
      await rig.run(1_500 - ms);
      rig.controller.declare(to);
      const generation = rig.controller.desired?.generation ?? 0;
      rig.controller.onHeard(({ message }) => {
        if (message.type !== 'status' || !isReady(message.status, to, generation)) return;
        const isSo =
          rig.flags === (to.locked ? 'both' : 'none') && rig.running.length === (to.servicesEnabled ? 2 : 0);
        if (!isSo)
          tooEarly.push(`${ms} ms before the resync: flags ${rig.flags}, running ${rig.running.join()}`);
      });
      await rig.run(10_000);
    }
    expect(tooEarly).toEqual([]);
  });

  it.each(changes)('$what is begun at once', async ({ from, to }) => {
    const late: number[] = [];
    for (const ms of instants) {
      const rig = new AgentRig();
      await rig.settle(from);
      await rig.run(2_500 - ms);
      rig.controller.declare(to);
      await rig.run(1_500);
      const isSo =
        rig.flags === (to.locked ? 'both' : 'none') && rig.running.length === (to.servicesEnabled ? 1 : 0);
      if (!isSo) late.push(ms);
    }
    expect(late).toEqual([]);
  });
});
