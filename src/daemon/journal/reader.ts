import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Outcome } from '#core/model/decision.ts'
import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { Knob } from '#core/model/observation.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { RememberedSetting, TurnRecord } from '#ports.ts'
import { decodeCheckpoint, decodeDelta, type TurnBody } from './codec.ts'
import { damageOf, SCHEMA_VERSION, schemaVersion } from './schema.ts'

interface TurnRow {
  readonly turn: number
  readonly segment: number
  readonly policy: string
  readonly decider: string
  readonly body: Uint8Array
  readonly parts: Uint8Array | null
}

/** Reading side of the journal: what the command line uses beside a running daemon, and the daemon itself. */
export class JournalReader {
  protected readonly database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.database = database
  }

  lastTurn(): number {
    const row = this.database.prepare('SELECT max(turn) AS turn FROM turns').get() as { turn: number | null }
    return row.turn ?? 0
  }

  firstTurn(): number {
    const row = this.database.prepare('SELECT min(turn) AS turn FROM turns').get() as { turn: number | null }
    return row.turn ?? 0
  }

  /** The first turn from this one on; null where there is none. */
  turnFrom(turn: number): number | null {
    const row = this.database.prepare('SELECT min(turn) AS turn FROM turns WHERE turn >= ?').get(turn)
    return (row as { turn: number | null }).turn
  }

  /** The last turn that was made before a time; 0 where none was. Where UTC has jumped back, the newest one counts. */
  lastTurnBefore(utcMs: number): number {
    const row = this.database
      .prepare('SELECT turn FROM turns WHERE utc_ms < ? ORDER BY turn DESC LIMIT 1')
      .get(utcMs) as { turn: number } | undefined
    return row?.turn ?? 0
  }

  /** The turns of a range, both ends included, oldest first: all at once, so for short ranges. */
  turns(from: number, to: number): readonly TurnRecord[] {
    const records: TurnRecord[] = []
    for (const checkpoint of this.checkpoints(from, to)) {
      for (const record of this.segment(checkpoint, to)) if (record.turn >= from) records.push(record)
    }
    return records
  }

  /**
   * The checkpoints that a range of turns builds on, oldest first, the first at or before it. Each is looked for when it
   * is asked for, so a walk of any length holds one segment, and keeps neither the daemon from pruning nor the log from
   * being written back.
   */
  *checkpoints(from: number, to: number): Generator<number, void> {
    const start = this.database
      .prepare('SELECT segment FROM turns WHERE turn <= ? ORDER BY turn DESC LIMIT 1')
      .get(Math.max(from, this.firstTurn())) as { segment: number } | undefined
    let checkpoint = start?.segment ?? null
    while (checkpoint !== null && checkpoint <= to) {
      yield checkpoint
      checkpoint = this.#checkpointAfter(checkpoint)
    }
  }

  /** The turns from a checkpoint to the next, or to `to`; none where it has been pruned. @throws where it is damaged. */
  segment(checkpoint: number, to: number): readonly TurnRecord[] {
    const next = this.#checkpointAfter(checkpoint)
    const last = next === null ? to : Math.min(to, next - 1)
    const rows = this.database
      .prepare('SELECT turn, segment, policy, decider, body, parts FROM turns WHERE turn BETWEEN ? AND ? ORDER BY turn')
      .all(checkpoint, last) as unknown as TurnRow[]
    let previous: TurnRecord | null = null
    return rows.map((row) => {
      if (previous !== null && previous.turn !== row.turn - 1) {
        throw new Error(
          `turn ${row.turn - 1} is missing from the journal, and turn ${row.turn} cannot be read without it`,
        )
      }
      const record = decodeRow(row, previous)
      previous = record
      return record
    })
  }

  #checkpointAfter(turn: number): number | null {
    const row = this.database
      .prepare('SELECT turn FROM turns WHERE turn > ? AND turn = segment ORDER BY turn LIMIT 1')
      .get(turn) as { turn: number } | undefined
    return row?.turn ?? null
  }

  turn(turn: number): TurnRecord | null {
    return this.turns(turn, turn)[0] ?? null
  }

  /** A turn with all before it back to its checkpoint, oldest first: what it takes to decide it again. */
  segmentUntil(turn: number): readonly TurnRecord[] {
    const row = this.database.prepare('SELECT segment FROM turns WHERE turn = ?').get(turn) as
      | { segment: number }
      | undefined
    return row === undefined ? [] : this.segment(row.segment, turn)
  }

  /** Numbers of the last turns, newest first, that changed something: of one domain, before a turn, where asked for. */
  turnsWithChanges(
    count: number,
    { domain, before = this.lastTurn() + 1 }: { readonly domain?: DomainName; readonly before?: number } = {},
  ): readonly number[] {
    const rows =
      domain === undefined
        ? this.database
            .prepare('SELECT turn FROM turns WHERE changes > 0 AND turn < ? ORDER BY turn DESC LIMIT ?')
            .all(before, count)
        : this.database
            .prepare(
              `SELECT turn FROM turns WHERE changes > 0 AND turn < ?
               AND EXISTS (SELECT 1 FROM json_each(changed) WHERE value = ?) ORDER BY turn DESC LIMIT ?`,
            )
            .all(before, domain, count)
    return (rows as { turn: number }[]).map(({ turn }) => turn)
  }

  outcomesOf(turn: number): readonly Outcome[] {
    const row = this.database.prepare('SELECT body FROM outcomes WHERE turn = ?').get(turn) as
      | { body: string }
      | undefined
    return row === undefined ? [] : JSON.parse(row.body)
  }

  /** In the order of driver, node and knob. */
  remembered(): readonly RememberedSetting[] {
    const rows = this.database.prepare('SELECT * FROM settings').all() as Record<string, string>[]
    return rows.map((row) => ({
      driver: row['driver'] as string,
      node: row['node'] as NodeId,
      knob: row['knob'] as Knob,
      domain: row['domain'] as DomainName | null,
      identity: row['identity'] as string,
      original: JSON.parse(row['original'] as string),
      lastSet: JSON.parse(row['last_set'] as string),
      mayBe: JSON.parse(row['may_be'] as string),
    }))
  }

  policyText(hash: string): string | null {
    const row = this.database.prepare('SELECT text FROM policies WHERE hash = ?').get(hash) as
      | { text: string }
      | undefined
    return row?.text ?? null
  }

  /** The policy of the last turn; null before the first. */
  lastPolicyText(): string | null {
    const row = this.database
      .prepare('SELECT text FROM turns JOIN policies ON hash = policy ORDER BY turn DESC LIMIT 1')
      .get() as { text: string } | undefined
    return row?.text ?? null
  }

  /** What an operator asked for, or null. */
  wishOf(name: string): unknown {
    const row = this.database.prepare('SELECT value FROM wishes WHERE name = ?').get(name) as
      | { value: string }
      | undefined
    return row === undefined ? null : JSON.parse(row.value)
  }

  close(): void {
    this.database.close()
  }
}

