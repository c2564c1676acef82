import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROLES } from '../../../desired-state/host.ts';
import type { Service, ServiceObservation, Verb } from '../../../reconcilers/services/service-driver.ts';
import {
  compareServices,
  planServices,
  type ServicePlanInput,
} from '../../../reconcilers/services/service-plan.ts';

const NOW_MS = 100_000;

const serviceArbitrary: fc.Arbitrary<Service> = fc
  .record({
    set: fc.constantFrom(...ROLES),
    group: fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
    letter: fc.constantFrom('a', 'b', 'c'),
  })
  .map(({ set, group, letter }) => {
    const name = group === null ? letter : `0${group}-${letter}`;
    return { id: `${set}/${name}`, name, set, group };
  });

const verb = fc.constantFrom<Verb[]>('start', 'stop');
const factsArbitrary = fc.record({
  service: serviceArbitrary,
  state: fc.constantFrom('running' as const, 'stopped' as const, 'unknown' as const),
  operation: fc.option(verb, { nil: undefined }),
  isWaiting: fc.boolean(),
  history: fc.option(
    fc.record({
      verb,
      attempts: fc.integer({ min: 0, max: 5 }),
      notBeforeMs: fc.integer({ min: NOW_MS - 2_000, max: NOW_MS + 5_000 }),
    }),
    { nil: undefined },
  ),
});
const hold = fc.option(fc.constant({ reason: 'Held', message: 'something holds it' }), { nil: undefined });

const inputArbitrary: fc.Arbitrary<ServicePlanInput> = fc
  .record({
    enabled: fc.constantFrom(true, false, 'leave' as const),
    startsHeldBy: hold,
    stopsHeldBy: hold,
    facts: fc.uniqueArray(factsArbitrary, { selector: ({ service }) => service.id, maxLength: 12 }),
  })
  .map(({ facts, ...rest }) => ({
    ...rest,
    observed: facts.map(({ service, state }) => ({ service, state, message: '', recorded: false })),
    stale: new Set<string>(),
    inFlight: new Map(
      facts.flatMap(({ service, operation, isWaiting }) =>
        operation === undefined ? [] : [[service.id, { service, verb: operation, isWaiting }] as const],
      ),
    ),
    history: new Map(
      facts.flatMap(({ service, history }) =>
        history === undefined ? [] : [[service.id, history] as const],
      ),
    ),
    nowMs: NOW_MS,
  }));

const placeOf = ({ set, group }: Service) => `${set} ${group ?? 'last'}`;
const wantedVerb = ({ enabled }: ServicePlanInput): Verb => (enabled === true ? 'start' : 'stop');
const isDue = (input: ServicePlanInput, { service, state }: ServiceObservation) =>
  state === (input.enabled === true ? 'stopped' : 'running') && !input.inFlight.has(service.id);

/** No failure of this verb is known of it: it makes the places after its own wait. */
function isFirstTry(input: ServicePlanInput, id: string): boolean {
  const history = input.history.get(id);
  return history?.verb !== wantedVerb(input) || history.attempts === 0;
}

