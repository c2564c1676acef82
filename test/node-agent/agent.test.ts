import { describe, expect, it } from 'vitest';
import type { FlagName } from '../../reconcilers/flags/flag-files.ts';
import { AgentRig, FLAG_PATHS, LOCKED, STATE_DIR, UNLOCKED } from '../support/agent-rig.ts';
import { silentMonitor } from '../support/silent-monitor.ts';

const flagSets: readonly { readonly what: string; readonly flags: readonly FlagName[] }[] = [
  { what: 'the volatile flag', flags: ['volatile'] },
  { what: 'the persistent flag', flags: ['persistent'] },
  { what: 'both flags', flags: ['volatile', 'persistent'] },
];

describe('flags of a host whose agent runs', () => {
  it('F1 F3: a locked host has both, two plain files, readable by all', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    expect(rig.flags).toBe('both');
    expect([rig.disk.modeNow(FLAG_PATHS.volatile), rig.disk.modeNow(FLAG_PATHS.persistent)]).toEqual([
      0o644, 0o644,
    ]);
    expect(rig.disk.contentNow(FLAG_PATHS.persistent)).toBe(
      'This node is currently in the administratively locked state\ngeneration: 1\nsince: 2030-01-01T00:00:00.000Z\nreason: to begin with\n',
    );
    expect(rig.condition('FlagsInSync')).toBe('True AsDesired');
  });

  it('F2 F3: an unlocked host has neither', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    expect(rig.flags).toBe('none');
    expect(rig.condition('FlagsInSync')).toBe('True AsDesired');
  });

  it.each(flagSets)('F5: recreates on a locked host what is deleted of $what, at once', async ({ flags }) => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    for (const flag of flags) rig.disk.byHand.rm(FLAG_PATHS[flag]);
    await rig.run(1_000);
    expect(rig.flags).toBe('both');
  });

  it.each(flagSets)(
    'F6: removes on an unlocked host what is created of $what, at once',
    async ({ flags }) => {
      const rig = new AgentRig();
      await rig.settle(UNLOCKED);
      for (const flag of flags) rig.disk.byHand.touch(FLAG_PATHS[flag]);
      await rig.run(1_000);
      expect(rig.flags).toBe('none');
    },
  );

  it('F3: makes a flag readable by all again at once, says so, and leaves the other one', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    for (const path of Object.values(FLAG_PATHS)) {
      rig.writes.length = 0;
      rig.disk.byHand.chmod(path, 0);
      await rig.run(100);
      expect(rig.disk.modeNow(path)).toBe(0o644);
      expect(rig.writes.filter((write) => write.startsWith('rename'))).toEqual([
        `rename ${path}.lockstep-tmp -> ${path}`,
      ]);
      expect(rig.status?.corrections.at(-1)?.message ?? '').toContain(
        'the flag has mode 0000 instead of 0644',
      );
    }
    expect(rig.condition('FlagsInSync')).toBe('True AsDesired');
  });

  it('F5 F6: mends within the resync what no event told of', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.disk.watches.loss = 1;
    rig.disk.byHand.rm(FLAG_PATHS.persistent);
    await rig.run(5_100);
    expect(rig.flags).toBe('both');
    rig.controller.declare(UNLOCKED);
    await rig.run(1_000);
    rig.disk.byHand.touch(FLAG_PATHS.volatile);
    await rig.run(5_100);
    expect(rig.flags).toBe('none');
  });

  it('F5: reports each correction once, with how long it took', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    const before = rig.status?.corrections.length ?? 0;
    rig.disk.byHand.rm(FLAG_PATHS.volatile);
    await rig.run(3_000);
    const corrections = rig.status?.corrections.slice(before) ?? [];
    expect(corrections.map(({ message }) => message)).toEqual([
      'volatile flag restored: the host is locked and the flag is missing',
    ]);
    expect(rig.controller.of('event').at(-1)?.event).toMatchObject({ reason: 'FlagRestored', generation: 1 });
  });

  it('I9: replaces a link in the place of a flag, and leaves what it points to', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.disk.byHand.write('/etc/important', 'keep me');
    rig.disk.byHand.rm(FLAG_PATHS.persistent);
    rig.disk.byHand.link('/etc/important', FLAG_PATHS.persistent);
    await rig.run(6_000);
    expect(rig.flags).toBe('both');
    expect(rig.disk.contentNow('/etc/important')).toBe('keep me');
  });

  it('I9: reports a folder in the place of a flag, does not delete it, and goes on once it is gone', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.disk.byHand.mkdir(FLAG_PATHS.persistent);
    rig.disk.byHand.touch(FLAG_PATHS.volatile);
    await rig.run(11_000);
    expect(rig.flags).toBe('volatile');
    expect(rig.disk.kindNow(FLAG_PATHS.persistent)).toBe('folder');
    expect(rig.condition('FlagsInSync')).toBe('False FlagBlocked');
    rig.disk.byHand.rm(FLAG_PATHS.persistent);
    await rig.run(5_100);
    expect(rig.flags).toBe('none');
  });

  it('makes a missing parent folder of a flag again', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.disk.byHand.rm('/etc/mtc');
    await rig.run(5_100);
    expect(rig.flags).toBe('both');
  });

  it('locks with the volatile flag alone while the persistent one cannot be written, and says so', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    const mend = rig.disk.faults.add({ code: 'EROFS', under: FLAG_PATHS.persistent });
    rig.controller.declare(LOCKED);
    await rig.run(3_000);
    expect(rig.flags).toBe('volatile');
    expect(rig.condition('FlagsInSync')).toBe('False FlagWriteFailed');
    expect(rig.controller.of('status').at(-1)?.status.observedGeneration).toBe(1);
    mend();
    await rig.run(5_100);
    expect(rig.flags).toBe('both');
    expect(rig.controller.of('status').at(-1)?.status.observedGeneration).toBe(2);
  });
});

