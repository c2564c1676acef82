// Writes two flags and stays. Arguments: the volatile flag's path, the persistent one's (synced, file and folder).
import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const TEXT = 'This node is currently in the administratively locked state\n';
const [volatile = '', persistent = ''] = process.argv.slice(2);

const file = openSync(persistent, 'w');
writeSync(file, TEXT);
fsyncSync(file);
closeSync(file);
const folder = openSync(dirname(persistent), 'r');
fsyncSync(folder);
closeSync(folder);
writeFileSync(volatile, TEXT);
setInterval(() => undefined, 1_000_000);
