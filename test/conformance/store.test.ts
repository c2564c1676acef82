// Runs the Store's contract on the adapters that need nothing but a folder.
import { join } from 'node:path';
import { ObservedStore, type StoreObserver } from '../../controller/metrics/observed-store.ts';
import { MemoryStore } from '../../desired-state/store/memory.ts';
import { SqliteStore } from '../../desired-state/store/sqlite/sqlite-store.ts';
import { nodeClock } from '../../runtime/node-clock.ts';
import { describeStoreConformance } from './store.ts';

const deaf: StoreObserver = {
  wrote: () => {},
  failed: () => {},
  appended: () => {},
  watchBegan: () => {},
  watchEnded: () => {},
};

describeStoreConformance('MemoryStore', async () => new MemoryStore(), { durable: false });
describeStoreConformance('ObservedStore', async () => new ObservedStore(new MemoryStore(), nodeClock, deaf), {
  durable: false,
});
describeStoreConformance('SqliteStore', (folder) => SqliteStore.open(join(folder, 'store.db')), {
  durable: true,
});
