// The kernel's boot id: another one means that the host was rebooted since.
import { readFile } from 'node:fs/promises';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';

/** /proc, so never below --root. */
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws LockstepError `Failed` when the file can't be read or holds no boot id. */
export async function readBootId(file = BOOT_ID_FILE): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new LockstepError(
      'Failed',
      `${file}: expected this boot's id, found ${messageOf(cause)}: is /proc mounted?`,
      {
        cause,
      },
    );
  });
  const id = text.trim();
  if (BOOT_ID.test(id)) return id;
  throw new LockstepError(
    'Failed',
    `${file}: expected a boot id (a UUID), found ${JSON.stringify(id.slice(0, 60))}`,
  );
}
