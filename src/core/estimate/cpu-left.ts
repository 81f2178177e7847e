import { claimOf } from '#core/claim.ts'
import { CPU } from '#core/model/resource.ts'
import type { Sight } from './estimator.ts'

/** CPU is the bottleneck where this much of the entitlement is used, or where the domain waits that long. */
const USED_UP = 0.7
const HELD_BACK = 0.05
/**
 * Waiting for a CPU is not what holds a domain up that stands still for something else so many times as long. Waits for
 * a CPU add up over its threads, while a second in which several of them stand still is told as one.
 */
const RATHER = 2

/**
 * Whether a goal that is missed lacks something else than CPU: the domain uses well less than it is entitled to, and
 * waits for next to none, or for something else far longer.
 *
 * Worked: with 10 of 100 millicores used it waited 5 ms of a second for a CPU, a third of the time that it wanted one;
 * but it stood still for memory for 500 ms.
 */
export function isCpuLeft(sight: Sight): boolean {
  const { heldBack } = sight
  const { has, used, wanted } = claimOf(sight, CPU)
  if (used >= USED_UP * has) return false
  const waitedMs = wanted - used
  const others = Object.entries(heldBack).flatMap(([key, stalled]) => (key === CPU ? [] : [stalled * 1000]))
  return (heldBack[CPU] ?? 0) < HELD_BACK || Math.max(0, ...others) > RATHER * waitedMs
}
