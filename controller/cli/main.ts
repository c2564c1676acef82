// lockstep: the CLI.
import { run } from './run.ts';

process.exitCode = await run();
