import type { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '#lib/reason-of.ts'

/**
 * The journal's tables and how an older file becomes a current one. A migration is only ever added at the end; the
 * file's `user_version` counts those that it has.
 *
 * `turns.segment` is the turn of the checkpoint that a delta builds on: a segment is a checkpoint and all deltas until
 * the next, read together and pruned together. `changed` lists the domains that the plan touches, for searching.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE policies (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE turns (
    turn INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    utc_ms REAL NOT NULL,
    policy TEXT NOT NULL,
    decider TEXT NOT NULL,
    changes INTEGER NOT NULL,
    body BLOB NOT NULL,
    parts BLOB
  );
  CREATE TABLE outcomes (turn INTEGER PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE settings (
    driver TEXT NOT NULL,
    node TEXT NOT NULL,
    knob TEXT NOT NULL,
    domain TEXT,
    identity TEXT NOT NULL,
    original TEXT NOT NULL,
    set_before TEXT NOT NULL,
    last_set TEXT NOT NULL,
    PRIMARY KEY (driver, node, knob)
  ) WITHOUT ROWID;
  `,
  // Searching for the last change of one domain, and what an operator asked for that outlives a restart.
  `
  ALTER TABLE turns ADD COLUMN changed TEXT;
  CREATE INDEX turns_with_changes ON turns (turn) WHERE changes > 0;
  CREATE INDEX checkpoints_by_policy ON turns (policy) WHERE turn = segment;
  CREATE TABLE wishes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  `,
  // All that may be in force and is Reeve's, where there was only what was so before.
  `
  ALTER TABLE settings RENAME COLUMN set_before TO may_be;
  UPDATE settings SET may_be = json_array(json(may_be));
  `,
]

export const SCHEMA_VERSION = MIGRATIONS.length

export function schemaVersion(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}

/** Result codes of SQLite: the pages of the file are not what they should be, or it never was a database. */
const DAMAGED: readonly unknown[] = [11, 26]

/** What to say of an error where it means that the journal's file is damaged; null where it means something else. */
export function damageOf(error: unknown): string | null {
  // Extended codes have the plain one in their last byte.
  const { errcode } = error as { readonly errcode?: unknown }
  if (typeof errcode !== 'number' || !DAMAGED.includes(errcode & 0xff)) return null
  return (
    `it is damaged (${reasonOf(error)}). What is in other parts of it may still be told, such as other turns. To begin ` +
    'anew stop Reeve and move journal.db* away: what is set then counts as found, so set back first what should not stay'
  )
}

/** Brings a file to the current schema, all of it or nothing. A file of a newer Reeve is refused, never guessed at. */
export function migrate(database: DatabaseSync, path: string): void {
  const found = schemaVersion(database)
  if (found > SCHEMA_VERSION) {
    throw new Error(
      `cannot use the journal ${path}: its schema is version ${found} and this Reeve knows ${SCHEMA_VERSION}; ` +
        'run the newer Reeve that wrote it, or give another state directory with --state',
    )
  }
  if (found === SCHEMA_VERSION) return
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const step of MIGRATIONS.slice(found)) database.exec(step)
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw new Error(`cannot bring the journal ${path} from schema ${found} to ${SCHEMA_VERSION}: ${error}`, {
      cause: error,
    })
  }
}
