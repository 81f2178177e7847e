/** Checks the changes of a plan against each other and against time (properties 4 and 7). */
import type { Violation } from '#core/model/decision.ts'

/** One write, as far as its order and its past matter; a plan's changes are assignable to it. */
export interface ChangeToCheck {
  readonly domain?: string | null
  readonly node: string
  readonly knob: string
  readonly resource?: string | null
  readonly direction: 'shrink' | 'grow' | 'neutral'
  readonly from: unknown
  readonly to: unknown
  /** The last change of this knob in a direction; absent or null where there was none. */
  readonly last?: { readonly direction: 'shrink' | 'grow'; readonly atMs: number } | null
  /** A goal of a higher class, or lost capacity, caused it: then it need not wait for its cooldown. */
  readonly excused?: boolean
}

export interface PlanTiming {
  /** Monotonic milliseconds of the observation that was decided on. */
  readonly nowMs: number
  readonly cooldownMs: number
}

/**
 * Shrinks come before grows of the same resource, no knob is written twice, and none is turned back within its cooldown
 * without an excuse.
 * Example: with a cooldown of 10 s, a knob that grew 4 s ago may grow on, but shrinks in another 6 s only.
 */
export function checkPlan(changes: readonly ChangeToCheck[], timing: PlanTiming): Violation[] {
  const found: Violation[] = []
  const growing = new Map<string, string>()
  const written = new Set<string>()
  for (const change of changes) {
    const subject = `${change.node} ${change.knob}`
    const add = (rule: string, message: string) => {
      found.push({ rule, subject, message })
    }
    if (written.has(subject)) add('once', 'is changed twice in one plan')
    written.add(subject)
    const resource = change.resource ?? ''
    const grown = growing.get(resource)
    if (change.direction === 'shrink' && grown !== undefined) {
      add('shrink-first', `shrinks ${resource} after ${grown} has grown`)
    }
    if (change.direction === 'grow' && grown === undefined) growing.set(resource, subject)
    if (
      typeof change.from === 'number' &&
      typeof change.to === 'number' &&
      isMisdirected(change.direction, change.to - change.from)
    ) {
      add('direction', `goes from ${change.from} to ${change.to}, which is no ${change.direction}`)
    }
    const waits = stillWaits(change, timing)
    if (waits > 0) add('cooldown', `turns back ${waits} ms before its cooldown is over`)
  }
  return found
}

function isMisdirected(direction: ChangeToCheck['direction'], difference: number): boolean {
  return (direction === 'shrink' && difference > 0) || (direction === 'grow' && difference < 0)
}

/** Milliseconds for which a reversal should still wait; 0 for what reverses nothing or is excused. */
function stillWaits({ direction, last, excused }: ChangeToCheck, { nowMs, cooldownMs }: PlanTiming): number {
  if (excused === true || last == null || direction === 'neutral' || last.direction === direction) return 0
  return Math.max(0, last.atMs + cooldownMs - nowMs)
}
