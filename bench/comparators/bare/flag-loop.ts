// The least that can restore flags: fs.watch on their folders, and a write when one is missing. Arguments: the volatile flag's path, the persistent one's
// (synced, file and folder) or nothing.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

const TEXT = 'This node is currently in the administratively locked state\n';
const [volatile = '', persistent] = process.argv.slice(2);

function look(): void {
  if (persistent !== undefined && !existsSync(persistent)) writeDurably(persistent);
  if (!existsSync(volatile)) writeFileSync(volatile, TEXT);
}

function writeDurably(path: string): void {
  const file = openSync(`${path}.tmp`, 'w');
  writeSync(file, TEXT);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.tmp`, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

for (const path of persistent === undefined ? [volatile] : [volatile, persistent]) {
  mkdirSync(dirname(path), { recursive: true });
  watch(dirname(path), look);
}
look();
