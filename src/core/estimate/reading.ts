import type { GoalMemory } from '#core/model/knowledge.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { type MetricSight, remembered } from './estimator.ts'
import { overASecond } from './lately.ts'

/** The metric that a goal refers to, and the reading of it that counts. */
export interface Measured {
  readonly policy: MetricPolicy
  readonly reading: MetricReading | undefined
}

/** A stale reading is held for this many times the age at which it became stale, then it is lost. */
const HELD_FOR = 3

export const NO_METRIC: MetricSight = { kind: 'lost', reason: 'no-reading' }

/**
 * The reading as estimators see it, by its age and by what the goal remembers of the one before. A reading is told after
 * it was taken, and metrics may come less often than turns: one counts for several turns then, and is learned from once.
 * Either way it tells of the time between the one before and itself, so it stands beside what was used in that time; but
 * beside that in a second at least, because a metric that is read more often tells of longer, unless it is a counter.
 *
 * Worked: in turns of a second a domain used 300, then 100 millicores (`use`), and each reading is 0.25 s old. The second
 * tells of a quarter of the first turn and three quarters of the second one: it stands beside 150.
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
  const before = remembered(memory, 'readAtMs')
  if (takenAtMs === before) return { kind: 'fresh', value, ageMs, isRepeated: true }
  const used = usedUntil(memory, takenAtMs, use)
  if (before === undefined || takenAtMs < before || used === undefined) return { kind: 'fresh', value, ageMs }
  const now = used / (takenAtMs - before)
  if (policy.source.kind === 'counter') return { kind: 'fresh', value, ageMs, use: now }
  return { kind: 'fresh', value, ageMs, use: overASecond(remembered(memory, 'usedBeside'), now, takenAtMs - before) }
}

/**
 * What the goal is to remember of it: when the last reading that told something was taken, and what its domain has used
 * since. While none counts nothing adds up, for the next one is not about that time.
 *
 * @param newAtMs when the reading that this turn learns from was taken; null where it learns from none
 */
export function readingMemory(
  memory: GoalMemory,
  metric: MetricSight,
  newAtMs: number | null,
  use: number | undefined,
  nowMs: number,
): GoalMemory {
  const readAtMs = newAtMs ?? remembered(memory, 'readAtMs')
  if (readAtMs === undefined) return {}
  // Estimators may keep what they are given, so what counts no more is to be taken out of that.
  const unknown = { readAtMs, usedSince: null, turnAtMs: null, usedBeside: null }
  if (metric.kind !== 'fresh' || use === undefined) return unknown
  const used = usedUntil(memory, nowMs, use)
  const usedBeside = (newAtMs === null ? remembered(memory, 'usedBeside') : metric.use) ?? null
  if (newAtMs === null) return used === undefined ? unknown : { readAtMs, usedSince: used, turnAtMs: nowMs, usedBeside }
  const before = usedUntil(memory, newAtMs, use)
  const since = used === undefined || before === undefined ? use * (nowMs - newAtMs) : used - before
  return { readAtMs, usedSince: Math.max(0, since), turnAtMs: nowMs, usedBeside }
}

/**
 * Millicores times milliseconds that were used from the last reading to a moment before the end of this turn, in which
 * `use` was; undefined where that is not known. What was used in earlier turns counts as if it had been used evenly.
 */
function usedUntil(memory: GoalMemory, untilMs: number, use: number | undefined): number | undefined {
  const [readAtMs, turnAtMs] = [remembered(memory, 'readAtMs'), remembered(memory, 'turnAtMs')]
  const usedSince = remembered(memory, 'usedSince')
  if (readAtMs === undefined || turnAtMs === undefined || usedSince === undefined || use === undefined) return undefined
  if (untilMs >= turnAtMs) return usedSince + use * (untilMs - turnAtMs)
  if (untilMs <= readAtMs) return 0
  return (usedSince * (untilMs - readAtMs)) / (turnAtMs - readAtMs)
}
