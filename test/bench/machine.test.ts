import { describe, expect, it } from 'vitest';
import { describeMachine, fileSystemOf, type Machine } from '../../bench/machine.ts';

const machine: Machine = {
  cores: 4,
  cpu: 'A processor',
  memoryBytes: 16 * 2 ** 30,
  kernel: '6.1.0',
  nodeVersion: '24.21.0',
  loadAverage: 0.2,
  fileSystems: { disk: 'ext4', memory: 'tmpfs' },
};

describe('describeMachine', () => {
  it('says on what the flags lay', () => {
    expect(describeMachine(machine)).toContain(
      'Persistent flag, remembered copies and stores on ext4; volatile flag and runDir on tmpfs.',
    );
  });

  it.each([
    ['other work', { ...machine, loadAverage: 1.1 }, /other work/],
    ['no disk', { ...machine, fileSystems: { disk: 'tmpfs', memory: 'tmpfs' } }, /no disk/],
    ['no tmpfs', { ...machine, fileSystems: { disk: 'ext4', memory: 'ext4' } }, /no tmpfs/],
  ])('owns up to %s', (_, worse, caveat) => {
    expect(describeMachine(machine).join('\n')).not.toMatch(caveat);
    expect(describeMachine(worse).join('\n')).toMatch(caveat);
  });
});

describe('fileSystemOf', () => {
  const mounts = [
    'rootfs / rootfs rw 0 0',
    '/dev/vda / ext4 rw 0 0',
    'tmpfs /tmp tmpfs rw 0 0',
    '/dev/vdb /tmp/with\\040blank xfs rw 0 0',
    '',
  ].join('\n');

  it.each([
    ['/', 'ext4'],
    ['/var/tmp', 'ext4'],
    ['/tmp', 'tmpfs'],
    ['/tmp/a', 'tmpfs'],
    ['/tmpfoo', 'ext4'],
    ['/tmp/with blank/x', 'xfs'],
  ])('%s is on %s', (path, type) => {
    expect(fileSystemOf(mounts, path)).toBe(type);
  });

  it('owns up to not knowing', () => {
    expect(fileSystemOf('', '/tmp')).toBe('unknown');
  });
});
