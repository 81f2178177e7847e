import type { JournalReader } from '#daemon/journal/reader.ts'
import { NotOnRecord } from '#daemon/views.ts'

/** A place on the record: a turn by its number, or a time in UTC milliseconds. */
export type Point = { readonly turn: number } | { readonly utcMs: number }

/** Turns on record, both ends included. */
export interface Period {
  readonly from: number
  readonly to: number
}

/**
 * The turns from a point on and until another: from the first turn at that time, and until the last before that time. A
 * turn that is named belongs to it; null is the beginning or the end of the record. The first of them is on record.
 *
 * @throws {NotOnRecord} where no turn lies there, with what is on record.
 */
export function periodOf(
  journal: JournalReader,
  { since, until }: { readonly since: Point | null; readonly until: Point | null },
): Period {
  const first = journal.firstTurn()
  const last = journal.lastTurn()
  if (last === 0) throw new NotOnRecord('no turn is on record yet')
  const from = since === null ? first : 'turn' in since ? since.turn : journal.lastTurnBefore(since.utcMs) + 1
  const to = until === null ? last : 'turn' in until ? until.turn : journal.lastTurnBefore(until.utcMs)
  const start = journal.turnFrom(from)
  if (start !== null && start <= to) return { from: start, to: Math.min(to, last) }
  if (since !== null && until !== null && isAfter(since, until)) {
    throw new NotOnRecord(`nothing lies between ${pointText(since)} and ${pointText(until)}, which comes before it`)
  }
  const asked = [since === null ? '' : ` since ${pointText(since)}`, until === null ? '' : ` until ${pointText(until)}`]
  const [one, other] = [first, last].map((turn) => timeText(journal.turn(turn)?.observation.at.utcMs ?? 0))
  throw new NotOnRecord(`no turn${asked.join('')} is on record; turns ${first} (${one}) to ${last} (${other}) are`)
}

/** Of two turns or two times. */
function isAfter(since: Point, until: Point): boolean {
  if ('turn' in since) return 'turn' in until && since.turn > until.turn
  return 'utcMs' in until && since.utcMs > until.utcMs
}

function pointText(point: Point): string {
  return 'turn' in point ? `turn ${point.turn}` : timeText(point.utcMs)
}

function timeText(utcMs: number): string {
  return new Date(utcMs).toISOString()
}
