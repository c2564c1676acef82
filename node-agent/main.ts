// lockstep-agent: the daemon's program.
import { keepCompiled } from '../runtime/compile-cache.ts';

keepCompiled();
const { run } = await import('./command-line.ts');
await run();
