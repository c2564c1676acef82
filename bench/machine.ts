// The machine that was measured on, as far as figures depend on it: nothing here names a host, a user or a path. Pure; reading it is main's.

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly nodeVersion: string;
  /** Of the minute before the start. */
  readonly loadAverage: number;
  readonly fileSystems: FileSystems;
}

/** Their types: what lies on a disk (persistent flag, copies, stores) and what is gone with a reboot (volatile flag, runDir). */
export interface FileSystems {
  readonly disk: string;
  readonly memory: string;
}

/** A sentence each. */
export function describeMachine(machine: Machine): readonly string[] {
  const { cores, cpu, memoryBytes, kernel, nodeVersion, loadAverage, fileSystems } = machine;
  const { disk, memory } = fileSystems;
  const caveats = [
    ...(loadAverage > cores / 4
      ? ['The machine had other work: figures are worse than on an idle one.']
      : []),
    ...(disk === 'tmpfs' ? ['There was no disk to write to: what a sync costs is not in the figures.'] : []),
    ...(memory === 'tmpfs' ? [] : ['There was no tmpfs to write to: the volatile flag lay on a disk.']),
  ];
  return [
    `${cores} cores of ${cpu}, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}, Node ${nodeVersion}; load average ${loadAverage.toFixed(2)} at the start.`,
    `Persistent flag, remembered copies and stores on ${disk}; volatile flag and runDir on ${memory}.`,
    ...caveats,
  ];
}

/**
 * The type of the file system that holds `path`.
 * @param mounts /proc/self/mounts: device, mount point, type, with blanks as \040; later lines cover earlier ones.
 */
export function fileSystemOf(mounts: string, path: string): string {
  let found = { point: '', type: 'unknown' };
  for (const line of mounts.split('\n')) {
    const [, escaped, type] = line.split(' ');
    if (escaped === undefined || type === undefined) continue;
    const point = escaped.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const isAbove = point === '/' || path === point || path.startsWith(`${point}/`);
    if (isAbove && point.length >= found.point.length) found = { point, type };
  }
  return found.type;
}
