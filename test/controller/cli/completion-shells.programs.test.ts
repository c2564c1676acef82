// The completion scripts in the real shells, against a real controller. A shell that is not installed skips its tests, unless $LOCKSTEP_REQUIRE_TOOLS
// says that all must be there.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SHELLS, type Shell } from '../../../controller/cli/completion-scripts.ts';
import { ControllerProcess, run } from '../fixtures/programs.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const BIN = join(import.meta.dirname, '../../../bin');
const ARGUMENTS: Readonly<Record<Shell, readonly string[]>> = {
  bash: ['--noprofile', '--norc'],
  zsh: ['-f'],
  fish: ['--no-config'],
};

let controller: ControllerProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync('/tmp/ls-');
  controller = await ControllerProcess.start(join(folder, 'data'));
  await controller.cli('declare', 'compute-0', '--label', 'site=lab', '--label', 'rack=3');
  await controller.cli('declare', 'compute-1', '--label', 'site=lab');
  await controller.cli('declare', 'storage-0', '--label', 'site=fra');
}, 60_000);

afterAll(async () => {
  await controller.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** What `shell` offers for each line, in the order it says; where it is asked in a folder with two manifests. */
async function offers(
  shell: Shell,
  lines: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const home = tempFolder();
  mkdirSync(join(home, 'sub'));
  writeFileSync(join(home, 'sub/one.yaml'), '');
  writeFileSync(join(home, 'sub/two.yaml'), '');
  const { stdout, stderr } = await promisify(execFile)(
    shell,
    [...ARGUMENTS[shell], join(import.meta.dirname, `shells/complete.${shell}`), ...lines],
    {
      cwd: home,
      timeout: 110_000,
      env: {
        HOME: home,
        PATH: `${BIN}${delimiter}${process.env.PATH}`,
        TERM: 'dumb',
        LOCKSTEP_CONTROLLER: `unix:${controller.socketPath}`,
      },
    },
  );
  expect(stderr).toBe('');
  expect(existsSync(join(home, 'ran'))).toBe(false);
  const blocks = stdout.split(/^== /m).slice(1);
  return new Map(
    blocks.map((block): [string, readonly string[]] => {
      const [line = '', ...found] = block.replace(/\n$/, '').split('\n');
      return [line, found];
    }),
  );
}

describe.each(SHELLS)('in %s', (shell) => {
  const isMissing = !isInstalled(shell) && process.env.LOCKSTEP_REQUIRE_TOOLS === undefined;

  it.skipIf(isMissing)('Tab offers commands, options, what they take, hosts, labels and files', async () => {
    const offered = await offers(shell, Object.keys(EXPECTED));
    for (const [line, expected] of Object.entries(EXPECTED)) {
      expect([line, sorted(offered.get(line))]).toEqual([line, sorted(expected[shell])]);
    }
  });

  it.skipIf(isMissing)('nothing of the line is run, and a wrong line offers nothing', async () => {
    const offered = await offers(shell, [
      'lockstep nonsense ',
      'lockstep lock $(touch ran) stor',
      'lockstep get --no=',
    ]);
    const found = [...offered].map(([line, texts]) => [line, texts.filter((text) => !text.startsWith('->'))]);
    const [host] = shell === 'fish' ? ['storage-0\tlocked, services disabled; Ready=Unknown'] : ['storage-0'];
    expect(found).toEqual([
      ['lockstep nonsense ', []],
      ['lockstep lock $(touch ran) stor', [host]],
      ['lockstep get --no=', []],
    ]);
  });
});

/** zsh also tells what the line becomes, fish what each candidate is, bash replaces only what follows = and :. */
const EXPECTED: Readonly<Record<string, Readonly<Record<Shell, readonly string[]>>>> = {
  'lockstep unlo': {
    bash: ['unlock'],
    zsh: ['unlock', '-> lockstep unlock '],
    fish: ['unlock\tunlock hosts: both flags absent, services started'],
  },
  'lockstep services ': {
    bash: ['enable', 'disable', 'help'],
    zsh: ['enable', 'disable', 'help', '-> lockstep services '],
    fish: [
      'enable\tservices are to run',
      'disable\tservices are to be stopped',
      'help\tdisplay help for command',
    ],
  },
  'lockstep lock --keep': {
    bash: ['--keep-services'],
    zsh: ['--keep-services', '-> lockstep lock --keep-services '],
    fish: ['--keep-services\tleave services enabled or disabled as they are'],
  },
  'lockstep get hosts --output=w': {
    bash: ['wide'],
    zsh: ['--output=wide', '-> lockstep get hosts --output=wide '],
    fish: ['--output=wide'],
  },
  'lockstep get hosts -o ': {
    bash: ['table', 'wide', 'json', 'yaml', 'name'],
    zsh: ['table', 'wide', 'json', 'yaml', 'name', '-> lockstep get hosts -o '],
    fish: ['table', 'wide', 'json', 'yaml', 'name'],
  },
  'lockstep lock host/stor': {
    bash: ['host/storage-0'],
    zsh: ['host/storage-0', '-> lockstep lock host/storage-0 '],
    fish: ['host/storage-0\tlocked, services disabled; Ready=Unknown'],
  },
  'lockstep get hosts compute-0 ': {
    bash: ['compute-1', 'storage-0'],
    zsh: ['compute-1', 'storage-0', '-> lockstep get hosts compute-0 '],
    fish: ['compute-1', 'storage-0'].map((name) => `${name}\tlocked, services disabled; Ready=Unknown`),
  },
  'lockstep lock -l ra': {
    bash: ['compopt -o nospace', 'rack='],
    zsh: ['rack=', '-> lockstep lock -l rack='],
    fish: ['rack=\t1 host'],
  },
  'lockstep lock -l rack=3,site=': {
    bash: ['lab', 'fra'],
    zsh: ['rack=3,site=lab', 'rack=3,site=fra', '-> lockstep lock -l rack=3,site='],
    fish: ['rack=3,site=lab\t2 hosts', 'rack=3,site=fra\t1 host'],
  },
  'lockstep wait compute-0 --for condition=Rea': {
    bash: ['Ready', 'Ready=True', 'Ready=False', 'Ready=Unknown'],
    zsh: [
      'condition=Ready',
      'condition=Ready=True',
      'condition=Ready=False',
      'condition=Ready=Unknown',
      '-> lockstep wait compute-0 --for condition=Ready',
    ],
    fish: ['condition=Ready', 'condition=Ready=True', 'condition=Ready=False', 'condition=Ready=Unknown'],
  },
  'lockstep --controller un': {
    bash: ['compopt -o nospace', 'unix:'],
    zsh: ['unix:', '-> lockstep --controller unix:'],
    fish: ["unix:\tthe controller's socket"],
  },
  'lockstep --controller unix:./su': {
    bash: ['compopt -o default'],
    zsh: ['sub', '-> lockstep --controller unix:./sub/'],
    fish: ['unix:./sub/'],
  },
  'lockstep apply -f sub/o': {
    bash: ['compopt -o default'],
    zsh: ['one.yaml', '-> lockstep apply -f sub/one.yaml '],
    fish: ['sub/one.yaml'],
  },
};

describe('lockstep __complete', () => {
  it('says nothing, and fails not, when no controller is there', async () => {
    for (const words of [
      ['lock', ''],
      ['get', 'hosts', '-l', 'a='],
      ['--controller', 'tcp:1', 'lock', ''],
    ]) {
      const finished = await run('lockstep', ['__complete', '--', ...words], {
        env: { LOCKSTEP_CONTROLLER: 'unix:/tmp/no-such/c.sock' },
      });
      expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });

  it('waits for no controller that does not answer', async () => {
    const socketPath = join(tempFolder(), 's');
    const silent = createServer((socket) => socket.on('error', () => {})).listen(socketPath);
    onTestFinished(() => {
      silent.close();
    });
    const started = performance.now();
    const finished = await run('lockstep', [
      '__complete',
      '--',
      '--controller',
      `unix:${socketPath}`,
      'lock',
      '',
    ]);
    expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
    // It would wait for 30 s: see unix-http.ts.
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it.each([[[]], [['--', '--help']], [['--version']], [['--', '--', '']], [['--', '-']]])(
    'never fails: %j',
    async (words) => {
      expect(await run('lockstep', ['__complete', ...words])).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it('is not shown in the help', async () => {
    expect((await run('lockstep', ['--help'])).stdout).not.toContain('__complete');
  });
});

it('a shell that there is no script for is wrong usage', async () => {
  const { code, stderr } = await run('lockstep', ['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish');
});

function sorted(texts: readonly string[] | undefined): readonly string[] | undefined {
  return texts === undefined ? undefined : [...texts].sort();
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