describe('planServices, for every input', () => {
  it('I6: takes no step for a service whose operation is under way but to end it, and one at most for each', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { steps } = planServices(input);
        for (const { kind, target } of steps) expect(kind === 'abort').toBe(input.inFlight.has(target));
        expect(new Set(steps.map(({ target }) => target)).size).toBe(steps.length);
      }),
    );
  });

  it('I3: starts only what is enabled, stopped and held by nothing', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const starts = planServices(input).steps.filter(({ kind }) => kind === 'start');
        if (input.enabled !== true || input.startsHeldBy !== undefined) expect(starts).toEqual([]);
        for (const { target } of starts) {
          expect(input.observed.find(({ service }) => service.id === target)?.state).toBe('stopped');
        }
      }),
    );
  });

  it('touches nothing that is to be left, and nothing that is unknown', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { steps } = planServices(input);
        if (input.enabled === 'leave') expect(steps).toEqual([]);
        const unknown = input.observed.filter(({ state }) => state === 'unknown');
        const begun = steps.filter(({ kind }) => kind !== 'abort').map(({ target }) => target);
        for (const { service } of unknown) expect(begun).not.toContain(service.id);
      }),
    );
  });

  it('I2: gives each service that is not as desired a step, or a reason why not', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        fc.pre(input.enabled !== 'leave');
        const { steps, blocked } = planServices(input);
        const named = [...steps.filter(({ kind }) => kind !== 'abort'), ...blocked].map(
          ({ target }) => target,
        );
        const due = input.observed.filter((one) => isDue(input, one)).map(({ service }) => service.id);
        const isHeld = (input.enabled === true ? input.startsHeldBy : input.stopsHeldBy) !== undefined;
        const inQueue = [...input.inFlight.values()]
          .filter((operation) => operation.isWaiting && operation.verb === wantedVerb(input) && !isHeld)
          .map(({ service }) => service.id);
        expect([...named].sort()).toEqual([...due, ...inQueue].sort());
        for (const { reason, message } of blocked) {
          expect(reason).toMatch(/^[A-Z][A-Za-z0-9]*$/);
          expect(message).not.toBe('');
        }
      }),
    );
  });

  it('begins nothing in a place before those that come first are through with their first try', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const begun = planServices(input).steps.filter(({ kind }) => kind !== 'abort');
        const direction = input.enabled === true ? 1 : -1;
        const open = [
          ...input.observed.filter((one) => isDue(input, one)).map(({ service }) => service),
          ...[...input.inFlight.values()]
            .filter((operation) => operation.verb === wantedVerb(input))
            .map(({ service }) => service),
        ].filter(({ id }) => isFirstTry(input, id));
        for (const { service } of begun) {
          for (const other of open) {
            if (placeOf(other) === placeOf(service)) continue;
            expect(direction * compareServices(service, other)).toBeLessThan(0);
          }
        }
      }),
    );
  });

  it('looks again when the first that is backed off is due, never later and never at once', () => {
    fc.assert(
      fc.property(inputArbitrary, (input) => {
        const { blocked, nextInMs } = planServices(input);
        const waits = blocked
          .filter(({ reason }) => reason === 'BackedOff')
          .map(({ target }) => (input.history.get(target)?.notBeforeMs ?? 0) - NOW_MS);
        expect(nextInMs).toBe(waits.length === 0 ? undefined : Math.min(...waits));
        if (nextInMs !== undefined) expect(nextInMs).toBeGreaterThan(0);
      }),
    );
  });

  it('converges: runs that succeed bring every known service to what is desired, place after place', () => {
    const world = fc.record({
      enabled: fc.boolean(),
      facts: fc.uniqueArray(factsArbitrary, { selector: ({ service }) => service.id, maxLength: 12 }),
    });
    fc.assert(
      fc.property(world, ({ enabled, facts }) => {
        const states = new Map(facts.map(({ service, state }) => [service.id, state]));
        const touched: Service[] = [];
        const plan = () =>
          planServices({
            enabled,
            startsHeldBy: undefined,
            stopsHeldBy: undefined,
            observed: facts.map(({ service }) => ({
              service,
              state: states.get(service.id) ?? 'unknown',
              message: '',
              recorded: false,
            })),
            stale: new Set(),
            inFlight: new Map(),
            history: new Map(),
            nowMs: NOW_MS,
          });
        let rounds = 0;
        for (let { steps } = plan(); steps.length > 0; { steps } = plan()) {
          for (const { service, kind } of steps) {
            states.set(service.id, kind === 'start' ? 'running' : 'stopped');
            touched.push(service);
          }
          rounds += 1;
          expect(rounds).toBeLessThanOrEqual(facts.length);
        }
        const others = enabled ? 'stopped' : 'running';
        expect([...states.values()]).not.toContain(others);
        const inOrder = [...touched].sort((a, b) => (enabled ? 1 : -1) * compareServices(a, b));
        expect(touched.map(placeOf)).toEqual(inOrder.map(placeOf));
      }),
    );
  });
});
