// How a daemon's process ends when it can't start, and what it then says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const RUNTIME = join(import.meta.dirname, '../../runtime');
const ERRORS = join(import.meta.dirname, '../../desired-state/errors.ts');

/** A daemon that does `start` at the log level that it is given. */
const programOf = (start: string) => `
  import { mkdirSync } from 'node:fs';
  import { LockstepError } from ${JSON.stringify(ERRORS)};
  import { openPinoLog } from ${JSON.stringify(join(RUNTIME, 'pino-log.ts'))};
  import { runDaemon } from ${JSON.stringify(join(RUNTIME, 'program.ts'))};
  const output = await openPinoLog({ program: 'a-test', level: process.argv[1] });
  await runDaemon('daemon', output, async () => { ${start} });
`;

async function run(start: string, level: string) {
  const args = ['--input-type=module', '-e', programOf(start), level];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  await once(child, 'close');
  return { code: child.exitCode, lines: stderr.trim().split('\n') };
}

describe('a daemon that can not start', () => {
  it.each(['info', 'error', 'silent'])(
    'says why in one line, and ends with 1, at level %s',
    async (level) => {
      const { code, lines } = await run(`throw new LockstepError('Failed', 'no room')`, level);
      expect(code).toBe(1);
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        { level: 'error', name: 'a-test', detail: 'no room', msg: 'daemon did not start' },
      ]);
    },
  );

  it('because of a system call says which, without the way there', async () => {
    const { lines } = await run(`mkdirSync('/proc/foo')`, 'info');
    const [line] = lines.map((text) => JSON.parse(text));
    expect(line.detail).toMatch(/^ENOENT: .*mkdir '\/proc\/foo'$/);
    expect(line).not.toHaveProperty('error');
  });

  it('because of a bug says where it is', async () => {
    const { lines } = await run(`throw new TypeError('broken')`, 'silent');
    expect(JSON.parse(lines[0] ?? '').error).toMatchObject({ type: 'TypeError', message: 'broken' });
  });
});
