import { claimOf, wantsAll } from '#core/claim.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimator, remembered, type Sight } from './estimator.ts'
import { mostOf, windowed } from './window.ts'
import { byUse, withoutReading } from './without-reading.ts'

/** Weight of the newest interval in the cost of a unit of work; and where the cost has plainly changed. */
const NEWEST = 0.3
const NEWEST_AFTER_CHANGE = 0.8
/** From the one to the other in steps of this, because the first interval after a change is half of the time before. */
const CALMING = 0.7
/** A cost that is off by more than this part of it has plainly changed, */
const PLAINLY = 0.3
/** unless that may be chance: as many standard deviations from the count that was awaited one comes seldom. */
const SELDOM = 3
/** So many units completed in a second tell what one costs, however little of the usual work that was. */
const UNITS = 5
/** They were not completed in an interval in which less than this was used, in millicores: they are told late. */
const USED_LEAST = 10
/** An interval that tells less than this part of what others do cannot show that the cost has changed. */
const TELLING = 0.3
/**
 * Asked for beyond the target's own cost, so that noise in the cost does not miss the goal: so many of its standard
 * deviations, as a factor, between these.
 */
const DEVIATIONS = 1.5
const MARGIN_LEAST = 1.15
const MARGIN_MOST = 1.4
/** Weight of the newest interval in how much the cost varies. */
const NEWEST_OF_NOISE = 0.1

/** What it cost at most of late counts up to so many times what it costs now: beyond that it has become cheaper. */
const DEARER_MOST = 1.25

/** Who uses less than this part of what he has, and would not use all of it had he not waited, lacks no CPU. */
const IDLE = 0.7
/** Asked for by who has never met the goal: so many times what it wants, which lets it be seen to want more, */
const ROOM = 1.5
/** and of one that wants all that it has, which lets its waits tell how much more that is. */
const GROWTH = 2
/** Less than this part of the target is as good as nothing, of which a unit costs anything. */
const NOTHING = 1e-6

/** A domain that waits this much of the time that it wants a CPU is held back. */
const HELD_BACK = 0.05
/** The least part of its entitlement that a scheduler is believed to deliver. */
const DELIVERED_LEAST = 0.7
/** Bad news of it is believed sooner than good, because what arrives varies and the goal counts in every second. */
const WORSE = 0.5
const BETTER = 0.3

/**
 * Learns the CPU that a unit of work costs (use over throughput, both smoothed) and asks for the target's worth of it,
 * at the most that it has cost of late (`window.ts`), as far as that may have been noise. A goal that is missed by a
 * domain that wants well less CPU than it has lacks work, not CPU: what a domain does all by itself is not the cost of that
 * little work, so nothing is learned of one that has met its goal before. One that never has is asked nothing more for,
 * and where it wants all that it has, no more than twice what it wants.
 * Source: the throughput estimator of document A ("packets per CPU-second"), and the work-cost method of
 * utilization-law estimators (use = throughput x service demand).
 *
 * Worked: 400 millicores used at 100 requests/s are 4 millicore-seconds each; a target of 150/s needs 690 with margin.
 * At night 2 requests/s come and 60 millicores are used, most of them by the system itself: 690 are still enough.
 */
export const throughput: Estimator<'throughput'> = (aim, sight, memory) => {
  const { metric } = sight
  const use = sight.use[CPU]
  if (metric.kind !== 'fresh' || use === undefined) return withoutReading(sight, memory)
  const used = metric.use ?? use
  const claim = claimOf(sight, CPU)
  const isIdle = metric.value < aim.target && claim.used < IDLE * claim.has && !wantsAll(claim, claim.has)
  const proven = metric.value >= aim.target || remembered(memory, 'proven') === 1
  const isTold = !metric.isRepeated && !(isIdle && proven)
  const { calm, newest, variance } = isTold ? newestWeight(memory, used, metric.value) : standing(memory)
  const smoothedUse = blend(remembered(memory, 'use'), used, newest)
  const smoothedRate = blend(remembered(memory, 'rate'), metric.value, newest)
  const measured = { value: metric.value, target: aim.target, index: aim.target / Math.max(metric.value, 1e-9) }
  const delivered = deliveredPart(sight, memory)
  const learned = { use: smoothedUse, rate: smoothedRate, calm, variance, delivered, proven: proven ? 1 : 0 }
  if (sight.without.includes('throughput')) {
    return { ...byUse(sight, { ...memory, ...learned }, 'silenced'), measured }
  }
  if (smoothedRate <= NOTHING * aim.target) return { ...byUse(sight, memory, 'nothing-done'), measured }
  const perUnit = smoothedUse / smoothedRate
  const margin = Math.min(Math.max(Math.exp(DEVIATIONS * Math.sqrt(variance)), MARGIN_LEAST), MARGIN_MOST)
  const wanted = perUnit * aim.target * margin
  // What was asked for before the cost has plainly changed, or while it is learned, says nothing more.
  const window = windowed(calm > NEWEST ? {} : memory, wanted, sight.nowMs)
  const capacity = sight.capacity[CPU] ?? Number.POSITIVE_INFINITY
  const asked = Math.min(Math.min(mostOf(window), wanted * DEARER_MOST) / delivered, capacity)
  const before = remembered(memory, 'need')
  const most = isIdle
    ? (before ?? ROOM * claim.wanted)
    : Math.max(before ?? 0, GROWTH * Math.max(claim.has, claim.wanted))
  const need = proven ? asked : Math.min(asked, most)
  const kept = { ...learned, need, ...window }
  if (isIdle && need < asked) {
    const because = { kind: 'not-this-resource', use, entitlement: claim.has } as const
    return { need: { [CPU]: need }, least: {}, because, measured, memory: kept }
  }
  const least = Math.min((perUnit * aim.target) / delivered, capacity)
  return {
    need: { [CPU]: need },
    least: least <= need ? { [CPU]: least } : {},
    because: {
      kind: 'work-cost',
      use: smoothedUse,
      throughput: smoothedRate,
      target: aim.target,
      perUnit,
      margin,
      delivered,
    },
    measured,
    memory: kept,
  }
}

