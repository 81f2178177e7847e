import { claimOf, isPlainlyDenied } from '#core/claim.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { type Estimator, remembered, type Sight } from './estimator.ts'
import { byUse, withoutReading } from './without-reading.ts'

/** Weight of the newest turn in the cost of what arrives: work that waited is done in another turn than it came in. */
const NEWEST = 0.1
/** A rise in arrivals is followed at once, a fall when nothing as high has come for so long. */
const PEAK_MS = 10_000
/**
 * Asked for beyond the cost, so that what arrives unevenly is not kept waiting, and that a steady rise is granted before
 * it is used: of what is in force 0.88 are used when a tenth more is asked for, which is granted at once.
 */
const MARGIN = 1.25
/** Who waits this much of the time that he wants a CPU, and has used most of what he has, is held back. */
const HELD_BACK = 0.05
const MOST = 0.9
/** Who waits so much of it, for longer than he runs, may have lost what arrived meanwhile, and wants that no more. */
const LOSES = 0.5
/** Less than this in millicores is done by who stands still; what arrives then is done later. */
const USED_LEAST = 10
/** Where he gets less than this part of what he has. */
const DELIVERED_LEAST = 0.7

/**
 * For work that is counted where it arrives, such as packets received: learns the CPU that one costs, and asks for the
 * worth of what arrives now, up to the target. So it leads the use of CPU, which can be no more than what the domain was
 * given: a use that stands at its limit says that it is not enough, and the arrivals say how much would be. The goal is
 * met where the domain keeps up. Source: the throughput estimator of document A, offered packets x CPU per packet.
 *
 * Worked: 1000 packets/s cost 200 millicores. When 3000 arrive, 750 are asked for at once, though it can use only 200.
 */
export const arrivals: Estimator<'throughput'> = (aim, sight, memory) => {
  const { metric } = sight
  const use = sight.use[CPU]
  if (metric.kind !== 'fresh' || use === undefined) return withoutReading(sight, memory)
  const rate = metric.value
  const known = costOf(remembered(memory, 'spent'), remembered(memory, 'come'))
  const due = rate * (known ?? 0)
  const used = metric.use ?? use
  const isBehind = isHeldBack(sight) && used < MOST * due
  const peak = peakOf(memory, rate, sight.nowMs)
  // Of what arrived, a domain that falls behind has done a part only, so nothing is learned of the cost then.
  const isTold = !isBehind && !metric.isRepeated && used >= USED_LEAST
  const newest = isTold ? tellingPart(peak.rate, remembered(memory, 'come')) : 0
  const spent = blend(remembered(memory, 'spent'), used, newest)
  const come = blend(remembered(memory, 'come'), rate, newest)
  const perUnit = costOf(spent, come) ?? 0
  const learned = { ...peak, spent, come }
  const measured = { value: rate, target: aim.target, index: isBehind ? due / Math.max(used, 1e-9) : 1 }
  if (sight.without.includes('throughput')) {
    return { ...byUse(sight, { ...memory, ...learned }, 'silenced'), measured }
  }
  const wanted = Math.max(Math.min(peak.rate, aim.target) * perUnit, use) * MARGIN
  const need = Math.min(wanted, sight.capacity[CPU] ?? wanted)
  return {
    need: { [CPU]: need },
    least: { [CPU]: Math.min(rate, aim.target) * perUnit },
    because: { kind: 'arrivals', rate: peak.rate, target: aim.target, perUnit, margin: MARGIN },
    measured,
    memory: { need, ...learned },
  }
}

/**
 * How much a turn counts in the cost. Where next to nothing has come for a while, what is used is not spent on that.
 *
 * Worked: where 1000 packets/s are usual and 10 came at most of late, a turn counts for a hundredth of `NEWEST`.
 */
function tellingPart(peakRate: number, usual: number | undefined): number {
  if (usual === undefined || usual <= 0) return 1
  return NEWEST * Math.min(1, peakRate / usual)
}

/** Whether it lacks CPU: it uses up what it has, or is denied that. */
function isHeldBack(sight: Sight): boolean {
  const claim = claimOf(sight, CPU)
  const { has, used } = claim
  const waited = sight.heldBack[CPU] ?? 0
  if (waited >= HELD_BACK && used >= MOST * has) return true
  return isPlainlyDenied(claim, has) || (waited >= LOSES && used < DELIVERED_LEAST * has)
}

function peakOf(memory: GoalMemory, rate: number, nowMs: number): { readonly rate: number; readonly atMs: number } {
  const before = remembered(memory, 'rate')
  const atMs = remembered(memory, 'atMs')
  const stands = before !== undefined && atMs !== undefined && before > rate && nowMs - atMs < PEAK_MS
  return stands ? { rate: before, atMs } : { rate, atMs: nowMs }
}

/** Millicore-seconds for each that arrives; undefined where none has. */
function costOf(spent: number | undefined, come: number | undefined): number | undefined {
  return spent === undefined || come === undefined || come <= 0 ? undefined : spent / come
}

function blend(before: number | undefined, now: number, newest: number): number {
  return before === undefined ? now : before + newest * (now - before)
}
