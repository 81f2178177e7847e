import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimate, remembered, type Sight } from './estimator.ts'

/**
 * What a goal needs while its metric cannot be read: a stale reading holds the last need; one that is lost falls back
 * to the reservation (nothing beyond it is asked for). A metric that has never been read yet holds what the domain
 * uses, so that a service is not starved before it could report for the first time.
 */
export function withoutReading(sight: Sight, memory: GoalMemory): Estimate {
  const { metric } = sight
  const need = remembered(memory, 'need')
  if (metric.kind === 'lost' && need !== undefined) {
    return { need: {}, because: { kind: 'fallback', reason: metric.reason }, measured: null, memory }
  }
  const held = need ?? sight.smoothUse[CPU]
  return {
    need: held === undefined ? {} : { [CPU]: held },
    because:
      metric.kind === 'lost'
        ? { kind: 'fallback', reason: metric.reason }
        : { kind: 'held', ageMs: metric.kind === 'held' ? metric.ageMs : 0 },
    measured: null,
    memory,
  }
}
