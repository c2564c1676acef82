import { expect, it } from 'vitest';
import { PatientLook } from '../../../../node-agent/linux/scripts/patient-look.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const patientLook = new PatientLook(clock);
  let begun = 0;
  const look = (answer: Promise<string>) =>
    patientLook.within(() => {
      begun += 1;
      return answer;
    });
  return { clock, look, begun: () => begun };
}

it('gives what came of a look, and what it throws', async () => {
  const { clock, look } = setUp();
  expect(await look(Promise.resolve('well'))).toBe('well');
  await expect(look(Promise.reject(new Error('unwell')))).rejects.toThrow('unwell');
  expect(clock.timers).toBe(0);
});

it('begins one look at a time', async () => {
  const { clock, look, begun } = setUp();
  const slow = Promise.withResolvers<string>();
  const both = [look(slow.promise), look(Promise.resolve('quick'))];
  await clock.advance(1_999);
  expect(begun()).toBe(1);
  slow.resolve('slow');
  expect(await Promise.all(both)).toEqual(['slow', 'quick']);
});

it('gives up after 2 s, and begins no other look before the one that hung has ended', async () => {
  const { clock, look, begun } = setUp();
  for (const end of [
    (hanging: PromiseWithResolvers<string>) => hanging.resolve('late'),
    (hanging: PromiseWithResolvers<string>) => hanging.reject(new Error('late')),
  ]) {
    const hanging = Promise.withResolvers<string>();
    const first = look(hanging.promise);
    await clock.advance(2_000);
    expect(await first).toBeUndefined();
    const begunBefore = begun();
    expect(await look(Promise.resolve('well'))).toBeUndefined();
    expect(begun()).toBe(begunBefore);
    end(hanging);
    await clock.advance(0);
    expect(await look(Promise.resolve('well'))).toBe('well');
  }
});
