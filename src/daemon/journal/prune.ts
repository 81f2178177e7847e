import type { DatabaseSync } from 'node:sqlite'

export interface PruneBounds {
  readonly olderThanUtcMs: number
  readonly bytesMax: number
}

/** Few enough that the turn which happens to prune is not late. */
const SEGMENTS_PER_STEP = 2
const PAGES_PER_STEP = 512

/**
 * Takes a small step towards the bounds: the oldest whole segments go where they are too old or the file too large,
 * and a few free pages go back to the file system. Called at every checkpoint, so it keeps up: each call adds one
 * segment and may remove two. The newest segment always stays, and so do remembered settings.
 */
export function prune(database: DatabaseSync, bounds: PruneBounds): void {
  for (let step = 0; step < SEGMENTS_PER_STEP; step++) {
    const [oldest, next] = database
      .prepare('SELECT turn FROM turns WHERE turn = segment ORDER BY turn LIMIT 2')
      .all() as { turn: number }[]
    if (oldest === undefined || next === undefined) break
    const last = database
      .prepare('SELECT utc_ms FROM turns WHERE turn < ? ORDER BY turn DESC LIMIT 1')
      .get(next.turn) as { utc_ms: number }
    if (last.utc_ms >= bounds.olderThanUtcMs && usedBytes(database) <= bounds.bytesMax) break
    removeBefore(database, next.turn)
  }
  database.exec(`PRAGMA incremental_vacuum(${PAGES_PER_STEP})`)
}

function removeBefore(database: DatabaseSync, turn: number): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    database.prepare('DELETE FROM turns WHERE turn < ?').run(turn)
    database.prepare('DELETE FROM outcomes WHERE turn < ?').run(turn)
    // Every segment has one policy, so its checkpoint stands for it, and an index over checkpoints answers this.
    database.exec(
      `DELETE FROM policies WHERE NOT EXISTS
       (SELECT 1 FROM turns WHERE turns.policy = policies.hash AND turns.turn = turns.segment)`,
    )
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Bytes that hold something; pages that are free already do not count against the bound. */
export function usedBytes(database: DatabaseSync): number {
  const number = (pragma: string) => Object.values(database.prepare(`PRAGMA ${pragma}`).get() as object)[0] as number
  return (number('page_count') - number('freelist_count')) * number('page_size')
}
