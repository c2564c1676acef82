// Gets the list of hosts over a unix socket and prints some of it as a table. Arguments: the socket.
import { request } from 'node:http';

const [socketPath = ''] = process.argv.slice(2);
request({ socketPath, path: '/v1/hosts' }, (answer) => {
  let text = '';
  answer.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  answer.on('end', () => {
    const lines = ['NAME', ...JSON.parse(text).items.map(describe)];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}).end();

function describe({
  metadata,
  spec,
  status,
}: {
  metadata: { name: string; generation: number };
  spec: { locked: boolean; servicesEnabled: boolean };
  status: { flags: { volatile: string } };
}): string {
  return [
    metadata.name.padEnd(20),
    spec.locked,
    spec.servicesEnabled,
    status.flags.volatile,
    metadata.generation,
  ].join('  ');
}
