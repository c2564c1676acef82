import { describe, expect, it } from 'vitest';
import { describeStolen } from '../../bench/bench.ts';
import { processorTime } from '../../bench/proc.ts';

const STAT = 'cpu  2225359 3696 791751 3683805 26365 0 13529 105275 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n';

describe('time that the hypervisor gave to others', () => {
  it('is read of all processors together, with time of guests counted once', () => {
    expect(processorTime(STAT)).toEqual({ stolenMs: 1_052_750, allMs: 68_497_800 });
  });

  it('is read of this machine', () => {
    const { stolenMs, allMs } = processorTime();
    expect(allMs).toBeGreaterThan(stolenMs);
  });

  it('is told as a share of all time meanwhile, and not at all where there was none', () => {
    const before = { stolenMs: 1_000, allMs: 10_000 };
    expect(describeStolen(before, { stolenMs: 1_050, allMs: 20_000 })).toEqual([
      expect.stringContaining("0.50 % of the processors' time"),
    ]);
    expect(describeStolen(before, { stolenMs: 1_000, allMs: 20_000 })).toEqual([]);
  });
});
