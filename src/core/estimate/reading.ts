import type { GoalMemory } from '#core/model/knowledge.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { type MetricSight, remembered } from './estimator.ts'

/** The metric that a goal refers to, and the reading of it that counts. */
export interface Measured {
  readonly policy: MetricPolicy
  readonly reading: MetricReading | undefined
}

/** A stale reading is held for this many times the age at which it became stale, then it is lost. */
const HELD_FOR = 3

export const NO_METRIC: MetricSight = { kind: 'lost', reason: 'no-reading' }

/**
 * The reading as estimators see it, by its age and by what the goal remembers of the one before. Metrics may come less
 * often than turns: a reading counts for several turns then, and is learned from once, beside what was used since the
 * one before it.
 *
 * Worked: a reading every 3 s, of a domain that used 300, 400 and 500 millicores (`use`) in the turns since the last one,
 * is new in the third of these turns with a use of 400, and repeated in the two after it.
 */
export function metricSight(
  { policy, reading }: Measured,
  memory: GoalMemory,
  use: number | undefined,
  nowMs: number,
): MetricSight {
  if (reading === undefined) return NO_METRIC
  const { value, takenAtMs } = reading
  if (!Number.isFinite(value) || value < 0) return { kind: 'lost', reason: 'invalid' }
  const ageMs = Math.max(0, nowMs - takenAtMs)
  if (ageMs > HELD_FOR * policy.staleMs) return { kind: 'lost', reason: 'stale' }
  if (ageMs > policy.staleMs) return { kind: 'held', value, ageMs }
  if (takenAtMs === remembered(memory, 'readAtMs')) return { kind: 'fresh', value, ageMs, isRepeated: true }
  const turns = remembered(memory, 'turnsSince') ?? 0
  if (turns === 0 || use === undefined) return { kind: 'fresh', value, ageMs }
  return { kind: 'fresh', value, ageMs, use: ((remembered(memory, 'usedSince') ?? 0) + use) / (turns + 1) }
}

/**
 * What the goal is to remember of it: when the last reading that told something was taken, and what its domain has used
 * in how many turns since. While none counts nothing adds up, for the next one is not about that time.
 */
export function readingMemory(
  memory: GoalMemory,
  metric: MetricSight,
  newAtMs: number | null,
  use: number | undefined,
): GoalMemory {
  const readAtMs = newAtMs ?? remembered(memory, 'readAtMs')
  const isBetween = metric.kind === 'fresh' && metric.isRepeated === true && use !== undefined
  return {
    ...(readAtMs !== undefined && { readAtMs }),
    usedSince: isBetween ? (remembered(memory, 'usedSince') ?? 0) + use : 0,
    turnsSince: isBetween ? (remembered(memory, 'turnsSince') ?? 0) + 1 : 0,
  }
}
