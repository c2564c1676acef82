// The tables of the embedded store and how an older database becomes the newest: one step per version, never edited once released.
import type { SqlDatabase } from './sql-database.ts';

/** `LKST`: marks a SQLite file as Lockstep's store (PRAGMA application_id). */
export const APPLICATION_ID = 0x4c4b5354;

/** Step i takes a database from version i to i + 1. JSON columns hold what the schemas of host.ts and events.ts describe. */
const MIGRATIONS: readonly string[] = [
  `
  PRAGMA application_id = ${APPLICATION_ID};
  CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
  ) STRICT;
  INSERT INTO store (id, revision) VALUES (1, 0);
  CREATE TABLE hosts (
    name TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    spec TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    status TEXT,
    reportedGeneration INTEGER NOT NULL,
    specRevision INTEGER NOT NULL,
    revision INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX hosts_by_revision ON hosts (revision, name);
  -- number counts the events of one host, so that the oldest to keep is known without counting rows.
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX events_by_host ON events (host, number);
  CREATE TABLE fences (
    name TEXT NOT NULL PRIMARY KEY,
    token INTEGER NOT NULL
  ) STRICT;
  `,
  // Generations had no bound: a host whose flag said a huge one could not be changed any more. What was reported of such a one says nothing and is reported
  // anew; a generation of the store's own leaves half of the numbers for what comes.
  `
  DELETE FROM events WHERE CASE WHEN json_valid(body) THEN json_extract(body, '$.generation') > 1000000000000000 END;
  UPDATE hosts SET status = NULL, reportedGeneration = 0 WHERE reportedGeneration > 1000000000000000;
  UPDATE hosts SET status = NULL, generation = 500000000000000 WHERE generation > 1000000000000000;
  `,
];

/** The version that this program writes and reads (PRAGMA user_version). */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Takes a database of version `from` through every later step, all in one transaction.
 * @throws what SQLite throws; the database then stays at `from`.
 */
export function migrate(database: SqlDatabase, from: number, migrations = MIGRATIONS): void {
  if (from >= migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const migration of migrations.slice(from)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
