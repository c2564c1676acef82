// What holds whatever people and agents do, in any order.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Agents } from '../../controller/agents.ts';
import { AgentGateway } from '../../controller/gateway/agent-gateway.ts';
import { Hosts } from '../../controller/hosts.ts';
import { LockstepError } from '../../desired-state/errors.ts';
import { sameSpec } from '../../desired-state/host.ts';
import { MemoryStore } from '../../desired-state/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AgentEnd, heartbeatOf, helloOf, statusOf } from './fixtures/agent-end.ts';
import { RecordingLog } from './fixtures/recording-log.ts';

const ALICE = { actor: 'alice', network: 'local' };

function fresh() {
  const parts = { store: new MemoryStore(), clock: new FakeClock(), log: new RecordingLog() };
  return { ...parts, hosts: new Hosts(parts), agents: new Agents(parts) };
}

const name = fc.constantFrom('a', 'b');
const spec = fc.record({ locked: fc.boolean(), servicesEnabled: fc.boolean() });
const remembers = fc.option(fc.record({ generation: fc.nat(12), spec: fc.option(spec) }));
const wish = fc.record({ locked: fc.boolean(), servicesEnabled: fc.boolean() }, { requiredKeys: [] });

type Step = (useCases: { readonly hosts: Hosts; readonly agents: Agents }) => Promise<unknown>;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ name, spec: fc.option(spec, { nil: undefined }) }).map(
    (declaration): Step =>
      ({ hosts }) =>
        hosts.declare(declaration, ALICE),
  ),
  fc.tuple(name, wish).map(
    ([host, wanted]): Step =>
      ({ hosts }) =>
        hosts.change({ names: [host] }, wanted, ALICE),
  ),
  fc.tuple(name, fc.boolean()).map(
    ([host, force]): Step =>
      ({ hosts }) =>
        hosts.remove(host, { force }, ALICE),
  ),
  fc.tuple(name, remembers).map(
    ([host, known]): Step =>
      ({ agents }) =>
        agents.welcome(helloOf(host, known), 'local'),
  ),
  fc.tuple(name, fc.nat(12)).map(
    ([host, generation]): Step =>
      ({ agents }) =>
        agents.report(host, statusOf(generation)),
  ),
);

it('a generation never goes backwards, and rises with every change of the spec', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { store, ...useCases } = fresh();
      for (const take of steps) {
        const before = await store.list();
        await take(useCases).catch(onlyRefusals);
        for (const old of before.records) {
          const now = await store.get(old.name);
          expect(now?.generation).toBeGreaterThanOrEqual(old.generation);
          expect(now?.reportedGeneration).toBeGreaterThanOrEqual(old.reportedGeneration);
          if (now !== undefined && !sameSpec(now.spec, old.spec)) {
            expect(now.generation).toBeGreaterThan(Math.max(old.generation, old.reportedGeneration));
          }
        }
      }
    }),
  );
});

it('an explicit lock always gets a number that the agent will take, or the agent has it already', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.nat(20), spec, async (steps, generation, held) => {
      const { store, hosts, agents } = fresh();
      for (const take of steps) await take({ hosts, agents }).catch(onlyRefusals);
      await hosts.declare({ name: 'a' }, ALICE);
      await agents.welcome(helloOf('a', { generation, spec: held }), 'local');
      await hosts.change({ names: ['a'] }, { locked: true, servicesEnabled: false }, ALICE);
      const record = await store.get('a');
      expect(record?.spec.locked).toBe(true);
      const takes = (record?.generation ?? 0) > generation;
      const hasIt = record?.generation === generation && held.locked && !held.servicesEnabled;
      expect(takes || hasIt).toBe(true);
    }),
  );
});

const brokenMessage = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record({ type: fc.string({ maxLength: 80 }) }, { requiredKeys: ['type'] })
    .map((value) => JSON.stringify(value)),
  fc
    .tuple(
      fc.constantFrom(helloOf('a'), heartbeatOf(1), { type: 'status', status: statusOf(1) }),
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.jsonValue(),
    )
    .map(([message, key, value]) => JSON.stringify({ ...message, [key]: value })),
);

it('I10 no message ends the gateway: whatever is sent, a good agent is served', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(brokenMessage, { maxLength: 30 }), async (messages) => {
      const { store, clock, log, hosts } = fresh();
      const gateway = new AgentGateway({ hosts, store, clock, log });
      await gateway.start();
      const bad = new AgentEnd();
      gateway.accept(bad.connection, 'local');
      for (const message of messages) await bad.say(message);
      const good = new AgentEnd();
      gateway.accept(good.connection, 'local');
      await good.say(helloOf('good'));
      expect(good.heard).toMatchObject([{ type: 'desired', generation: 1 }]);
      expect(await good.say(heartbeatOf(1))).toEqual([{ type: 'ack', re: 'heartbeat', generation: 1 }]);
      await gateway.stop();
    }),
  );
});

function onlyRefusals(error: unknown): void {
  if (!(error instanceof LockstepError)) throw error;
}
