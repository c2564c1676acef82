// Starts a process and starts it again when it ends. Arguments: where its pid is written, the file that it follows.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const [pidFile = '', logFile = ''] = process.argv.slice(2);
let child: ChildProcess;

function run(): void {
  child = spawn('tail', ['-n', '0', '-f', logFile], { stdio: 'ignore' });
  writeFileSync(pidFile, `${child.pid}\n`);
  child.on('exit', run);
}

process.on('SIGTERM', () => {
  child.removeAllListeners('exit');
  child.kill('SIGKILL');
  process.exit();
});
run();