describe('a lock or unlock under way', () => {
  /** What the agent does at the flags' own paths. */
  const moves = (rig: AgentRig) =>
    rig.writes.filter((write) => /^(rename|remove) .*\.node_locked$/.test(write)).map(shorten);
  const shorten = (write: string) =>
    `${write.split(' ')[0]} ${write.endsWith(FLAG_PATHS.persistent) ? 'persistent' : 'volatile'}`;

  it('F7: moves each flag once, the persistent one first, with no flicker', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    let before = moves(rig).length;
    rig.controller.declare(LOCKED);
    await rig.run(20_000);
    expect(moves(rig).slice(before)).toEqual(['rename persistent', 'rename volatile']);
    before = moves(rig).length;
    rig.controller.declare(UNLOCKED);
    await rig.run(20_000);
    expect(moves(rig).slice(before)).toEqual(['remove persistent', 'remove volatile']);
  });

  it('I1 F8: acknowledges a change only once copy and persistent flag are durably so', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    const durable: string[] = [];
    rig.controller.onHeard(({ message }) => {
      if (message.type !== 'status' || message.status.observedGeneration !== 2) return;
      durable.push(rig.disk.durableKind(FLAG_PATHS.persistent));
      for (const copy of ['desired-a.json', 'desired-b.json']) {
        durable.push(String(rig.disk.durableContent(`${STATE_DIR}/${copy}`)?.includes('generation\\":2')));
      }
    });
    rig.controller.declare(UNLOCKED);
    await rig.run(100);
    expect(durable.slice(0, 3)).toEqual(['absent', 'true', 'true']);
  });

  it('F12: logs each lock and each unlock once, with the network that brought it', async () => {
    const rig = new AgentRig({ networks: ['management', 'cluster'] });
    await rig.settle(UNLOCKED);
    for (const spec of [LOCKED, UNLOCKED, LOCKED]) {
      rig.controller.declare(spec);
      await rig.run(10_000);
    }
    expect(rig.log.count('info', 'host locked')).toBe(2);
    expect(rig.log.count('info', 'host unlocked')).toBe(2);
    const networks = rig.log
      .lines()
      .filter(({ message }) => /^host (un)?locked$/.test(message))
      .map(({ fields }) => fields.network);
    for (const network of networks) expect(['management', 'cluster']).toContain(network);
  });

  it('F16 F17: takes a lock over either network while the other is down', async () => {
    for (const down of [0, 1]) {
      const rig = new AgentRig({ networks: ['management', 'cluster'] });
      await rig.settle(UNLOCKED);
      const network = rig.networks[down];
      if (network === undefined) throw new Error('no such network');
      network.silent = true;
      rig.controller.declare(LOCKED);
      await rig.run(1_000);
      expect(rig.flags).toBe('both');
    }
  });

  it('F13: refuses a message that it does not know, logs it once as an unknown command, and goes on', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    rig.controller.say('{"type":"self-destruct"}');
    rig.controller.say('{"type":"self-destruct"}');
    rig.controller.say('not even JSON');
    await rig.run(100);
    expect(rig.controller.of('nack').map(({ re }) => re)).toEqual([
      'self-destruct',
      'self-destruct',
      'malformed',
    ]);
    expect(rig.log.count('warn', 'unknown command')).toBe(1);
    rig.controller.declare(LOCKED);
    await rig.run(1_000);
    expect(rig.flags).toBe('both');
  });

  it('I5: refuses a lower generation, says so once, and takes the next one above its own', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.controller.declare(LOCKED);
    await rig.run(1_000);
    rig.controller.desired = { type: 'desired', generation: 1, spec: UNLOCKED };
    for (let n = 0; n < 5; n += 1) rig.controller.say(JSON.stringify(rig.controller.desired));
    await rig.run(20_000);
    expect(rig.flags).toBe('both');
    expect(rig.running).toEqual([]);
    expect(rig.condition('SpecFresh')).toBe('False StoreBehind');
    expect(rig.log.lines().filter(({ message }) => message.startsWith('desired state refused'))).toHaveLength(
      1,
    );
    rig.controller.desired = { type: 'desired', generation: 2, spec: LOCKED };
    rig.controller.declare(UNLOCKED);
    await rig.run(5_000);
    expect(rig.flags).toBe('none');
    expect(rig.condition('SpecFresh')).toBe('True Confirmed');
  });

  it('refuses the same generation with another spec, and says so', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.controller.say(JSON.stringify({ type: 'desired', generation: 1, spec: UNLOCKED }));
    await rig.run(1_000);
    expect(rig.flags).toBe('both');
    expect(rig.condition('SpecFresh')).toBe('False Contradiction');
  });

  it('F18 I4: goes on healing without any network, and acts on nothing but what it knows', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.controller.kill();
    rig.disk.byHand.rm(FLAG_PATHS.persistent);
    await rig.run(60_000);
    expect(rig.flags).toBe('both');
    expect(rig.condition('SpecFresh')).toBe('False NoController');
    rig.controller.declare(UNLOCKED);
    rig.controller.start();
    await rig.run(6_000);
    expect(rig.flags).toBe('none');
  });
});