/** @throws where the row is damaged. */
function decodeRow(row: TurnRow, previous: TurnBody | null): TurnRecord {
  const { turn, policy: policyHash, decider } = row
  if (row.turn !== row.segment && previous === null)
    throw new Error(`the journal has no turn before ${turn} to read it from; it is damaged`)
  try {
    if (row.turn === row.segment) return { turn, policyHash, decider, ...decodeCheckpoint(row.body) }
    return { turn, policyHash, decider, knowledge: null, ...decodeDelta(previous as TurnBody, row) }
  } catch (cause) {
    throw new Error(`turn ${turn} cannot be read from the journal, which is damaged there: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

/** The journal's file in a state directory. */
export function journalPath(stateDir: string): string {
  return `${stateDir}/journal.db`
}

/** Whether there is a journal. Throws where there may be one that this user must not read. */
export function hasJournal(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'EACCES' ? 'it is for the user that runs the daemon alone; try as root' : message
    throw new Error(`cannot read the journal ${path}: ${reason}`, { cause: error })
  }
}

/**
 * Opens a journal for reading beside whoever writes it, or returns null where there is none. Throws where it cannot be
 * read, or is of another version.
 */
export function readJournal(path: string): JournalReader | null {
  if (!hasJournal(path)) return null
  const database = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
  let found: number
  try {
    found = schemaVersion(database)
  } catch (cause) {
    database.close()
    throw new Error(`cannot read the journal ${path}: ${damageOf(cause) ?? reasonOf(cause)}`, { cause })
  }
  if (found !== SCHEMA_VERSION) {
    database.close()
    const why =
      found === 0
        ? 'it is empty: no daemon has written to it'
        : `its schema is version ${found}, this Reeve reads ${SCHEMA_VERSION}; start the daemon once to bring it up to date`
    throw new Error(`cannot read the journal ${path}: ${why}`)
  }
  return new JournalReader(database)
}
