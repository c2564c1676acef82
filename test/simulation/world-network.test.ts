import { describe, expect, it } from 'vitest';
import type { Connection } from '../../desired-state/wire.ts';
import { Prng } from './world/prng.ts';
import { SimClock } from './world/sim-clock.ts';
import { SimNetwork } from './world/sim-network.ts';
import { SimProcess } from './world/sim-process.ts';

/** An agent and a controller that notes what it hears, `connection number: text`. */
function makeWorld(seed: number | string = 1) {
  const clock = new SimClock();
  const network = new SimNetwork('management', clock, new Prng(seed));
  const [agent, controller] = [new SimProcess('agent', clock), new SimProcess('controller', clock)];
  const heard: string[] = [];
  const accepted: Connection[] = [];
  const listen = () =>
    network.listen(controller, (connection, name) => {
      const number = accepted.push(connection);
      heard.push(`${number} opened on ${name}`);
      connection.onMessage((text) => heard.push(`${number}: ${text}`));
      connection.onClose(() => heard.push(`${number} closed`));
    });
  const dial = async (signal = new AbortController().signal) => {
    const [[dialled]] = await Promise.all([
      Promise.allSettled([network.transport(agent).dial(signal)]),
      clock.runFor(100),
    ]);
    if (dialled.status === 'rejected') throw dialled.reason;
    return dialled.value;
  };
  return { clock, network, agent, controller, heard, accepted, listen, dial };
}

describe('a simulated connection', () => {
  it('carries texts in order, both ways, and tells both ends of its close', async () => {
    const { clock, network, heard, accepted, listen, dial } = makeWorld();
    listen();
    const connection = await dial();
    const answers: string[] = [];
    connection.onMessage((text) => answers.push(text));
    connection.onClose((reason) => answers.push(reason));
    for (let number = 0; number < 50; number += 1) connection.send(String(number));
    accepted[0]?.send('welcome');
    await clock.runFor(1_000);
    expect(heard).toEqual(['1 opened on management', ...Array.from({ length: 50 }, (_, n) => `1: ${n}`)]);
    connection.close('done');
    connection.send('too late');
    accepted[0]?.send('too late');
    await clock.runFor(1_000);
    expect(heard.at(-1)).toBe('1 closed');
    expect(answers).toEqual(['welcome', 'done']);
    expect(network.openConnections).toBe(0);
  });

  it('keeps what arrives before anybody listens', async () => {
    const { clock, accepted, listen, dial } = makeWorld();
    listen();
    const connection = await dial();
    accepted[0]?.send('a');
    accepted[0]?.send('b');
    await clock.runFor(1_000);
    const seen: string[] = [];
    connection.onMessage((text) => seen.push(text));
    await clock.runFor(0);
    expect(seen).toEqual(['a', 'b']);
  });

  it('is refused when nobody listens, when it is unlucky, and when the controller is dead', async () => {
    const { network, controller, listen, dial } = makeWorld();
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    listen();
    network.refusal = 1;
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    network.refusal = 0;
    await dial();
    controller.kill();
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('gives a dial up when asked to, and closes what was opened meanwhile', async () => {
    const { clock, network, heard, listen, dial } = makeWorld();
    listen();
    const giveUp = new AbortController();
    network.latencyMs = [10, 10];
    clock.setTimer(15, () => giveUp.abort(new Error('too slow')));
    await expect(dial(giveUp.signal)).rejects.toThrow('too slow');
    await clock.runFor(100);
    expect(heard).toEqual(['1 opened on management', '1 closed']);
    await expect(dial(giveUp.signal)).rejects.toThrow('too slow');
    expect(network.openConnections).toBe(0);
  });

  it('ends at both ends, each in its own time, when it is cut', async () => {
    const gaps = new Set<boolean>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { clock, network, heard, listen, dial } = makeWorld(seed);
      listen();
      const connection = await dial();
      connection.onClose(() => heard.push('agent closed'));
      network.cut();
      connection.send('lost');
      await clock.runFor(5_000);
      expect([...heard].sort()).toEqual(['1 closed', '1 opened on management', 'agent closed']);
      gaps.add(heard[1] === 'agent closed');
    }
    expect(gaps).toEqual(new Set([true, false]));
  });

  it('closes for the peer of a killed process, and never for that of a machine without power', async () => {
    for (const death of ['killed', 'power-cut'] as const) {
      const { clock, agent, heard, listen, dial } = makeWorld(death);
      listen();
      const connection = await dial();
      agent.kill(death);
      connection.send('from the dead');
      await clock.runFor(60_000);
      expect(heard).toEqual(['1 opened on management', ...(death === 'killed' ? ['1 closed'] : [])]);
    }
  });
});

describe('a silent network', () => {
  it('tells nobody: messages and dials wait, and arrive once it is heard again', async () => {
    const { clock, network, agent, heard, listen, dial } = makeWorld();
    listen();
    const connection = await dial();
    network.silent = true;
    connection.send('a');
    connection.send('b');
    let dialled = false;
    void network
      .transport(agent)
      .dial(new AbortController().signal)
      .then(() => {
        dialled = true;
      });
    await clock.runFor(60_000);
    expect([heard, dialled]).toEqual([['1 opened on management'], false]);
    network.silent = false;
    connection.send('c');
    await clock.runFor(1_000);
    expect(heard.filter((line) => line.startsWith('1:'))).toEqual(['1: a', '1: b', '1: c']);
    expect(dialled).toBe(true);
  });

  it('hides a close from the peer until it is heard again', async () => {
    const { clock, network, heard, listen, dial } = makeWorld();
    listen();
    const connection = await dial();
    network.silent = true;
    connection.close('no heartbeat');
    await clock.runFor(60_000);
    expect(heard).toEqual(['1 opened on management']);
    network.silent = false;
    await clock.runFor(1_000);
    expect(heard.at(-1)).toBe('1 closed');
  });
});

it('lets a new connection overtake an old one, each still in order', async () => {
  const overtakings = new Set<boolean>();
  for (let seed = 0; seed < 50; seed += 1) {
    const { clock, network, heard, listen, dial } = makeWorld(`overtaking ${seed}`);
    listen();
    const old = await dial();
    network.spikes = 0.3;
    for (const text of ['a', 'b', 'c']) old.send(text);
    network.spikes = 0;
    const young = await dial();
    young.send('d');
    await clock.runFor(100_000);
    expect(heard.filter((line) => line.startsWith('1:'))).toEqual(['1: a', '1: b', '1: c']);
    overtakings.add(heard.indexOf('2: d') < heard.indexOf('1: c'));
  }
  expect(overtakings).toEqual(new Set([true, false]));
});
