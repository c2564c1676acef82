// A process that does next to nothing. Arguments: `nothing`; `watch FOLDER`, with a timer of 5 s; `timer`, one of 100 ms.
import { watch } from 'node:fs';

const [what, folder = '.'] = process.argv.slice(2);
if (what === 'watch') watch(folder, () => undefined);
setInterval(() => undefined, what === 'nothing' ? 1_000_000 : what === 'watch' ? 5_000 : 100);
