import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimator, remembered } from './estimator.ts'
import { withoutReading } from './without-reading.ts'

/** Weight of the newest interval in the cost of a unit of work; and where the cost has plainly changed. */
const NEWEST = 0.3
const NEWEST_AFTER_CHANGE = 0.8
/** A cost that is off by more than this part of it has plainly changed. */
const PLAINLY = 0.3
/** Asked for beyond the target's own cost, so that noise in the cost does not miss the goal. */
const MARGIN = 1.1

/**
 * Learns the CPU that a unit of work costs (use over throughput, both smoothed) and asks for the target's worth of it.
 * Source: the throughput estimator of document A ("packets per CPU-second"), and the work-cost method of
 * utilization-law estimators (use = throughput x service demand).
 *
 * Worked: 400 millicores used at 100 requests/s are 4 millicore-seconds each; a target of 150/s needs 660 with margin.
 */
export const throughput: Estimator<'throughput'> = (aim, sight, memory) => {
  const { metric } = sight
  const use = sight.use[CPU]
  if (metric.kind !== 'fresh' || use === undefined) return withoutReading(sight, memory)
  const newest = newestWeight(memory, use, metric.value)
  const smoothedUse = blend(remembered(memory, 'use'), use, newest)
  const smoothedRate = blend(remembered(memory, 'rate'), metric.value, newest)
  const measured = { value: metric.value, target: aim.target, index: aim.target / Math.max(metric.value, 1e-9) }
  if (smoothedRate <= 0) return { ...withoutReading(sight, memory), measured }
  const perUnit = smoothedUse / smoothedRate
  const need = Math.min(perUnit * aim.target * MARGIN, sight.capacity[CPU] ?? Number.POSITIVE_INFINITY)
  return {
    need: { [CPU]: need },
    because: { kind: 'work-cost', use: smoothedUse, throughput: smoothedRate, target: aim.target, perUnit },
    measured,
    memory: { use: smoothedUse, rate: smoothedRate, need },
  }
}

/** Slow while the cost is what it was, so that noise moves nothing; fast once it is not. */
function newestWeight(memory: GoalMemory, use: number, rate: number): number {
  const before = (remembered(memory, 'use') ?? 0) / Math.max(remembered(memory, 'rate') ?? 0, 1e-9)
  const now = use / Math.max(rate, 1e-9)
  return before > 0 && Math.abs(now / before - 1) > PLAINLY ? NEWEST_AFTER_CHANGE : NEWEST
}

function blend(before: number | undefined, now: number, newest: number): number {
  return before === undefined ? now : before + newest * (now - before)
}
