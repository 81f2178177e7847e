import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimate, remembered, type Sight } from './estimator.ts'

/** Turns for which a metric that was never read yet may keep its domain at what it uses. */
const AWAITED_TURNS = 60

/**
 * What a goal needs while its metric cannot be read: a stale reading holds the last need; one that is lost falls back
 * to the reservation (nothing beyond it is asked for). A metric of which nothing was ever read holds what the domain
 * uses for a while, so that a service is not starved before it could report for the first time.
 */
export function withoutReading({ metric, smoothUse }: Sight, memory: GoalMemory): Estimate {
  const need = remembered(memory, 'need')
  const use = smoothUse[CPU]
  if (metric.kind !== 'lost') {
    const held = need ?? use
    const because = { kind: 'held', ageMs: metric.ageMs } as const
    return { need: held === undefined ? {} : { [CPU]: held }, least: {}, because, measured: null, memory }
  }
  const awaited = remembered(memory, 'awaited') ?? 0
  if (metric.reason === 'no-reading' && need === undefined && awaited < AWAITED_TURNS && use !== undefined) {
    const because = { kind: 'awaited', use, turnsLeft: AWAITED_TURNS - awaited } as const
    return { need: { [CPU]: use }, least: {}, because, measured: null, memory: { ...memory, awaited: awaited + 1 } }
  }
  return { need: {}, least: {}, because: { kind: 'fallback', reason: metric.reason }, measured: null, memory }
}
