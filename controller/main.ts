// lockstep-controller: the daemon's program.
import { run } from './command-line.ts';

await run();
