// Runs the Store's contract on the adapters that need nothing but a folder.
import { join } from 'node:path';
import { MemoryStore } from '../../desired-state/store/memory.ts';
import { SqliteStore } from '../../desired-state/store/sqlite/sqlite-store.ts';
import { describeStoreConformance } from './store.ts';

describeStoreConformance('MemoryStore', async () => new MemoryStore(), { durable: false });
describeStoreConformance('SqliteStore', (folder) => SqliteStore.open(join(folder, 'store.db')), {
  durable: true,
});
