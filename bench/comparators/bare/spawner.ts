// Runs every script of a folder with `status`, eight at once, every 5 s from its start on. Arguments: the folder.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const AT_ONCE = 8;
const [folder = ''] = process.argv.slice(2);

function runAll(): void {
  const names = readdirSync(folder);
  const next = (): void => {
    const name = names.pop();
    if (name !== undefined) spawn(join(folder, name), ['status'], { stdio: 'ignore' }).on('exit', next);
  };
  for (let lane = 0; lane < AT_ONCE; lane++) next();
}

runAll();
setInterval(runAll, 5_000);
