// lockstep: the CLI.
import { keepCompiled } from '../../runtime/compile-cache.ts';

keepCompiled();
const { run } = await import('./run.ts');
process.exitCode = await run();
