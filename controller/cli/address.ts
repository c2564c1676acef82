// Where the controller is: from --controller, $LOCKSTEP_CONTROLLER, a .lockstep folder here, or the place of a system's own.
import { join } from 'node:path';
import { LockstepError } from '../../desired-state/errors.ts';
import { MAX_SOCKET_PATH_BYTES } from '../../desired-state/socket-path.ts';

const SYSTEM_SOCKET = '/var/lib/lockstep-controller/controller.sock';

/** `npm start` keeps its controller's data in the first; the second is for `--data .lockstep`. */
const SANDBOX_SOCKETS = ['.lockstep/controller/controller.sock', '.lockstep/controller.sock'];

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly exists: (path: string) => boolean;
}

/**
 * The path of the controller's socket.
 * @param option the value of --controller.
 * @throws LockstepError `Usage` when an address is not unix:PATH, or too long for a socket's.
 */
export function findController(option: string | undefined, { env, cwd, exists }: Surroundings): string {
  if (option !== undefined) return parseAddress(option, '--controller');
  const variable = env.LOCKSTEP_CONTROLLER;
  if (variable !== undefined && variable !== '') return parseAddress(variable, '$LOCKSTEP_CONTROLLER');
  return SANDBOX_SOCKETS.map((path) => join(cwd, path)).find(exists) ?? SYSTEM_SOCKET;
}

function parseAddress(text: string, where: string): string {
  const path = /^unix:(.+)$/.exec(text)?.[1];
  if (path === undefined) {
    throw new LockstepError('Usage', `${where}: expected unix:PATH, found ${JSON.stringify(text)}`);
  }
  const length = Buffer.byteLength(path);
  if (length <= MAX_SOCKET_PATH_BYTES) return path;
  throw new LockstepError(
    'Usage',
    `${where}: expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, found ${length} in ${path}: use a shorter one, or a link to its folder`,
  );
}