describe('what a mended flag leads to', () => {
  /** A rig with the looks asked for, and the watch armed anew: `services asked at 31000`, in simulated time. */
  function noting() {
    const told: string[] = [];
    const rig = new AgentRig({
      adjust: ({ flagWatch }) => ({
        monitor: {
          ...silentMonitor,
          passAsked: (key) => told.push(`${key} asked at ${rig.clock.monotonicMs()}`),
          passEnded: (key, outcome, atMs) => told.push(`${key} ended at ${atMs}: ${outcome}`),
        },
        flagWatch: {
          start: (listener) => flagWatch.start(listener),
          rearm: () => {
            told.push(`armed at ${rig.clock.monotonicMs()}`);
            flagWatch.rearm();
          },
          close: () => flagWatch.close(),
        },
      }),
    });
    const of = (what: string) => told.filter((line) => line.startsWith(what));
    return { rig, told, of };
  }

  it.each([
    ['locked', LOCKED, 'rm'],
    ['unlocked', UNLOCKED, 'touch'],
  ] as const)('on a %s host where nothing waits for it: no look at services', async (_what, spec, hand) => {
    const { rig, told, of } = noting();
    await rig.settle(spec);
    told.length = 0;
    for (let n = 0; n < 5; n += 1) {
      rig.disk.byHand[hand](FLAG_PATHS.volatile);
      await rig.run(300);
      expect(rig.flags).toBe(spec.locked ? 'both' : 'none');
    }
    expect(of('flags ended').length).toBeGreaterThanOrEqual(5);
    expect(of('services')).toEqual([]);
  });

  it('where something was held by the flags: a look at services at once', async () => {
    const { rig, told, of } = noting();
    await rig.settle(LOCKED);
    const mend = rig.disk.faults.add({ code: 'EROFS', under: FLAG_PATHS.persistent });
    rig.controller.declare(UNLOCKED);
    await rig.run(5_200);
    expect(rig.condition('ServicesInSync')).toBe('False FlagsNotAsDesired');
    mend();
    told.length = 0;
    await rig.clock.runUntil(() => of('flags ended').length > 0, 4_500);
    const [ended] = of('flags ended');
    const [, endedAtMs] = /at (\d+(?:\.\d+)?): settled/.exec(ended ?? '') ?? [];
    expect(of('services asked')).toEqual([`services asked at ${endedAtMs}`]);
    // No resync had a part in it.
    expect(of('flags asked')).toHaveLength(1);
    await rig.run(1_000);
    expect(rig.running).toEqual(['worker/web']);
    told.length = 0;
    rig.disk.byHand.touch(FLAG_PATHS.volatile);
    await rig.run(100);
    expect([rig.flags, of('services')]).toEqual(['none', []]);
  });

  it('at a resync the watch is armed anew, at a correction it is not', async () => {
    const { rig, told, of } = noting();
    await rig.settle(LOCKED);
    // Right after a resync.
    await rig.run(2_600);
    told.length = 0;
    for (let n = 0; n < 5; n += 1) {
      rig.disk.byHand.rm(FLAG_PATHS.volatile);
      await rig.run(300);
    }
    expect(of('flags ended').length).toBeGreaterThanOrEqual(5);
    expect(of('armed')).toEqual([]);
    await rig.run(20_000);
    expect(of('armed')).toHaveLength(4);
  });
});

