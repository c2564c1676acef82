// Row: `lockstep get hosts` of 1,000 hosts, the whole command.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mediaTypeOfForm } from '../../controller/api/accept.ts';
import { askOnce } from '../../controller/cli/unix-http.ts';
import type { Status } from '../../desired-state/host.ts';
import { SqliteStore } from '../../desired-state/store/sqlite/sqlite-store.ts';
import { MAX_HOSTS_PER_WRITE } from '../../desired-state/store/store.ts';
import type { Bench, Measurement } from '../bench.ts';
import { bareScript, startBare } from '../comparators/bare-node.ts';
import { MeasuredController } from '../lockstep-host.ts';
import { CHECKOUT_BIN } from '../programs.ts';
import type { Row } from '../row.ts';
import { SAMPLES_OF_A_P99, summarise } from '../statistics.ts';

const BARE = 'bare Node that gets and prints the same';
const FROM_CHECKOUT = 'the same command from a checkout';

const row: Row = {
  id: 'thousand-hosts',
  what: '`lockstep get hosts` of 1,000 hosts',
  unit: 'ms',
  targets: [{ statistic: 'p99', atMost: 200 }],
  comparators: [FROM_CHECKOUT, BARE],
  method:
    'The whole command, from the spawn of bin/lockstep of what `npm run build` makes to the end of the process, its table read by a pipe. The 1,000 hosts, each with a status of three conditions ' +
    "and six services, were written through the store's adapter before the controller started; their agents are not connected. In turns with bin/lockstep of the checkout, whose files are found " +
    'and read one by one, at the same controller; and with a bare Node that gets the same JSON over a unix socket from a bare server that holds it in memory, and prints the same columns unchecked.',
};

export const thousandHosts: Measurement = {
  name: 'thousand-hosts',
  rows: [row],
  async run(bench) {
    const builtBin = await bench.builtBin();
    const data = join(bench.folders.disk, 'controller');
    mkdirSync(data, { mode: 0o700 });
    await fillStore(join(data, 'controller.db'));
    const { socketPath } = await MeasuredController.start(bench, data);
    const headers = { accept: mediaTypeOfForm('Table') };
    const table = JSON.stringify(await askOnce(socketPath, { method: 'GET', path: '/v1/hosts', headers }));
    const file = join(bench.folders.disk, 'hosts.json');
    writeFileSync(file, table);
    const bareSocket = join(bench.folders.disk, 'bare.sock');
    const server = startBare(bench, 'json-server', [bareSocket, file]);
    await server.until('the bare server listens', () => existsSync(bareSocket), bench.signal);
    const script = bareScript(bench, 'json-table');
    const getHosts = (bin: string) =>
      timeCommand(bench, join(bin, 'lockstep'), ['--controller', `unix:${socketPath}`, 'get', 'hosts']);
    const ofBuilt: number[] = [];
    const ofCheckout: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < bench.count(SAMPLES_OF_A_P99, 3); round++) {
      ofBuilt.push(await getHosts(builtBin));
      ofCheckout.push(await getHosts(CHECKOUT_BIN));
      bare.push(await timeCommand(bench, process.execPath, [script, bareSocket]));
    }
    const notes = [`The answer is ${(table.length / 1_024).toFixed(0)} KiB of JSON.`];
    const comparisons = [
      { name: FROM_CHECKOUT, figures: summarise(ofCheckout) },
      { name: BARE, figures: summarise(bare) },
    ];
    return [{ row, lockstep: summarise(ofBuilt), comparisons, notes }];
  },
};

const HOSTS = 1_000;
/** A command that takes longer hangs, ms. */
const COMMAND_LIMIT_MS = 30_000;

/** @returns ms. @throws Error when it prints anything but a header and all hosts, or fails. */
async function timeCommand(bench: Bench, file: string, args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: bench.signal,
    timeout: COMMAND_LIMIT_MS,
  });
  let lines = 0;
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    lines += part.split('\n').length - 1;
  });
  const [code] = await once(child, 'close');
  const elapsedMs = performance.now() - startedMs;
  if (code === 0 && lines === HOSTS + 1) return elapsedMs;
  throw new Error(`expected ${HOSTS + 1} lines and exit code 0, found ${lines} and ${code}`);
}

async function fillStore(path: string): Promise<void> {
  const store = await SqliteStore.open(path);
  const names = Array.from({ length: HOSTS }, (_, index) => `compute-${String(index).padStart(4, '0')}`);
  for (let from = 0; from < names.length; from += MAX_HOSTS_PER_WRITE) {
    const some = names.slice(from, from + MAX_HOSTS_PER_WRITE);
    await store.writeSpecs(
      some.map((name, index) => ({
        name,
        expectedSpecRevision: 0,
        spec: index % 5 === 0 ? LOCKED : UNLOCKED,
        labels: { site: `site-${index % 10}`, rack: `r${index % 40}` },
        annotations: {
          'lockstep/changed-by': 'bench',
          'lockstep/changed-at': SINCE,
          'lockstep/reason': 'replacing a disk',
        },
        deleted: false,
      })),
    );
    await store.writeStatuses(
      some.map((name, index) => ({ name, reportedGeneration: 1, status: statusOf(index % 5 === 0) })),
    );
  }
  await store.close();
}

const LOCKED = { locked: true, servicesEnabled: false };
const UNLOCKED = { locked: false, servicesEnabled: true };
const SINCE = '2026-01-01T00:00:00.000Z';
const SERVICES = ['10-database', '20-queue', '30-api', '40-scheduler', 'logger', 'metrics'];

function statusOf(isLocked: boolean): Status {
  const condition = (type: 'FlagsInSync' | 'ServicesInSync' | 'GoEnabled', message: string) => ({
    type,
    status: 'True' as const,
    reason: 'InSync',
    message,
    lastTransitionTime: SINCE,
    observedGeneration: 1,
  });
  const flag = isLocked ? 'present' : 'absent';
  return {
    observedGeneration: 1,
    conditions: [
      condition('FlagsInSync', `both flags are ${flag}, as desired`),
      condition('ServicesInSync', `all services are ${isLocked ? 'stopped' : 'running'}, as desired`),
      condition('GoEnabled', 'all gates have passed since this boot'),
    ],
    flags: { volatile: flag, persistent: flag },
    services: SERVICES.map((name) => ({
      name,
      set: 'worker',
      state: isLocked ? 'stopped' : 'running',
      message: '',
    })),
    bootId: '6f0e4a52-0d0b-4b8e-9d0a-1f6f2c7c9b11',
    agentVersion: '0.1.0',
    roles: ['worker'],
  };
}
