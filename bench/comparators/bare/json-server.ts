// Answers every request with one file, which it holds in memory. Arguments: the socket, the file.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [socket = '', file = ''] = process.argv.slice(2);
const body = readFileSync(file);
createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(body)).listen(socket);
