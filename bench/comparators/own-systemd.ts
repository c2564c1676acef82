// A systemd of the bench's own, for a machine whose process 1 is another one: a user's manager, which makes its units' processes and watches its paths as the system's does. It begins
// with the units below and no others, in a mount namespace in which it looks as if the machine had been booted by systemd.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { findProgram } from './on-path.ts';

export interface OwnSystemd {
  /** Where its units are read from. */
  readonly unitFolder: string;
  /** For systemctl. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Where distributions have it; it is on no PATH. */
const MANAGERS = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];

/** What every unit needs without its saying so, and what ends the manager on SIGTERM (systemd.special(7)). */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  'basic.target': [],
  'paths.target': [],
  'shutdown.target': [],
  'exit.target': ['Requires=systemd-exit.service', 'After=systemd-exit.service'],
  'systemd-exit.service': ['SuccessAction=exit-force', '[Service]', 'Type=oneshot', 'ExecStart=/bin/true'],
};

/** sd_booted(3) asks for that folder. $1: the manager. */
const AS_BOOTED =
  'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec "$1" --user --unit=basic.target --log-target=console';

/** Resolves when it takes commands; undefined where it can't be run. It ends with the measurement. */
export async function startOwnSystemd(bench: Bench): Promise<OwnSystemd | undefined> {
  const manager = MANAGERS.find((path) => existsSync(path));
  const unshare = findProgram('unshare');
  if (manager === undefined || unshare === undefined || process.getuid?.() !== 0) return undefined;
  const runtimeFolder = join(bench.folders.memory, 'own-systemd');
  const unitFolder = join(runtimeFolder, 'units');
  mkdirSync(unitFolder, { recursive: true, mode: 0o700 });
  for (const [name, lines] of Object.entries(UNITS)) {
    writeFileSync(join(unitFolder, name), `${['[Unit]', 'DefaultDependencies=no', ...lines].join('\n')}\n`);
  }
  const environment = { XDG_RUNTIME_DIR: runtimeFolder };
  const variables = Object.entries({
    ...environment,
    SYSTEMD_UNIT_PATH: unitFolder,
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/',
  });
  const program = bench.programs.start(unshare, [
    '--mount',
    'env',
    '-i',
    ...variables.map(([name, value]) => `${name}=${value}`),
    ...['sh', '-c', AS_BOOTED, 'sh', manager],
  ]);
  const isUp = () => existsSync(join(runtimeFolder, 'systemd/private'));
  await program.until('its manager takes commands', isUp, bench.signal);
  return { unitFolder, environment };
}
