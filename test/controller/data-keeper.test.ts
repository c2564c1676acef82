// What is kept, how often it is looked at, and what is said of it.
import { describe, expect, it } from 'vitest';
import { DataKeeper, type KeptPart } from '../../controller/data-keeper.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLog } from './fixtures/recording-log.ts';

function keeping(finds: () => Promise<'kept' | 'mended'>, others: readonly KeptPart[] = []) {
  const clock = new FakeClock();
  const log = new RecordingLog();
  let looks = 0;
  const keep = () => {
    looks += 1;
    return finds();
  };
  const keeper = new DataKeeper([{ what: 'store', keep }, ...others], clock, log);
  keeper.start();
  return { clock, log, keeper, looks: () => looks };
}

const said = (log: RecordingLog) => log.lines.map(({ level, fields }) => `${level} ${fields.what}`);

describe('the keeper of the data folder', () => {
  it('looks every second, and says nothing while all is there', async () => {
    const { clock, log, looks } = keeping(async () => 'kept');
    expect(looks()).toBe(0);
    await clock.advance(3_000);
    expect(looks()).toBe(3);
    expect(log.lines).toEqual([]);
  });

  it('says of each part that was put back that it was', async () => {
    const { clock, log } = keeping(async () => 'mended', [{ what: 'socket', keep: async () => 'mended' }]);
    await clock.advance(1_000);
    expect(said(log)).toEqual(['warn store', 'warn socket']);
  });

  it('says once what can not be mended, looks on, and says when it is well again', async () => {
    let why: string | undefined = 'no space left';
    const { clock, log, looks } = keeping(async () => {
      if (why !== undefined) throw new Error(why);
      return 'kept';
    });
    await clock.advance(3_000);
    expect(looks()).toBe(3);
    expect(said(log)).toEqual(['error store']);
    expect(log.lines[0]?.fields).toMatchObject({ why: 'no space left' });
    why = 'read-only file system';
    await clock.advance(2_000);
    expect(said(log)).toEqual(['error store', 'error store']);
    why = undefined;
    await clock.advance(2_000);
    expect(said(log)).toEqual(['error store', 'error store', 'info store']);
  });

  it('lets no part that fails hold back the next', async () => {
    const failing = () => Promise.reject(new Error('no'));
    const { clock, log } = keeping(failing, [{ what: 'socket', keep: async () => 'mended' }]);
    await clock.advance(1_000);
    expect(said(log)).toEqual(['error store', 'warn socket']);
  });

  it('never looks twice at once, and not again once it was stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<'kept'>();
    const { clock, keeper, looks } = keeping(() => promise);
    await clock.advance(5_000);
    expect(looks()).toBe(1);
    const stopped = keeper.stop();
    resolve('kept');
    await stopped;
    await clock.advance(5_000);
    expect(looks()).toBe(1);
  });
});
