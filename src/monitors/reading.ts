/** What a metric's source found, or why it is not believed. */
export type Judged = { readonly ok: true; readonly value: number } | { readonly ok: false; readonly reason: string }

/** Beyond this a double no longer tells whole numbers apart; no latency, rate or size of one host comes near. */
const VALUE_MOST = Number.MAX_SAFE_INTEGER

/**
 * Text is never read as a number: whoever writes "NaN" or "12 ms" is to hear of it. Nor is anything below 0 taken, in
 * whatever unit: goals are compared with their targets by quotients, so that the core could make nothing of it.
 */
export function judgeValue(value: unknown): Judged {
  const refuse = (reason: string): Judged => ({ ok: false, reason })
  if (typeof value !== 'number') return refuse(`${describe(value)} is not a number`)
  if (!Number.isFinite(value)) return refuse(`${value} is not a finite number`)
  if (value < 0) return refuse(`${value} is negative, and a reading is 0 or more`)
  if (value > VALUE_MOST) return refuse(`${value} is too large to be a reading`)
  return { ok: true, value }
}

/** Shortened: what was sent is shown to people, and nobody vouches for it. */
function describe(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

/** How many of the readings that were pushed were believed; the last refusal says what to mend. */
export interface Tally {
  accepted: number
  refused: number
  lastRefusal: string | null
}

export function newTally(): Tally {
  return { accepted: 0, refused: 0, lastRefusal: null }
}

export function refuse(tally: Tally, reason: string): void {
  tally.refused++
  tally.lastRefusal = reason
}
