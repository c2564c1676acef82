// What may not be on this machine, or not work on it, beside what has to.
import { messageOf } from '../../desired-state/errors.ts';
import type { Bench } from '../bench.ts';
import type { Comparison, Figures } from '../row.ts';

/**
 * Never throws for the comparator: why it has no figures is said in their place.
 * @param measure its figures, or a sentence where it is not on this machine.
 * @throws what the end of the bench throws.
 */
export async function beside(
  bench: Bench,
  name: string,
  measure: () => Promise<Figures | string>,
): Promise<Comparison> {
  try {
    return { name, figures: await measure() };
  } catch (error) {
    bench.signal.throwIfAborted();
    return { name, figures: `could not be measured here (${messageOf(error).trim().split('\n').at(-1)})` };
  }
}
