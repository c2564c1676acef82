// Gets the table of hosts over a unix socket and prints its columns that are always shown. Arguments: the socket.
import { request } from 'node:http';

const [socketPath = ''] = process.argv.slice(2);
const headers = { accept: 'application/json;as=Table' };
request({ socketPath, path: '/v1/hosts', headers }, (answer) => {
  let text = '';
  answer.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  answer.on('end', () => {
    const { columnDefinitions, rows }: Table = JSON.parse(text);
    const shown = columnDefinitions.flatMap(({ priority }, index) => (priority === 0 ? [index] : []));
    const line = (cells: readonly string[]) => shown.map((index) => cells[index]?.padEnd(14)).join('');
    const lines = [line(columnDefinitions.map(({ name }) => name)), ...rows.map(({ cells }) => line(cells))];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}).end();

interface Table {
  columnDefinitions: { name: string; priority: number }[];
  rows: { cells: string[] }[];
}
