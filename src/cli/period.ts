import type { Point } from '#daemon/replay/period.ts'
import { isDuration, milliseconds } from '#policy/values.ts'
import { EXIT, Failure } from './failure.ts'

export interface PeriodOptions {
  readonly since?: string
  readonly until?: string
}

/** As ISO has it and as `reeve history` prints it; always UTC. */
const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?(?:Z| UTC)?$/

/**
 * The bounds of a period as they are written: a turn (`4711`), a time in UTC (`2026-11-21T09:30`), or an age (`1h`),
 * counted back from `nowUtcMs`. What is not given is null.
 *
 * @throws {Failure} with all that is wrong with them.
 */
export function writtenPeriod(
  { since, until }: PeriodOptions,
  nowUtcMs: number,
): { readonly since: Point | null; readonly until: Point | null } {
  const faults: string[] = []
  const read = (option: string, text: string | undefined): Point | null => {
    if (text === undefined) return null
    const point = pointOf(text, nowUtcMs)
    if (point === null)
      faults.push(`${option} wants a turn, a time in UTC such as 2026-11-21T09:30, or an age such as 1h, not '${text}'`)
    return point
  }
  const points = { since: read('--since', since), until: read('--until', until) }
  if (faults.length > 0) throw new Failure(faults.join('; '), EXIT.usage)
  return points
}

function pointOf(text: string, nowUtcMs: number): Point | null {
  if (/^[1-9]\d{0,14}$/.test(text)) return { turn: Number(text) }
  if (isDuration(text)) return { utcMs: nowUtcMs - milliseconds(text) }
  const [, day, time = '00:00'] = TIME.exec(text) ?? []
  const utcMs = day === undefined ? Number.NaN : Date.parse(`${day}T${time}Z`)
  return Number.isNaN(utcMs) ? null : { utcMs }
}
