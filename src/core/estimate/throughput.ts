import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimator, remembered, type Sight } from './estimator.ts'
import { withoutReading } from './without-reading.ts'

/** Weight of the newest interval in the cost of a unit of work; and where the cost has plainly changed. */
const NEWEST = 0.3
const NEWEST_AFTER_CHANGE = 0.8
/** A cost that is off by more than this part of it has plainly changed. */
const PLAINLY = 0.3
/** Asked for beyond the target's own cost, so that noise in the cost does not miss the goal. */
const MARGIN = 1.1

/** How what is asked for follows a goal that is missed with all of it in force, and that is met with room. */
const BOOST_STEP = 1.15
const BOOST_BACK = 1.05
const BOOST_MOST = 3
const WITH_ROOM = 0.8
const NEARLY_GRANTED = 0.9

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
  const boost = boostOf(sight, memory, measured.index)
  const need = Math.min(perUnit * aim.target * MARGIN * boost, sight.capacity[CPU] ?? Number.POSITIVE_INFINITY)
  return {
    need: { [CPU]: need },
    because: { kind: 'work-cost', use: smoothedUse, throughput: smoothedRate, target: aim.target, perUnit },
    measured,
    memory: { use: smoothedUse, rate: smoothedRate, need, boost },
  }
}

/**
 * A scheduler does not always deliver what a weight promises: a service whose threads hand work to each other sleeps
 * and waits between, and gets less than its part. Where the goal is missed although what was asked for is in force, a
 * little more is asked for each turn; where it is met with room, it is given back.
 *
 * Worked: 280 asked for and in force, 60 of 75 requests/s answered: the next turn asks for 280 x 1.15 = 322.
 */
function boostOf(sight: Sight, memory: GoalMemory, index: number): number {
  const before = remembered(memory, 'boost') ?? 1
  const asked = remembered(memory, 'need') ?? Number.POSITIVE_INFINITY
  const isGranted = (sight.inForce[CPU] ?? 0) >= asked * NEARLY_GRANTED
  if (index > 1 && isGranted) return Math.min(before * BOOST_STEP, BOOST_MOST)
  return index < WITH_ROOM ? Math.max(1, before / BOOST_BACK) : before
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
