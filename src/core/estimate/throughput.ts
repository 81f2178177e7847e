import { CPU } from '#core/model/resource.ts'
import { type Estimator, remembered } from './estimator.ts'
import { withoutReading } from './without-reading.ts'

/** Weight of the newest interval in the cost of a unit of work: two intervals bring three quarters of a change. */
const NEWEST = 0.5
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
  const smoothedUse = blend(remembered(memory, 'use'), use)
  const smoothedRate = blend(remembered(memory, 'rate'), metric.value)
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

function blend(before: number | undefined, now: number): number {
  return before === undefined ? now : before + NEWEST * (now - before)
}
