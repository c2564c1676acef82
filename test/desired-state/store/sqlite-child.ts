// A process of its own that uses an embedded store until it is killed; it prints each revision that the store accepted.
//   sqlite-child.ts hold PATH    opens and keeps it
//   sqlite-child.ts write PATH   writes without end; on an error prints what the store then holds, and keeps it open
import { writeSync } from 'node:fs';
import { messageOf } from '../../../desired-state/errors.ts';
import { SqliteStore } from '../../../desired-state/store/sqlite/sqlite-store.ts';
import { eventOf, specWrite } from '../../conformance/store-fixtures.ts';

const [, , mode, path = ''] = process.argv;
/** Written at once: what was printed before a kill -9 has been printed. */
const print = (line: string) => writeSync(1, `${line}\n`);

const store = await SqliteStore.open(path);
print('open');
for (let i = 0; mode === 'write'; i += 1) {
  try {
    const annotations = { note: 'x'.repeat(1_000) };
    const { revision } = await store.writeSpecs([specWrite(`child-${i}`, { annotations })], {
      events: [eventOf(`child-${i}`, 'created')],
    });
    print(`accepted ${revision}`);
  } catch (error) {
    print(`failed ${messageOf(error)}`);
    const { revision, records } = await store.list();
    print(`holds ${revision} ${records.length} ${(await store.listEvents({ limit: 100_000 })).length}`);
    break;
  }
}
// Something to wait for, until the parent kills it.
process.stdin.resume();
