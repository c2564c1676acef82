// Who holds a lock on a file, as Linux tells it. For error messages only: a guess when the kernel does not say, never a decision.
import { readFileSync, statSync } from 'node:fs';

/** `process 4711 (node controller/main.ts --data x)`, or `another process` when that can't be found out. Never throws. */
export function describeLockHolder(path: string): string {
  try {
    const pid = lockHolder(readFileSync('/proc/locks', 'utf8'), statSync(path));
    if (pid === undefined) return 'another process';
    if (pid === process.pid) return `this same process (${pid})`;
    return `process ${pid} (${commandLine(pid)})`;
  } catch {
    return 'another process';
  }
}

/** The pid in the first line of /proc/locks (proc_locks(5)) for the file with this device and inode. */
function lockHolder(locks: string, file: { readonly dev: number; readonly ino: number }): number | undefined {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  // As glibc's gnu_dev_major and gnu_dev_minor split what fits 32 bits, which every Linux device number does.
  const major = (file.dev >>> 8) & 0xfff;
  const minor = (file.dev & 0xff) | ((file.dev >>> 12) & 0xfff00);
  const wanted = `${hex(major)}:${hex(minor)}:${file.ino}`;
  for (const line of locks.split('\n')) {
    const [, , , , pid, place] = line.trim().split(/\s+/);
    if (place === wanted) return Number(pid);
  }
  return undefined;
}

function commandLine(pid: number): string {
  const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