/**
 * The part of its entitlement that the domain gets while it wants more. A scheduler does not always deliver what a
 * weight promises: a service whose threads hand work to each other sleeps between, and what it does not use then is
 * gone.
 *
 * Worked: 310 millicores in force, 270 used by a domain that waits: 0.87 of what is asked for arrives.
 */
function deliveredPart(sight: Sight, memory: GoalMemory): number {
  const before = remembered(memory, 'delivered') ?? 1
  const claim = claimOf(sight, CPU)
  // What it would not use, however little it waited, says nothing of what would be delivered.
  const isTold = (sight.heldBack[CPU] ?? 0) >= HELD_BACK && wantsAll(claim, claim.has)
  if (claim.has <= 0 || !isTold) return before
  const now = Math.min(Math.max(claim.used / claim.has, DELIVERED_LEAST), 1)
  return blend(before, now, now < before ? WORSE : BETTER)
}

/**
 * Standard deviations between counts of events at random times. Source: Anscombe, "The transformation of Poisson,
 * binomial and negative-binomial data", 1948: the square root makes their variance the same for all counts.
 *
 * Worked: 8 where 16 are awaited are 2.3, 3 where 14 are 3.9, 70 where 100 are 3.3.
 */
function deviations(count: number, awaited: number): number {
  return 2 * Math.abs(Math.sqrt(count + 3 / 8) - Math.sqrt(awaited + 3 / 8))
}

interface Weight {
  readonly calm: number
  readonly newest: number
  readonly variance: number
}

/** Of a reading that has counted already. */
function standing(memory: GoalMemory): Weight {
  return { calm: remembered(memory, 'calm') ?? NEWEST, newest: 0, variance: remembered(memory, 'variance') ?? 0 }
}

/**
 * How much the newest interval counts, and how much the cost varies. Slow while the cost is what it was, so that noise
 * moves nothing; fast once it is not, and calming down after. An interval in which little was worked and next to nothing
 * completed tells as little: in one that is starved a unit costs anything. Nor is it free where the domain stood still
 * and what it did before is told.
 */
function newestWeight(memory: GoalMemory, use: number, rate: number): Weight {
  const usedBefore = remembered(memory, 'use') ?? 0
  const before = usedBefore / Math.max(remembered(memory, 'rate') ?? 0, 1e-9)
  const now = use / Math.max(rate, 1e-9)
  const units = use < USED_LEAST ? 0 : rate / UNITS
  const told = usedBefore > 0 ? Math.min(Math.max(use / usedBefore, units), 1) : 1
  const off = Math.abs(Math.log(now / before))
  const isChance = before === 0 || deviations(rate, use / before) < SELDOM
  // A metric is a moment behind: where work begins or ends, the cost of that interval is none.
  const isMuch = use > TELLING * usedBefore
  const hasChanged = isMuch && told > TELLING && off > Math.log(1 + PLAINLY) && !isChance
  const varied = remembered(memory, 'variance') ?? 0
  const isTelling = before > 0 && isMuch && !hasChanged
  const variance = isTelling ? blend(varied, Math.min(off, 1) ** 2, NEWEST_OF_NOISE) : varied
  const calmed = (remembered(memory, 'calm') ?? Number.POSITIVE_INFINITY) * CALMING
  const calm = hasChanged ? NEWEST_AFTER_CHANGE : Math.min(Math.max(NEWEST, calmed), NEWEST_AFTER_CHANGE)
  return { calm, newest: calm * told, variance }
}

function blend(before: number | undefined, now: number, newest: number): number {
  return before === undefined ? now : before + newest * (now - before)
}
