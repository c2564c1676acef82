// A process of its own that drives services as an agent does, so that a test can kill it: agent-stub.ts ROOT NAME VERB.
// It runs the verb (status: looks at all services; resume: takes over what is left) and lives on.
import { join } from 'node:path';
import { LinuxDisk } from '../../../../node-agent/linux/disk.ts';
import { serviceOf } from '../../../../node-agent/linux/scripts/script-sets.ts';
import { ScriptsDriver } from '../../../../node-agent/linux/scripts/scripts-driver.ts';
import { nodeClock } from '../../../../runtime/node-clock.ts';

const [root = '', name = '', verb = ''] = process.argv.slice(2);
const silent = () => undefined;
const driver = new ScriptsDriver({
  servicesDir: join(root, 'services.d'),
  runDir: join(root, 'run'),
  roles: ['worker'],
  timeoutMs: 60_000,
  bootId: 'boot-1',
  disk: new LinuxDisk(),
  clock: nodeClock,
  log: { debug: silent, info: silent, warn: silent, error: silent },
});
const never = new AbortController().signal;
setInterval(silent, 60_000);
if (verb === 'start' || verb === 'stop') await driver.run(serviceOf('worker', name), verb, never);
if (verb === 'status') await driver.observe(never, 'all');
if (verb === 'resume') await driver.resume();
