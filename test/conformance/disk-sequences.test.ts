// The simulated disk against the real one: the same calls in the same order, answer by answer.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { errnoOf } from '../../desired-state/errors.ts';
import type { Disk } from '../../node-agent/disk.ts';
import { LinuxDisk } from '../../node-agent/linux/disk.ts';
import { Prng } from '../simulation/world/prng.ts';
import { SimClock } from '../simulation/world/sim-clock.ts';
import { SimDisk } from '../simulation/world/sim-disk.ts';
import { SimProcess } from '../simulation/world/sim-process.ts';

const SEQUENCES = 40;
const CALLS = 50;
const NAMES = ['a', 'b', 'a/a', 'a/b', 'b/a', 'b/a/b', 'link', 'link/a', 'fifo', 'dangling'] as const;

interface Call {
  readonly text: string;
  readonly begin: (disk: Disk, root: string) => Promise<unknown>;
}

it('answers any sequence of calls as the real disk does', async () => {
  for (let seed = 1; seed <= SEQUENCES; seed += 1) {
    const real = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
    onTestFinished(() => rmSync(real, { recursive: true, force: true }));
    symlinkSync('b', `${real}/link`);
    symlinkSync('nowhere', `${real}/dangling`);
    execFileSync('mkfifo', [`${real}/fifo`]);
    const clock = new SimClock();
    const sim = new SimDisk(clock, new Prng(seed));
    const disk = sim.for(new SimProcess('test', clock));
    sim.byHand.mkdir('/etc/root');
    sim.byHand.link('b', '/etc/root/link');
    sim.byHand.link('nowhere', '/etc/root/dangling');
    sim.byHand.mkfifo('/etc/root/fifo');
    const prng = new Prng(`calls ${seed}`);
    for (let index = 0; index < CALLS; index += 1) {
      const call = anyCall(prng);
      const expected = await answer(call.begin(new LinuxDisk(), real));
      const [answered] = await Promise.all([answer(call.begin(disk, '/etc/root')), clock.runFor(1_000)]);
      expect(answered, `seed ${seed}, call ${index}: ${call.text}`).toEqual(expected);
    }
  }
});

function anyCall(prng: Prng): Call {
  const [one, other] = [prng.pick(NAMES), prng.pick(NAMES)];
  return prng.pick<Call>([
    { text: `kindOf ${one}`, begin: (disk, root) => disk.kindOf(`${root}/${one}`) },
    { text: `read ${one}`, begin: (disk, root) => disk.read(`${root}/${one}`, 3) },
    { text: `list ${one}`, begin: async (disk, root) => [...(await disk.list(`${root}/${one}`))].sort() },
    { text: `makeFolder ${one}`, begin: (disk, root) => disk.makeFolder(`${root}/${one}`) },
    { text: `create ${one}`, begin: (disk, root) => disk.create(`${root}/${one}`, other, 0o644) },
    { text: `create ${one}`, begin: (disk, root) => disk.create(`${root}/${one}`, other, 0o644) },
    { text: `createSynced ${one}`, begin: (disk, root) => disk.createSynced(`${root}/${one}`, other, 0o644) },
    { text: `syncFile ${one}`, begin: (disk, root) => disk.syncFile(`${root}/${one}`) },
    { text: `syncFolder ${one}`, begin: (disk, root) => disk.syncFolder(`${root}/${one}`) },
    {
      text: `rename ${one} ${other}`,
      begin: (disk, root) => disk.rename(`${root}/${one}`, `${root}/${other}`),
    },
    { text: `remove ${one}`, begin: (disk, root) => disk.remove(`${root}/${one}`) },
    {
      text: `resolve ${one}`,
      begin: async (disk, root) =>
        (await disk.resolve(`${root}/${one}`)).replace(await disk.resolve(root), ''),
    },
  ]);
}

/** What it resolved to, or the code of its error. */
async function answer(begun: Promise<unknown>): Promise<unknown> {
  return await begun.catch((error: unknown) => ({ failed: errnoOf(error) ?? String(error) }));
}