describe('a host that does nothing but be as desired', () => {
  it.each([
    ['locked', LOCKED],
    ['unlocked', UNLOCKED],
  ])('I7 S4: %s, sends nothing but heartbeats in 60 s', async (_what, spec) => {
    const rig = new AgentRig();
    await rig.settle(spec);
    const before = rig.controller.heard.length;
    const lines = rig.log.lines().length;
    await rig.run(60_000);
    const types = rig.controller.heard.slice(before).map(({ message }) => message.type);
    expect(types).toEqual(Array.from({ length: 12 }, () => 'heartbeat'));
    expect(rig.log.lines()).toHaveLength(lines);
  });

  it('I7: writes nothing to its disk in 60 s', async () => {
    const rig = new AgentRig();
    await rig.settle(LOCKED);
    rig.controller.declare(LOCKED, { since: '2030-01-01T00:00:00.000Z', reason: 'disk swap' });
    await rig.run(5_000);
    const before = rig.writes.length;
    await rig.run(60_000);
    expect(rig.writes.slice(before)).toEqual([]);
  });

  it('leaves flags, services and runs under way as they are when it is stopped', async () => {
    const rig = new AgentRig();
    await rig.settle(UNLOCKED);
    const stopping = rig.agent?.stop();
    await rig.run(1_000);
    await stopping;
    rig.disk.byHand.touch(FLAG_PATHS.volatile);
    const heard = rig.controller.heard.length;
    await rig.run(30_000);
    expect(rig.running).toEqual(['worker/web']);
    expect(rig.flags).toBe('volatile');
    expect(rig.controller.heard).toHaveLength(heard);
  });
});
