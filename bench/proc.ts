// What /proc tells of a process that is measured: CPU time and memory. Reads only.
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second of /proc/PID/stat: USER_HZ, which is 100 on every Linux that Node has a build for (proc(5)). */
const TICK_MS = 10;

/** CPU time that all its threads had so far, ms: of the scheduler, in nanoseconds, where a tick is 10 ms. Threads that ended are not in it. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads
    .map(
      (thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
    )
    .reduce((sum, ms) => sum + ms, 0);
}

/** CPU time of its children that ended and were waited for, ms, in ticks of 10 ms. */
export function childrenCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 16 and 17 of proc(5); `fields` begins at field 3.
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

export interface ProcessorTime {
  /** Wanted, and given to other machines by the hypervisor. */
  readonly stolenMs: number;
  readonly allMs: number;
}

/** Of all processors together, since the boot. @param stat /proc/stat: its first line has user, nice, system, idle, iowait, irq, softirq, steal and more that is in those (proc(5)). */
export function processorTime(stat = readFileSync('/proc/stat', 'latin1')): ProcessorTime {
  const ticks = stat.slice(0, stat.indexOf('\n')).split(/ +/).slice(1, 9).map(Number);
  return { stolenMs: (ticks[7] ?? 0) * TICK_MS, allMs: ticks.reduce((sum, each) => sum + each, 0) * TICK_MS };
}

/** Resident memory, MiB: pages shared with other processes included, as `ps` shows it. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1_024;
}

/** Its living children: not those that ended and were not waited for yet. */
export function childrenOf(pid: number): readonly number[] {
  const pids = readIfThere(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return pids.filter((child) => !/\) [ZX] /.test(readIfThere(`/proc/${child}/stat`)));
}

/** The shell that an agent starts status scripts with: none before it asked the first. */
export function scriptShellOf(agentPid: number): number | undefined {
  return childrenOf(agentPid).find((child) => readIfThere(`/proc/${child}/cmdline`) === '/bin/sh\0-s\0');
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
