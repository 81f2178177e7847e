import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimate, remembered, type Sight } from './estimator.ts'
import { wantedOf } from './utilization.ts'
import { mostOf, windowed } from './window.ts'

/** Of what it is asked for without a reading, a domain uses this part. */
const TARGET = 0.8

type Unread = Extract<Estimate['because'], { readonly kind: 'by-use' }>['reason']

/**
 * What a goal needs while its metric cannot be read: a stale reading holds the last need; without one that counts, the
 * domain is judged by the CPU that it uses and waits for, like one with a utilization goal. A service is never starved
 * for want of a reading: one that gets nothing completes nothing, so that it could never report again.
 */
export function withoutReading(sight: Sight, memory: GoalMemory): Estimate {
  const { metric } = sight
  if (metric.kind === 'lost') return byUse(sight, memory, metric.reason)
  const need = remembered(memory, 'need')
  if (need === undefined) return byUse(sight, memory, 'stale')
  return { need: { [CPU]: need }, least: {}, because: { kind: 'held', ageMs: metric.ageMs }, measured: null, memory }
}

/**
 * What a goal needs whose metric says nothing of its need, for that reason.
 *
 * Worked: 80 millicores used need 100; the same held back need 125, and more in the turn after if it uses those.
 */
export function byUse(sight: Sight, memory: GoalMemory, reason: Unread): Estimate {
  const use = sight.smoothUse[CPU]
  if (use === undefined) {
    return { need: {}, least: {}, because: { kind: 'fallback', reason: 'no-reading' }, measured: null, memory }
  }
  const { wanted, heldBack } = wantedOf(use, sight.heldBack[CPU])
  const window = windowed(
    memory,
    Math.min(wanted / TARGET, sight.capacity[CPU] ?? Number.POSITIVE_INFINITY),
    sight.nowMs,
  )
  const need = mostOf(window)
  return {
    need: { [CPU]: need },
    least: {},
    because: { kind: 'by-use', reason, wanted: need * TARGET, target: TARGET, heldBack },
    measured: null,
    memory: { ...memory, ...window, need },
  }
}
