import { describe, expect, it } from 'vitest';
import {
  type Condition,
  conditionSchema,
  deriveReady,
  findCondition,
  type ReadyInput,
  stampCondition,
  withCondition,
} from '../../desired-state/conditions.ts';

const EARLY = '2026-01-01T00:00:00.000Z';
const LATE = '2026-01-02T00:00:00.000Z';
const LATEST = '2026-01-03T00:00:00.000Z';

function condition(type: Condition['type'], change: Partial<Condition> = {}): Condition {
  return {
    type,
    status: 'True',
    reason: 'InSync',
    message: '',
    lastTransitionTime: EARLY,
    observedGeneration: 7,
    ...change,
  };
}

const converged: ReadyInput = {
  generation: 7,
  servicesEnabled: true,
  observedGeneration: 7,
  conditions: [
    condition('Online'),
    condition('FlagsInSync'),
    condition('ServicesInSync'),
    condition('GoEnabled'),
  ],
  specChangedAt: EARLY,
};
const withChange = (changed: Condition): ReadyInput => ({
  ...converged,
  conditions: withCondition(converged.conditions, changed),
});
const without = (type: Condition['type']): ReadyInput => ({
  ...converged,
  conditions: converged.conditions.filter((other) => other.type !== type),
});

describe('deriveReady', () => {
  const table: readonly (readonly [string, ReadyInput, string, string, RegExp])[] = [
    ['all is as the spec says', converged, 'True', 'InSync', /as its spec says/],
    ['the host never connected', without('Online'), 'Unknown', 'NeverConnected', /never connected/],
    [
      'the host is offline, whatever it reported',
      withChange(
        condition('Online', { status: 'False', reason: 'Disconnected', message: 'gone since noon' }),
      ),
      'Unknown',
      'Disconnected',
      /gone since noon/,
    ],
    [
      'Online is not known',
      withChange(condition('Online', { status: 'Unknown', reason: 'Starting' })),
      'Unknown',
      'Starting',
      /^$/,
    ],
    [
      'the flags are not as desired',
      withChange(
        condition('FlagsInSync', { status: 'False', reason: 'Blocked', message: 'a folder is in the way' }),
      ),
      'False',
      'Blocked',
      /FlagsInSync is False: a folder is in the way/,
    ],
    [
      'the services are not known',
      withChange(condition('ServicesInSync', { status: 'Unknown', reason: 'TimedOut' })),
      'False',
      'TimedOut',
      /ServicesInSync is Unknown/,
    ],
    [
      'the flags were never reported',
      without('FlagsInSync'),
      'False',
      'Pending',
      /FlagsInSync .* generation 7/,
    ],
    [
      'the flags were reported at an older generation',
      withChange(condition('FlagsInSync', { observedGeneration: 6 })),
      'False',
      'Pending',
      /FlagsInSync/,
    ],
    [
      'a gate fails and services are enabled',
      withChange(condition('GoEnabled', { status: 'False', reason: 'GateFailed' })),
      'False',
      'GateFailed',
      /GoEnabled/,
    ],
    [
      'a gate fails and services are disabled',
      {
        ...withChange(condition('GoEnabled', { status: 'False', reason: 'GateFailed' })),
        servicesEnabled: false,
      },
      'True',
      'InSync',
      /./,
    ],
    [
      'no gate was reported and services are disabled',
      { ...without('GoEnabled'), servicesEnabled: false },
      'True',
      'InSync',
      /./,
    ],
    ['no gate was reported and services are enabled', without('GoEnabled'), 'False', 'Pending', /GoEnabled/],
    [
      'the generation was observed but not acknowledged',
      { ...converged, observedGeneration: 6 },
      'False',
      'Pending',
      /generation 7 has not been acknowledged/,
    ],
    [
      'the spec it remembers is not fresh, which Ready does not ask',
      withChange(condition('SpecFresh', { status: 'False', reason: 'StoreBehind' })),
      'True',
      'InSync',
      /./,
    ],
  ];

  it.each(table)('when %s', (_, input, status, reason, message) => {
    const ready = deriveReady(input);
    expect(ready).toMatchObject({ type: 'Ready', status, reason, observedGeneration: 7 });
    expect(ready.message).toMatch(message);
    expect(conditionSchema.safeParse(ready).success).toBe(true);
  });

  it('dates from the newest of what it is derived from', () => {
    const changed = withChange(condition('ServicesInSync', { lastTransitionTime: LATE }));
    expect(deriveReady(converged).lastTransitionTime).toBe(EARLY);
    expect(deriveReady(changed).lastTransitionTime).toBe(LATE);
    expect(deriveReady({ ...changed, specChangedAt: LATEST }).lastTransitionTime).toBe(LATEST);
  });

  it('does not date from what it does not depend on', () => {
    const changed = withChange(condition('GoEnabled', { lastTransitionTime: LATE }));
    expect(deriveReady({ ...changed, servicesEnabled: false }).lastTransitionTime).toBe(EARLY);
    expect(
      deriveReady(withChange(condition('SpecFresh', { lastTransitionTime: LATE }))).lastTransitionTime,
    ).toBe(EARLY);
  });
});

describe('stampCondition', () => {
  const { lastTransitionTime: _, ...claim } = condition('Online', { reason: 'Connected' });

  it('keeps the time while the status stays, even when reason or message change', () => {
    const previous = condition('Online', { reason: 'Other', message: 'other' });
    expect(stampCondition(claim, previous, LATE)).toEqual({ ...claim, lastTransitionTime: EARLY });
  });

  it('takes the new time when the status changed, or was never known', () => {
    expect(stampCondition(claim, condition('Online', { status: 'False' }), LATE).lastTransitionTime).toBe(
      LATE,
    );
    expect(stampCondition(claim, undefined, LATE).lastTransitionTime).toBe(LATE);
  });
});

describe('withCondition', () => {
  it('puts the condition in the place of the one of its type, and leaves the input alone', () => {
    const before = [condition('Online'), condition('FlagsInSync')];
    const after = withCondition(before, condition('Online', { status: 'False' }));
    expect(after).toHaveLength(2);
    expect(findCondition(after, 'Online')?.status).toBe('False');
    expect(findCondition(before, 'Online')?.status).toBe('True');
    expect(findCondition(after, 'SpecFresh')).toBeUndefined();
  });
});
