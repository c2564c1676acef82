// The demo's folder: a controller's data, and a root for the agent that holds a small host: two services, one gate, two flags.
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, LockstepError } from '../desired-state/errors.ts';
import { MAX_SOCKET_PATH_BYTES } from '../desired-state/socket-path.ts';
import { gateScript, serviceScript, UNFIT_FOR_SCRIPTS } from './sample-scripts.ts';

export const HOST = 'demo';

export interface SampleService {
  readonly name: string;
  readonly script: string;
  readonly pidFile: string;
  /** Its process has it in its command line, and no other process has. */
  readonly logFile: string;
}

/** All paths are absolute, links resolved. */
export interface Sandbox {
  readonly dir: string;
  /** The controller's --data. */
  readonly data: string;
  readonly socket: string;
  /** False: `dir` is too long for a socket below it, so the CLI does not find the controller by itself. */
  readonly isSocketInside: boolean;
  /** The agent's --root. */
  readonly root: string;
  readonly runDir: string;
  readonly flags: { readonly volatile: string; readonly persistent: string };
  readonly services: readonly SampleService[];
}

/**
 * Makes `dir` and says what lies where in it; nothing of the host is made yet.
 * @throws LockstepError `Failed` when its path can't be used, a system error when it can't be made.
 */
export function openSandbox(given: string): Sandbox {
  makeFolder(given);
  const dir = realpathSync(given);
  if (UNFIT_FOR_SCRIPTS.test(dir)) {
    throw new LockstepError(
      'Failed',
      `expected a path without control characters for the sandbox, found ${JSON.stringify(dir)}`,
    );
  }
  const root = join(dir, 'root');
  const inside = join(dir, 'controller');
  const isSocketInside = Buffer.byteLength(socketIn(inside)) <= MAX_SOCKET_PATH_BYTES;
  const data = isSocketInside ? inside : shortFolder(dir);
  return {
    dir,
    data,
    socket: socketIn(data),
    isSocketInside,
    root,
    runDir: join(root, 'run/lockstep'),
    flags: {
      volatile: join(root, 'var/run/.node_locked'),
      persistent: join(root, 'etc/mtc/tmp/.node_locked'),
    },
    services: ['10-database', 'web'].map((name) => ({
      name,
      script: join(root, 'etc/services.d/worker', name),
      pidFile: join(root, 'var/run', `${baseOf(name)}.pid`),
      logFile: join(root, 'var/log', `${baseOf(name)}.log`),
    })),
  };
}

/** Writes the host's services and gate; what it has become since it was made first stays. */
export function furnishHost({ root, services }: Sandbox): void {
  const logFolder = join(root, 'var/log');
  mkdirSync(logFolder, { recursive: true });
  mkdirSync(join(root, 'var/run'), { recursive: true });
  for (const service of services) writeScript(service.script, serviceScript(service));
  writeScript(join(root, 'etc/goenabled.d/10-logs-writable'), gateScript(logFolder));
}

/** Makes the host a new one, that never had an agent. For when nothing of it runs. */
export function forgetHost({ root }: Sandbox): void {
  for (const path of ['etc/goenabled.d', 'etc/mtc', 'etc/services.d', 'run/lockstep', 'var/lib', 'var/run']) {
    rmSync(join(root, path), { recursive: true, force: true });
  }
}

/** Does a regular file stand at `path`, not a link to one? */
export function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The living process of a service, or undefined. */
export function pidOf({ pidFile, logFile }: SampleService): number | undefined {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim();
    // Empty for a zombie: that is dead, whenever its parent collects it.
    const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : [];
    return words.includes(logFile) ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Not recursive: below /proc, Node's recursive mkdir never returns. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** Without the prefix that orders it. */
function baseOf(service: string): string {
  return service.replace(/^\d+-/, '');
}

function socketIn(data: string): string {
  return join(data, 'controller.sock');
}

/** The same folder at each run, and another one for each sandbox. */
function shortFolder(dir: string): string {
  const id = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  const data = join(tmpdir(), `lockstep-demo-${id}`);
  const length = Buffer.byteLength(socketIn(data));
  if (length <= MAX_SOCKET_PATH_BYTES) return data;
  throw new LockstepError(
    'Failed',
    `expected a path of at most ${MAX_SOCKET_PATH_BYTES} bytes for the controller's socket, found ${length} bytes, in ${tmpdir()} too: set TMPDIR to a shorter folder`,
  );
}

function writeScript(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
