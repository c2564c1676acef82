// Runs the built programs as they are run on a host, once: what they leave makes their next starts quick (keep-code.cjs), and what does not work is not installed.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Trial } from './trial.ts';

/** @param folder with bin/ and lib/. @throws LockstepError `Failed` with what a program said that did not do what it should. */
export async function warmUp(folder: string, signal: AbortSignal): Promise<void> {
  // A short path: a socket lies in it.
  const temp = mkdtempSync(join(tmpdir(), 'ls-build-'));
  const trial = new Trial(join(folder, 'bin'), signal);
  try {
    await tryPrograms(trial, layOut(temp));
  } finally {
    await trial.endAll();
    rmSync(temp, { recursive: true, force: true });
  }
}

interface Place {
  readonly data: string;
  readonly socket: string;
  readonly root: string;
  readonly volatileFlag: string;
  readonly config: string;
  readonly manifest: string;
}

const HOST = 'warm-up';
const SERVICE = `#!/bin/sh
# status
case $1 in
  start) : >"$0.on" ;;
  stop) rm -f "$0.on" ;;
  status) [ -e "$0.on" ] || exit 3 ;;
esac
`;

function layOut(temp: string): Place {
  const place: Place = {
    data: join(temp, 'data'),
    socket: join(temp, 'data/controller.sock'),
    root: join(temp, 'root'),
    volatileFlag: join(temp, 'root/var/run/.node_locked'),
    config: join(temp, 'agent.yaml'),
    manifest: join(temp, 'host.yaml'),
  };
  writeFileSync(place.config, `host: ${HOST}\ncontroller: unix:${place.socket}\nroot: ${place.root}\n`);
  writeFileSync(
    place.manifest,
    `apiVersion: lockstep/v1\nkind: Host\nmetadata: { name: ${HOST} }\nspec: { locked: false, servicesEnabled: true }\n`,
  );
  const service = join(place.root, 'etc/services.d/worker/10-service');
  mkdirSync(dirname(service), { recursive: true });
  writeFileSync(service, SERVICE);
  // An agent runs no script that others could have written, whatever the umask.
  chmodSync(service, 0o755);
  return place;
}

/** Every command, and an agent that starts anew and one that remembers: code that is first run later is not kept. */
async function tryPrograms(trial: Trial, place: Place): Promise<void> {
  const lockstep = (...args: readonly string[]) =>
    trial.run('lockstep', '--controller', `unix:${place.socket}`, ...args);
  const startAgent = () => trial.start('lockstep-agent', '--config', place.config);

  const controller = trial.start('lockstep-controller', '--data', place.data);
  await controller.until('it listens on its socket', () => existsSync(place.socket));
  // It is known before its agent is: there is something to wait for.
  await lockstep('declare', HOST);
  const first = startAgent();
  await first.until('it makes the volatile flag', () => existsSync(place.volatileFlag));
  await lockstep('wait', HOST, '--for', 'condition=Ready');
  await lockstep('apply', '-f', place.manifest, '--wait');
  await lockstep('diff', '-f', place.manifest);
  await lockstep('lock', HOST, '--wait');
  await first.stop();

  rmSync(place.volatileFlag);
  const second = startAgent();
  await second.until('it makes the volatile flag again', () => existsSync(place.volatileFlag));
  await lockstep('wait', HOST, '--for', 'condition=Ready');
  for (const command of LOOKS) await lockstep(...command.split(' '));
  await trial.run('lockstep', '__complete', '--', '--controller', `unix:${place.socket}`, 'why', '');
  await trial.run('lockstep-agent', 'status', '--config', place.config);
  await second.stop();
  await lockstep('delete', 'host', HOST);
  await controller.stop();
}

/** They change nothing. */
const LOOKS: readonly string[] = [
  'get hosts',
  'get hosts -o wide',
  `get host ${HOST} -o yaml`,
  `describe host ${HOST}`,
  `why ${HOST}`,
  `plan ${HOST}`,
  'events',
  'manifests',
  'metrics',
  'schema',
  'completion bash',
  '--help',
  '--version',
];
