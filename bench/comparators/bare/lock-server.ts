// The least that can lock a host over HTTP: commits to SQLite, answers, and writes or removes two flags in the same process.
// Arguments: the socket, the database, the volatile flag's path, the persistent one's (synced, file and folder).
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const TEXT = 'This node is currently in the administratively locked state\n';
const [socket = '', database = '', volatile = '', persistent = ''] = process.argv.slice(2);
const store = new DatabaseSync(database);
store.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE hosts (name TEXT PRIMARY KEY, locked INT, generation INT)',
);
store.exec("INSERT INTO hosts VALUES ('bare', 0, 0)");
const update = store.prepare('UPDATE hosts SET locked = ?, generation = generation + 1 RETURNING generation');

createServer((request, answer) => {
  request.resume().on('end', () => {
    const locked = request.url?.endsWith('/lock') === true;
    const generation = update.get(locked ? 1 : 0)?.generation;
    const spec = { locked, servicesEnabled: !locked };
    answer.setHeader('content-type', 'application/json');
    answer.end(
      JSON.stringify({ kind: 'ChangeList', items: [{ name: 'bare', outcome: 'changed', generation, spec }] }),
      () => setImmediate(locked ? writeFlags : removeFlags),
    );
  });
}).listen(socket);

function writeFlags(): void {
  const file = openSync(`${persistent}.tmp`, 'w');
  writeSync(file, TEXT);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${persistent}.tmp`, persistent);
  syncFolder();
  writeFileSync(volatile, TEXT);
}

function removeFlags(): void {
  rmSync(persistent, { force: true });
  syncFolder();
  rmSync(volatile, { force: true });
}

function syncFolder(): void {
  const folder = openSync(dirname(persistent), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
